// RUN: aic-opt %s --split-input-file -p fold-batch-norm | filecheck %s

// 2 x + 1 becomes (2 x + 1 - 3) * 4 / sqrt(4) + 5, and twice that.
// CHECK-LABEL: @into_weights
// CHECK-DAG: graph.constant #aic.dense<8.0 : tensor<1x1x1x2xf32>> loc("weight")
// CHECK-DAG: graph.constant #aic.dense<[2.0, -4.0] : tensor<2xf32>>
// CHECK: graph.conv {{.*}} loc("conv")
// CHECK-NEXT: return
func.func @into_weights(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32> {
  %w = graph.constant #aic.dense<2.0 : tensor<1x1x1x2xf32>> loc("weight")
  %b = graph.constant #aic.dense<1.0 : tensor<2xf32>>
  %0 = graph.conv %x, %w, %b {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>, tensor<1x1x1x2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32> loc("conv")
  %scale = graph.constant #aic.dense<4.0 : tensor<2xf32>>
  %bias = graph.constant #aic.dense<[5.0, 2.0] : tensor<2xf32>>
  %mean = graph.constant #aic.dense<3.0 : tensor<2xf32>>
  %variance = graph.constant #aic.dense<4.0 : tensor<2xf32>>
  %1 = graph.batch_norm %0, %scale, %bias, %mean, %variance {axis = 3 : i64, epsilon = 0.0 : f64} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %two = graph.constant #aic.dense<2.0 : tensor<f32>>
  %2 = graph.mul %1, %two : (tensor<1x4x4x2xf32>, tensor<f32>) -> tensor<1x4x4x2xf32>
  func.return %2 : tensor<1x4x4x2xf32>
}

// -----

// A convolution that others read keeps its weights; the batch normalization becomes a product and a sum.
// CHECK-LABEL: @shared
// CHECK: graph.conv {{.*}} loc("conv")
// CHECK-DAG: graph.constant #aic.dense<0.5 : tensor<1x1x1x2xf32>>
// CHECK-DAG: graph.constant #aic.dense<[0.5, -0.5] : tensor<1x1x1x2xf32>>
// CHECK: graph.mul {{.*}} loc("norm")
// CHECK-NEXT: graph.add {{.*}} loc("norm")
// CHECK-NEXT: return
func.func @shared(%x: tensor<1x4x4x1xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) {
  %w = graph.constant #aic.dense<2.0 : tensor<1x1x1x2xf32>>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x2xf32> loc("conv")
  %scale = graph.constant #aic.dense<1.0 : tensor<2xf32>>
  %bias = graph.constant #aic.dense<[1.0, 0.0] : tensor<2xf32>>
  %mean = graph.constant #aic.dense<1.0 : tensor<2xf32>>
  %variance = graph.constant #aic.dense<4.0 : tensor<2xf32>>
  %1 = graph.batch_norm %0, %scale, %bias, %mean, %variance {axis = 3 : i64, epsilon = 0.0 : f64} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32> loc("norm")
  func.return %0, %1 : tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>
}

// -----

// Weights that are given as integers stay as they are, and what is to be integers before the product is.
// CHECK-LABEL: @integers
// CHECK: %[[A:.*]] = graph.matmul %x, %{{.*}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("given")
// CHECK: graph.mul %[[A]],
// CHECK: %[[B:.*]] = graph.matmul %x, %{{.*}} {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK: graph.mul %[[B]],
func.func @integers(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %two = graph.constant #aic.dense<2.0 : tensor<f32>>
  %w = graph.constant #aic.dense<3.0 : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
  %0 = graph.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("given")
  %1 = graph.mul %0, %two : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %v = graph.constant #aic.dense<3.0 : tensor<2x2xf32>>
  %2 = graph.matmul %x, %v {quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = graph.mul %2, %two : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  func.return %1, %3 : tensor<2x2xf32>, tensor<2x2xf32>
}
