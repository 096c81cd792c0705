// RUN: aic-opt %s --split-input-file -p narrow-ports --validate-passes | filecheck %s

// What is computed stays in f64; other ports stay as they are.
// CHECK-LABEL: @main
// CHECK-SAME: (%x: tensor<2xf32>{{.*}}, %h: tensor<2xf16>{{.*}}) -> (tensor<2xf32>, tensor<2xf16>)
// CHECK-NEXT: %[[X:.*]] = graph.cast %x {to = f64} : (tensor<2xf32>) -> tensor<2xf64> loc("x")
// CHECK-NEXT: %[[E:.*]] = graph.exp %[[X]] : (tensor<2xf64>) -> tensor<2xf64>
// CHECK-NEXT: %[[Y:.*]] = graph.cast %[[E]] {to = f32} : (tensor<2xf64>) -> tensor<2xf32> loc("power")
// CHECK-NEXT: return %[[Y]], %h
func.func @main(%x: tensor<2xf64> loc("x"), %h: tensor<2xf16>) -> (tensor<2xf64>, tensor<2xf16>) {
  %0 = graph.exp %x : (tensor<2xf64>) -> tensor<2xf64> loc("power")
  func.return %0, %h : tensor<2xf64>, tensor<2xf16>
}

// -----

// CHECK-LABEL: @main
// CHECK: graph.relu %x : (tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT: return
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = graph.relu %x : (tensor<2xf32>) -> tensor<2xf32>
  func.return %0 : tensor<2xf32>
}
