// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @resize
// CHECK-NEXT: graph.resample %x {axis = 1 : i64, pattern = array<i64: 0, 0>, step = 1 : i64} : (tensor<1x4x4x8xf16>) -> tensor<1x8x4x8xf16>
// CHECK-NEXT: graph.interpolate %{{.*}}, %w {axis = 2 : i64, pattern = array<i64: -1, 0>, step = 1 : i64} : (tensor<1x8x4x8xf16>, tensor<8x2xf16>) -> tensor<1x8x8x8xf16>
func.func @resize(%x: tensor<1x4x4x8xf16>, %w: tensor<8x2xf16>) -> tensor<1x8x8x8xf16> {
  %0 = graph.resample %x {axis = 1 : i64, pattern = array<i64: 0, 0>, step = 1 : i64} : (tensor<1x4x4x8xf16>) -> tensor<1x8x4x8xf16>
  %1 = graph.interpolate %0, %w {axis = 2 : i64, pattern = array<i64: -1, 0>, step = 1 : i64} : (tensor<1x8x4x8xf16>, tensor<8x2xf16>) -> tensor<1x8x8x8xf16>
  func.return %1 : tensor<1x8x8x8xf16>
}
