// RUN: aic-opt %s --split-input-file -p recognize-attention | filecheck %s

// As the tracing exporter writes eager attention: the scores divided, a mask added. Splitting and joining heads vanishes.
// CHECK-LABEL: @eager
// CHECK-NEXT: graph.attention %q, %k, %v, %mask {head_dim = 4 : i64, scale = 5.000000e-01 : f64} {{.*}} -> tensor<1x6x8xf32> loc("last")
// CHECK-NEXT: return
func.func @eager(%q: tensor<1x6x8xf32>, %k: tensor<1x6x8xf32>, %v: tensor<1x6x8xf32>, %mask: tensor<1x1x1x6xf32>) -> tensor<1x6x8xf32> {
  %0 = graph.reshape %q : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.reshape %k : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %3 = graph.transpose %2 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x4x6xf32>
  %4 = graph.reshape %v : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %6 = graph.matmul %1, %3 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %root = graph.constant #aic.dense<2.0 : tensor<f32>>
  %7 = graph.div %6, %root : (tensor<1x2x6x6xf32>, tensor<f32>) -> tensor<1x2x6x6xf32>
  %8 = graph.add %7, %mask : (tensor<1x2x6x6xf32>, tensor<1x1x1x6xf32>) -> tensor<1x2x6x6xf32>
  %9 = graph.softmax %8 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %10 = graph.matmul %9, %5 : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32> loc("last")
  %11 = graph.transpose %10 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %12 = graph.reshape %11 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %12 : tensor<1x6x8xf32>
}

// -----

// Scaled-dot-product attention: q and k scaled each, keys transposed in three dimensions, rows that are masked whole
// guarded, a mask that is zero.
// CHECK-LABEL: @scaled_each
// CHECK-NEXT: graph.attention %q, %k, %v {head_dim = 4 : i64, scale = 2.500000e-01 : f64}
// CHECK-NEXT: return
func.func @scaled_each(%q: tensor<1x6x8xf32>, %k: tensor<1x6x8xf32>, %v: tensor<1x6x8xf32>) -> tensor<1x6x8xf32> {
  %half = graph.constant #aic.dense<0.5 : tensor<f32>>
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %mask = graph.constant #aic.dense<0.0 : tensor<1x1x6x6xf32>>
  %0 = graph.reshape %q : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.reshape %k : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %3 = graph.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %4 = graph.reshape %3 : (tensor<1x2x6x4xf32>) -> tensor<2x6x4xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 2, 1>} : (tensor<2x6x4xf32>) -> tensor<2x4x6xf32>
  %6 = graph.reshape %5 : (tensor<2x4x6xf32>) -> tensor<1x2x4x6xf32>
  %7 = graph.reshape %v : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %8 = graph.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %9 = graph.mul %1, %half : (tensor<1x2x6x4xf32>, tensor<f32>) -> tensor<1x2x6x4xf32>
  %10 = graph.mul %6, %half : (tensor<1x2x4x6xf32>, tensor<f32>) -> tensor<1x2x4x6xf32>
  %11 = graph.matmul %9, %10 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %12 = graph.add %11, %mask : (tensor<1x2x6x6xf32>, tensor<1x1x6x6xf32>) -> tensor<1x2x6x6xf32>
  %13 = graph.softmax %12 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %14 = graph.isnan %13 : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xi1>
  %15 = graph.select %14, %zero, %13 : (tensor<1x2x6x6xi1>, tensor<f32>, tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %16 = graph.matmul %15, %8 : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  %17 = graph.transpose %16 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %18 = graph.reshape %17 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %18 : tensor<1x6x8xf32>
}

// -----

// A softmax over another dimension is no attention.
// CHECK-LABEL: @other_axis
// CHECK-NOT: graph.attention
// CHECK: graph.softmax
func.func @other_axis(%q: tensor<2x6x6xf32>, %k: tensor<2x6x6xf32>, %v: tensor<2x6x6xf32>) -> tensor<2x6x6xf32> {
  %0 = graph.matmul %q, %k : (tensor<2x6x6xf32>, tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %1 = graph.softmax %0 {axis = 1 : i64} : (tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %2 = graph.matmul %1, %v : (tensor<2x6x6xf32>, tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  func.return %2 : tensor<2x6x6xf32>
}
