// RUN: aic-opt %s -p customize-ports,sink-transposes,simplify-graph | filecheck %s

// A convolution has its channels last: ports that have it, too, take away the transposes that the importer has put
// around it, whatever their elements are.
// CHECK: @main(%x: tensor<1x8x8x3xi8> {{.*}}) -> (tensor<1x8x8x4xf16> {aic.name = "y"})
// CHECK-NOT: transpose
// CHECK: %[[X:.*]] = quantized.dequantize %x
// CHECK-NEXT: %[[Y:.*]] = graph.conv %[[X]]
// CHECK-NEXT: %[[R:.*]] = graph.relu %[[Y]]
// CHECK-NEXT: %[[H:.*]] = graph.cast %[[R]] {to = f16}
// CHECK-NEXT: return %[[H]]
func.func @main(%x: tensor<1x3x8x8xf32> {aic.name = "x", aic.layout = "NHWC", aic.element = !quantized.uniform<i8, 0.5 : 0>}, %w: tensor<1x1x3x4xf32> {aic.name = "w"}) -> (tensor<1x4x8x8xf32> {aic.name = "y", aic.layout = "NHWC", aic.element = f16}) {
  %0 = graph.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
  %1 = graph.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<1x1x3x4xf32>) -> tensor<1x8x8x4xf32>
  %2 = graph.transpose %1 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x8x8xf32>
  %3 = graph.relu %2 : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return %3 : tensor<1x4x8x8xf32>
}
