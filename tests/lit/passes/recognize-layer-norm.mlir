// RUN: aic-opt %s --split-input-file -p recognize-layer-norm,fold-constants | filecheck %s

// CHECK-LABEL: @layer_norm
// CHECK-DAG: %s = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<4xf32>>
// CHECK-DAG: %b = graph.constant #aic.dense<[5.0, 6.0, 7.0, 8.0] : tensor<4xf32>>
// CHECK: graph.layer_norm %x, %s{{.*}}, %b{{.*}} {epsilon = {{.*}}} {{.*}} loc("div")
// CHECK-NEXT: return
func.func @layer_norm(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %mean = graph.reduce_mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %centred = graph.sub %x, %mean : (tensor<2x3x4xf32>, tensor<2x3x1xf32>) -> tensor<2x3x4xf32>
  %two = graph.constant #aic.dense<2.0 : tensor<f32>>
  %square = graph.pow %centred, %two : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<2x3x4xf32>
  %variance = graph.reduce_mean %square {axes = array<i64: 2>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %epsilon = graph.constant #aic.dense<1.0e-5 : tensor<f32>>
  %sum = graph.add %variance, %epsilon : (tensor<2x3x1xf32>, tensor<f32>) -> tensor<2x3x1xf32>
  %root = graph.sqrt %sum : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %normal = graph.div %centred, %root : (tensor<2x3x4xf32>, tensor<2x3x1xf32>) -> tensor<2x3x4xf32> loc("div")
  %s = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<4xf32>>
  %scaled = graph.mul %s, %normal : (tensor<4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %b = graph.constant #aic.dense<[5.0, 6.0, 7.0, 8.0] : tensor<1x1x4xf32>>
  %result = graph.add %scaled, %b : (tensor<2x3x4xf32>, tensor<1x1x4xf32>) -> tensor<2x3x4xf32>
  func.return %result : tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: @rms_norm
// CHECK: graph.rms_norm %x
// CHECK-NEXT: return
func.func @rms_norm(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %square = graph.mul %x, %x : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %mean = graph.reduce_mean %square {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %epsilon = graph.constant #aic.dense<1.0e-5 : tensor<f32>>
  %sum = graph.add %mean, %epsilon : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %inverse = graph.rsqrt %sum : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %result = graph.mul %x, %inverse : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  func.return %result : tensor<2x4xf32>
}

// -----

// A mean over another dimension is something else.
// CHECK-LABEL: @other_axis
// CHECK-NOT: graph.rms_norm
// CHECK: graph.div
func.func @other_axis(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %square = graph.mul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %mean = graph.reduce_mean %square {axes = array<i64: 0>, keepdims = true} : (tensor<4x4xf32>) -> tensor<1x4xf32>
  %epsilon = graph.constant #aic.dense<1.0e-5 : tensor<f32>>
  %sum = graph.add %mean, %epsilon : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  %root = graph.sqrt %sum : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %result = graph.div %x, %root : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  func.return %result : tensor<4x4xf32>
}
