// RUN: aic-opt %s --split-input-file -p sink-transposes | filecheck %s

// A layer in channels-first order around a channels-last one: everything moves into the order from before the transpose.
// CHECK-LABEL: @layer
// CHECK-NEXT: %bias = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<1x1x1x4xf32>> loc("bias")
// CHECK-NEXT: graph.add %x, %bias : (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x8x4xf32> loc("add")
// CHECK-NEXT: graph.relu
// CHECK-NEXT: graph.concat {{.*}} {axis = 3 : i64} {{.*}} -> tensor<1x8x8x8xf32>
// CHECK-NEXT: return
func.func @layer(%x: tensor<1x8x8x4xf32>) -> tensor<1x8x8x8xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x8x8xf32>
  %bias = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<4x1x1xf32>> loc("bias")
  %1 = graph.add %0, %bias : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32> loc("add")
  %2 = graph.relu %1 : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %3 = graph.concat %2, %0 {axis = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32>
  %4 = graph.transpose %3 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  func.return %4 : tensor<1x8x8x8xf32>
}

// -----

// Squeeze and excite: what has size 1 elsewhere fits any order.
// CHECK-LABEL: @gated
// CHECK-NEXT: graph.reduce_mean %x {axes = array<i64: 1, 2>, keepdims = true}
// CHECK-NEXT: graph.sigmoid
// CHECK-NEXT: graph.mul {{.*}} (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>)
// CHECK-NEXT: graph.reduce_max {{.*}} {axes = array<i64: 1, 2>, keepdims = false} {{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: return
func.func @gated(%x: tensor<1x8x8x4xf32>) -> tensor<1x4xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.reduce_mean %0 {axes = array<i64: 2, 3>, keepdims = true} : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
  %2 = graph.sigmoid %1 : (tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %3 = graph.mul %0, %2 : (tensor<1x4x8x8xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %4 = graph.reduce_max %3 {axes = array<i64: 2, 3>, keepdims = false} : (tensor<1x4x8x8xf32>) -> tensor<1x4xf32>
  func.return %4 : tensor<1x4xf32>
}

// -----

// Properties that name dimensions follow.
// CHECK-LABEL: @properties
// CHECK-NEXT: graph.slice %x {starts = array<i64: 0, 2, 3, 1>, {{.*}}stops = array<i64: 2, 6, 8, 3>
// CHECK-NEXT: graph.pad {{.*}} {pads = array<i64: 0, 1, 2, 0, 0, 3, 4, 0>
// CHECK-NEXT: graph.softmax {{.*}} {axis = 3 : i64} : (tensor<2x8x11x2xf32>)
// CHECK-NEXT: graph.batch_norm {{.*}} {axis = 3 : i64
// CHECK-NEXT: graph.transpose
// CHECK-NEXT: return
func.func @properties(%x: tensor<2x8x8x4xf32>, %v: tensor<2xf32>) -> tensor<2x2x8x11xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<2x8x8x4xf32>) -> tensor<2x4x8x8xf32>
  %1 = graph.slice %0 {starts = array<i64: 0, 1, 2, 3>, stops = array<i64: 2, 3, 6, 8>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x4x8x8xf32>) -> tensor<2x2x4x5xf32>
  %2 = graph.pad %1 {pads = array<i64: 0, 0, 1, 2, 0, 0, 3, 4>, value = 0.0 : f64, mode = "constant"} : (tensor<2x2x4x5xf32>) -> tensor<2x2x8x11xf32>
  %3 = graph.softmax %2 {axis = 1 : i64} : (tensor<2x2x8x11xf32>) -> tensor<2x2x8x11xf32>
  %4 = graph.batch_norm %3, %v, %v, %v, %v {axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<2x2x8x11xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x2x8x11xf32>
  func.return %4 : tensor<2x2x8x11xf32>
}

// -----

// A channel shuffle happens in the last dimension.
// CHECK-LABEL: @shuffle
// CHECK-NEXT: graph.reshape %x : (tensor<1x8x8x6xf32>) -> tensor<1x8x8x2x3xf32>
// CHECK-NEXT: graph.transpose {{.*}} {permutation = array<i64: 0, 1, 2, 4, 3>}
// CHECK-NEXT: graph.reshape {{.*}} -> tensor<1x8x8x6xf32>
// CHECK-NEXT: return
func.func @shuffle(%x: tensor<1x8x8x6xf32>) -> tensor<1x8x8x6xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x6xf32>) -> tensor<1x6x8x8xf32>
  %1 = graph.reshape %0 : (tensor<1x6x8x8xf32>) -> tensor<1x2x3x8x8xf32>
  %2 = graph.transpose %1 {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x8x8xf32>) -> tensor<1x3x2x8x8xf32>
  %3 = graph.reshape %2 : (tensor<1x3x2x8x8xf32>) -> tensor<1x6x8x8xf32>
  %4 = graph.transpose %3 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x8x8xf32>) -> tensor<1x8x8x6xf32>
  func.return %4 : tensor<1x8x8x6xf32>
}

// -----

// Operands in different orders stop it.
// CHECK-LABEL: @stopped
// CHECK-NEXT: graph.transpose
// CHECK-NEXT: graph.add
// CHECK-NEXT: return
func.func @stopped(%x: tensor<8x4xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %1 = graph.add %0, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1 : tensor<4x8xf32>
}

// -----

// What is to be integers has its scale behind the transpose as before it, and so do the channels of a constant.
// CHECK-LABEL: @scales
// CHECK: %[[C:.*]] = graph.constant {{.*}} : tensor<1x1x1x2xf32>> {quantized.as = !quantized.uniform<i8, axis 3, {{.*}}>}
// CHECK: %[[A:.*]] = graph.add %x, %[[C]] : (tensor<1x4x4x2xf32>
// CHECK-NEXT: %[[B:.*]] = graph.clip %[[A]] {bounds = array<f64: {{.*}}>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
// CHECK-NEXT: graph.transpose %[[B]] {permutation
func.func @scales(%x: tensor<1x4x4x2xf32>) -> tensor<1x2x4x4xf32> {
  %c = graph.constant #aic.dense<[1.0, 2.0] : tensor<2x1x1xf32>> {quantized.as = !quantized.uniform<i8, axis 0, #aic.dense<[0.5, 1.0] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>}
  %0 = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x4x4xf32>
  %1 = graph.add %0, %c : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %2 = graph.clip %1 {bounds = array<f64: -64.0, 63.5>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  func.return %2 : tensor<1x2x4x4xf32>
}

// -----

// Integers that come in and go out are turned to numbers and back where they are.
// CHECK-LABEL: @integers
// CHECK-NEXT: %[[D:.*]] = quantized.dequantize %q {{.*}} -> tensor<1x2x2x3xf32>
// CHECK-NEXT: %[[Q:.*]] = quantized.quantize %[[D]] {{.*}} -> tensor<1x2x2x3xi8>
// CHECK-NEXT: %[[T:.*]] = graph.transpose %[[Q]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: return %[[T]]
func.func @integers(%q: tensor<1x2x2x3xi8>) -> tensor<1x3x2x2xi8> {
  %0 = graph.transpose %q {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x3xi8>) -> tensor<1x3x2x2xi8>
  %1 = quantized.dequantize %0 {scale = 0.25 : f64, offset = 1 : i64, to = f32} : (tensor<1x3x2x2xi8>) -> tensor<1x3x2x2xf32>
  %2 = quantized.quantize %1 {scale = 0.5 : f64, offset = 1 : i64, to = i8} : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xi8>
  func.return %2 : tensor<1x3x2x2xi8>
}
