// RUN: AIC_DIAGNOSTICS

// CHECK: graph-errors.mlir:[[# @LINE + 2]]:3: graph.add (sum): {{.*}}shapes (2,), (3,) do not broadcast
func.func @shapes(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = graph.add %x, %y : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32> loc("sum")
  func.return %0 : tensor<3xf32>
}

// -----

// CHECK: graph.relu: {{.*}}result type is tensor<3xf32>, but operands and properties give tensor<2xf32>
func.func @result(%x: tensor<2xf32>) -> tensor<3xf32> {
  %0 = graph.relu %x : (tensor<2xf32>) -> tensor<3xf32>
  func.return %0 : tensor<3xf32>
}

// -----

// CHECK: graph.matmul: {{.*}}activation 'exp' is none of relu
func.func @activation(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = graph.matmul %x, %x {activation = "exp"} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %0 : tensor<2x2xf32>
}

// -----

// CHECK: graph.constant takes an #aic.weight or an #aic.dense
func.func @constant() -> tensor<2xf32> {
  %0 = graph.constant dense<1.0> : tensor<2xf32>
  func.return %0 : tensor<2xf32>
}
