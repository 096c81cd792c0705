// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @move
// CHECK-NEXT: graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
// CHECK-NEXT: graph.reshape %{{.*}} : (tensor<6x2xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: graph.slice %{{.*}} {starts = array<i64: 2, 0>, steps = array<i64: -1, 1>, stops = array<i64: -1, 4>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: graph.pad %{{.*}} {mode = "constant", pads = array<i64: 0, 1, 0, 0>, value = 0xfff0000000000000 : f64} : (tensor<3x4xf32>) -> tensor<3x5xf32>
// CHECK-NEXT: graph.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<6x5xf32>
// CHECK-NEXT: graph.gather %{{.*}}, %i {axis = 0 : i64} : (tensor<6x5xf32>, tensor<2x2xi64>) -> tensor<2x2x5xf32>
func.func @move(%x: tensor<2x6xf32>, %i: tensor<2x2xi64>) -> tensor<2x2x5xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  %1 = graph.reshape %0 : (tensor<6x2xf32>) -> tensor<3x4xf32>
  %2 = graph.slice %1 {starts = array<i64: 2, 0>, steps = array<i64: -1, 1>, stops = array<i64: -1, 4>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %3 = graph.pad %2 {mode = "constant", pads = array<i64: 0, 1, 0, 0>, value = 0xfff0000000000000 : f64} : (tensor<3x4xf32>) -> tensor<3x5xf32>
  %4 = graph.concat %3, %3 {axis = 0 : i64} : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<6x5xf32>
  %5 = graph.gather %4, %i {axis = 0 : i64} : (tensor<6x5xf32>, tensor<2x2xi64>) -> tensor<2x2x5xf32>
  func.return %5 : tensor<2x2x5xf32>
}
