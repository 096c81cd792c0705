// RUN: aic-opt %s --split-input-file -p fold-constants | filecheck %s

// CHECK-LABEL: @chain
// CHECK-NEXT: graph.constant #aic.dense<[3.0, 4.0] : tensor<2xf32>> loc("sqrt")
// CHECK-NEXT: return
func.func @chain() -> tensor<2xf32> {
  %0 = graph.constant #aic.dense<[8.0, 15.0] : tensor<2xf32>>
  %1 = graph.constant #aic.dense<1.0 : tensor<f32>>
  %2 = graph.add %0, %1 : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32> loc("add")
  %3 = graph.sqrt %2 : (tensor<2xf32>) -> tensor<2xf32> loc("sqrt")
  func.return %3 : tensor<2xf32>
}

// -----

// Moving and converting a weight touches no bytes (the store has none for this key).
// CHECK-LABEL: @handle
// CHECK-NEXT: graph.constant #aic.weight<"w" : tensor<16x64xf32>> loc("fc.weight")
// CHECK-NEXT: return
func.func @handle() -> tensor<16x64xf32> {
  %0 = graph.constant #aic.weight<"w" : tensor<32x32xf32>> loc("fc.weight")
  %1 = graph.reshape %0 : (tensor<32x32xf32>) -> tensor<16x64xf32>
  func.return %1 : tensor<16x64xf32>
}

// -----

// Sums that BLAS would compute are left to the run.
// CHECK-LABEL: @blas
// CHECK: graph.matmul
func.func @blas() -> tensor<1x1xf32> {
  %0 = graph.constant #aic.dense<[1.0, 2.0] : tensor<1x2xf32>>
  %1 = graph.constant #aic.dense<[1.0, 2.0] : tensor<2x1xf32>>
  %2 = graph.matmul %0, %1 : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  func.return %2 : tensor<1x1xf32>
}

// -----

// A large tensor is not made from a small one.
// CHECK-LABEL: @large
// CHECK: graph.expand
func.func @large() -> tensor<1024x1024xf32> {
  %0 = graph.constant #aic.dense<1.0 : tensor<1x1xf32>>
  %1 = graph.expand %0 : (tensor<1x1xf32>) -> tensor<1024x1024xf32>
  func.return %1 : tensor<1024x1024xf32>
}

// -----

// Scales go with the channels of a constant that is moved, and with a result that is to be integers.
// CHECK-LABEL: @scales
// CHECK-DAG: graph.constant {{.*}} : tensor<3x2xf32>> {quantized.as = !quantized.uniform<i8, axis 1, #aic.dense<[0.5, 1.0] : tensor<2xf32>>, {{.*}}>}
// CHECK-DAG: graph.constant #aic.dense<[3.0, 4.0] : tensor<2xf32>> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
func.func @scales() -> (tensor<3x2xf32>, tensor<2xf32>) {
  %0 = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : tensor<2x3xf32>> {quantized.as = !quantized.uniform<i8, axis 0, #aic.dense<[0.5, 1.0] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>}
  %1 = graph.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = graph.constant #aic.dense<[3.0, 5.0] : tensor<2xf32>>
  %3 = graph.clip %2 {bounds = array<f64: 0.0, 4.0>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<2xf32>) -> tensor<2xf32>
  func.return %1, %3 : tensor<3x2xf32>, tensor<2xf32>
}
