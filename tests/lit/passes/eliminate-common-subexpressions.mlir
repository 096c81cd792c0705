// RUN: aic-opt %s -p eliminate-common-subexpressions | filecheck %s

// CHECK-LABEL: @twice
// CHECK-NEXT: graph.constant
// CHECK-NEXT: %[[SUM:.*]] = graph.add %x, {{.*}} loc("first")
// CHECK-NEXT: graph.mul %[[SUM]], %[[SUM]]
// CHECK-NEXT: return
func.func @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = graph.constant #aic.dense<3.0 : tensor<f32>>
  %1 = graph.add %x, %0 : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32> loc("first")
  %2 = graph.constant #aic.dense<3.0 : tensor<f32>>
  %3 = graph.add %x, %2 : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32> loc("second")
  %4 = graph.mul %1, %3 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %5 = graph.relu %4 : (tensor<2xf32>) -> tensor<2xf32>
  func.return %4 : tensor<2xf32>
}

// What is to have different scales as integers stays apart.
// CHECK-LABEL: @scales
// CHECK-NEXT: %[[A:.*]] = graph.relu %x {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: %[[B:.*]] = graph.relu %x {quantized.as = !quantized.uniform<i8, 0.25 : 0>}
// CHECK-NEXT: return %[[A]], %[[B]], %[[A]]
func.func @scales(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = graph.relu %x {quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<2xf32>) -> tensor<2xf32>
  %1 = graph.relu %x {quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = graph.relu %x {quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<2xf32>) -> tensor<2xf32>
  func.return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}
