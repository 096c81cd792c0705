// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @pool
// CHECK-NEXT: graph.max_pool %x {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 3, 3>, {{.*}}} : (tensor<1x9x9x4xf16>) -> tensor<1x4x4x4xf16>
// CHECK-NEXT: graph.average_pool
// CHECK-NEXT: graph.reduce_mean %{{.*}} {axes = array<i64: 1, 2>, keepdims = true} : (tensor<1x2x2x4xf16>) -> tensor<1x1x1x4xf16>
func.func @pool(%x: tensor<1x9x9x4xf16>) -> tensor<1x1x1x4xf16> {
  %0 = graph.max_pool %x {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x9x9x4xf16>) -> tensor<1x4x4x4xf16>
  %1 = graph.average_pool %0 {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x4x4x4xf16>) -> tensor<1x2x2x4xf16>
  %2 = graph.reduce_mean %1 {axes = array<i64: 1, 2>, keepdims = true} : (tensor<1x2x2x4xf16>) -> tensor<1x1x1x4xf16>
  func.return %2 : tensor<1x1x1x4xf16>
}
