// RUN: aic-opt %s --split-input-file -p simplify-graph | filecheck %s

// Transposes compose and cancel, and what new ops stand for keeps its name in the model.
// CHECK-LABEL: @transposes
// CHECK-NEXT: %0 = graph.transpose %x {permutation = array<i64: 1, 2, 0>} {{.*}} loc("inner")
// CHECK-NEXT: graph.relu %0
// CHECK-NOT: graph.transpose
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<3x4x2xf32>, tensor<2x3x4xf32>) {
  %0 = graph.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32> loc("inner")
  %1 = graph.relu %0 : (tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
  %2 = graph.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32> loc("outer")
  func.return %1, %2 : tensor<3x4x2xf32>, tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: @constant
// CHECK-NEXT: graph.constant #aic.dense<[1.0, 3.0, 2.0, 4.0] : tensor<4xf32>> loc("conv.weight")
// CHECK-NEXT: return
func.func @constant() -> tensor<4xf32> {
  %0 = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<2x2xf32>> loc("conv.weight")
  %1 = graph.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = graph.reshape %1 : (tensor<2x2xf32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @units
// CHECK-NEXT: graph.reshape %x : (tensor<1x8x1x1xf32>) -> tensor<8xf32>
// CHECK-NEXT: return
func.func @units(%x: tensor<1x8x1x1xf32>) -> tensor<8xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x8x1x1xf32>) -> tensor<1x1x1x8xf32>
  %1 = graph.reshape %0 : (tensor<1x1x1x8xf32>) -> tensor<8xf32>
  func.return %1 : tensor<8xf32>
}

// -----

// Keys of attention as the dynamo exporter transposes them.
// CHECK-LABEL: @through_reshape
// CHECK-NEXT: graph.transpose %x {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x3x5x7xf32>) -> tensor<2x3x7x5xf32>
// CHECK-NEXT: return
func.func @through_reshape(%x: tensor<2x3x5x7xf32>) -> tensor<2x3x7x5xf32> {
  %0 = graph.reshape %x : (tensor<2x3x5x7xf32>) -> tensor<6x5x7xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1>} : (tensor<6x5x7xf32>) -> tensor<6x7x5xf32>
  %2 = graph.reshape %1 : (tensor<6x7x5xf32>) -> tensor<2x3x7x5xf32>
  func.return %2 : tensor<2x3x7x5xf32>
}

// -----

// A reshape that merges what a transpose has moved apart stays below it.
// CHECK-LABEL: @merging_reshape
// CHECK-NEXT: graph.transpose
// CHECK-NEXT: graph.reshape
// CHECK-NEXT: return
func.func @merging_reshape(%x: tensor<2x3x5x7xf32>) -> tensor<2x5x21xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x3x5x7xf32>) -> tensor<2x5x3x7xf32>
  %1 = graph.reshape %0 : (tensor<2x5x3x7xf32>) -> tensor<2x5x21xf32>
  func.return %1 : tensor<2x5x21xf32>
}

// -----

// CHECK-LABEL: @idle
// CHECK-NEXT: return %x
func.func @idle(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = graph.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 2, 4>, steps = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = graph.concat %0 {axis = 1} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = graph.pad %1 {pads = array<i64: 0, 0, 0, 0>, value = 0.0 : f64, mode = "constant"} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = graph.expand %2 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %one = graph.constant #aic.dense<1.0 : tensor<1xf32>>
  %4 = graph.mul %one, %3 : (tensor<1xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %5 = graph.sub %4, %zero : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
  func.return %5 : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: @not_idle
// CHECK: graph.slice
// CHECK: graph.sub %zero
// CHECK: graph.cast {{.*}} {to = f16}
// CHECK: graph.cast {{.*}} {to = f32}
func.func @not_idle(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.slice %x {starts = array<i64: 3>, stops = array<i64: -1>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %1 = graph.sub %zero, %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.cast %1 {to = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %3 = graph.cast %2 {to = f32} : (tensor<4xf16>) -> tensor<4xf32>
  func.return %3 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @expanded_mask
// CHECK-NEXT: graph.not %m : (tensor<1x1x1x8xi1>)
// CHECK-NEXT: graph.select {{.*}} -> tensor<1x4x8x8xf32>
// CHECK-NEXT: return
func.func @expanded_mask(%m: tensor<1x1x1x8xi1>, %a: tensor<1x4x8x8xf32>, %b: tensor<f32>) -> tensor<1x4x8x8xf32> {
  %0 = graph.expand %m : (tensor<1x1x1x8xi1>) -> tensor<1x1x8x8xi1>
  %1 = graph.not %0 : (tensor<1x1x8x8xi1>) -> tensor<1x1x8x8xi1>
  %2 = graph.select %1, %a, %b : (tensor<1x1x8x8xi1>, tensor<1x4x8x8xf32>, tensor<f32>) -> tensor<1x4x8x8xf32>
  func.return %2 : tensor<1x4x8x8xf32>
}

// -----

// CHECK-LABEL: @gathered_range
// CHECK-NEXT: graph.slice %x {starts = array<i64: 0, 1>, steps = array<i64: 1, 1>, stops = array<i64: 3, 4>}
// CHECK-NEXT: graph.reshape {{.*}} -> tensor<3x1x3xf32>
// CHECK-NEXT: return
func.func @gathered_range(%x: tensor<3x5xf32>) -> tensor<3x1x3xf32> {
  %i = graph.constant #aic.dense<[1, 2, -2] : tensor<1x3xi64>>
  %0 = graph.gather %x, %i {axis = 1} : (tensor<3x5xf32>, tensor<1x3xi64>) -> tensor<3x1x3xf32>
  func.return %0 : tensor<3x1x3xf32>
}

// -----

// CHECK-LABEL: @selection
// CHECK-NEXT: return %a
func.func @selection(%a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
  %c = graph.constant #aic.dense<true : tensor<2xi1>>
  %0 = graph.select %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %0 : tensor<2xf32>
}

// -----

// CHECK-LABEL: @padding
// CHECK-NEXT: graph.conv %x, %w {{.*}} pads = array<i64: 1, 2, 4, 4>
// CHECK-NEXT: return
func.func @padding(%x: tensor<1x8x8x2xf32>, %w: tensor<3x3x2x4xf32>) -> tensor<1x11x12x4xf32> {
  %0 = graph.pad %x {pads = array<i64: 0, 0, 1, 0, 0, 3, 3, 0>, value = 0.0 : f64, mode = "constant"} : (tensor<1x8x8x2xf32>) -> tensor<1x11x12x2xf32>
  %1 = graph.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x11x12x2xf32>, tensor<3x3x2x4xf32>) -> tensor<1x11x12x4xf32>
  func.return %1 : tensor<1x11x12x4xf32>
}

// -----

// Linear layers on matrices of all tokens: the rows keep the shape that they have around them.
// CHECK-LABEL: @linear_layers
// CHECK-NEXT: %[[A:.*]] = graph.matmul %x, %w, %b {activation = "relu"} : (tensor<2x3x4xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32> loc("first")
// CHECK-NEXT: graph.matmul %[[A]], %u : (tensor<2x3x8xf32>, tensor<8x4xf32>) -> tensor<2x3x4xf32> loc("second")
// CHECK-NEXT: return
func.func @linear_layers(%x: tensor<2x3x4xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>, %u: tensor<8x4xf32>) -> tensor<2x3x4xf32> {
  %0 = graph.reshape %x : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %1 = graph.matmul %0, %w, %b {activation = "relu"} : (tensor<6x4xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<6x8xf32> loc("first")
  %2 = graph.matmul %1, %u : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32> loc("second")
  %3 = graph.reshape %2 : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  func.return %3 : tensor<2x3x4xf32>
}

// -----

// Parts of a product's columns, of which the last are not read, are products of their own.
// CHECK-LABEL: @parts
// CHECK: %[[B:.*]] = graph.constant #aic.dense<2.0 : tensor<64xf32>> loc("bias")
// CHECK: %[[Q:.*]] = graph.matmul %x, %{{.*}}, %[[B]] : (tensor<3x1xf32>, tensor<1x64xf32>, tensor<64xf32>) -> tensor<3x64xf32> loc("qkv")
// CHECK: %[[K:.*]] = graph.matmul %x, %{{.*}}, %{{.*}} -> tensor<3x64xf32> loc("qkv")
// CHECK-NEXT: return %[[Q]], %[[K]]
func.func @parts(%x: tensor<3x1xf32>) -> (tensor<3x64xf32>, tensor<3x64xf32>) {
  %w = graph.constant #aic.dense<1.0 : tensor<1x192xf32>>
  %b = graph.constant #aic.dense<2.0 : tensor<192xf32>> loc("bias")
  %0 = graph.matmul %x, %w, %b : (tensor<3x1xf32>, tensor<1x192xf32>, tensor<192xf32>) -> tensor<3x192xf32> loc("qkv")
  %1 = graph.slice %0 {starts = array<i64: 0, 0>, stops = array<i64: 3, 64>, steps = array<i64: 1, 1>} : (tensor<3x192xf32>) -> tensor<3x64xf32>
  %2 = graph.slice %0 {starts = array<i64: 0, 64>, stops = array<i64: 3, 128>, steps = array<i64: 1, 1>} : (tensor<3x192xf32>) -> tensor<3x64xf32>
  func.return %1, %2 : tensor<3x64xf32>, tensor<3x64xf32>
}

// -----

// A product that is read whole as well stays one.
// CHECK-LABEL: @parts_and_whole
// CHECK: graph.matmul
// CHECK-NEXT: graph.slice
func.func @parts_and_whole(%x: tensor<3x1xf32>) -> (tensor<3x64xf32>, tensor<3x128xf32>) {
  %w = graph.constant #aic.dense<1.0 : tensor<1x128xf32>>
  %0 = graph.matmul %x, %w : (tensor<3x1xf32>, tensor<1x128xf32>) -> tensor<3x128xf32>
  %1 = graph.slice %0 {starts = array<i64: 0, 0>, stops = array<i64: 3, 64>, steps = array<i64: 1, 1>} : (tensor<3x128xf32>) -> tensor<3x64xf32>
  func.return %1, %0 : tensor<3x64xf32>, tensor<3x128xf32>
}

// -----

// A limit of limited numbers is one limit. It has the scale of what it stands for; where numbers are to be integers of
// another scale between, both stay.
// CHECK-LABEL: @limits
// CHECK-NEXT: %[[A:.*]] = graph.clip %x {bounds = array<f64: 0.000000e+00, 1.000000e+00>, quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: %[[B:.*]] = graph.clip %x {bounds = array<f64: 0.000000e+00, 2.000000e+00>, quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: %[[C:.*]] = graph.clip %x {{.*}} quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: %[[D:.*]] = graph.clip %[[C]] {{.*}} quantized.as = !quantized.uniform<i8, 0.25 : 0>}
// CHECK-NEXT: %[[E:.*]] = graph.relu %x
// CHECK-NEXT: return %[[A]], %[[B]], %[[D]], %[[E]]
func.func @limits(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = graph.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %a = graph.clip %0 {bounds = array<f64: -1.0, 1.0>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.clip %x {bounds = array<f64: -2.0, 2.0>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %b = graph.relu %1 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.clip %x {bounds = array<f64: -2.0, 2.0>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %d = graph.clip %2 {bounds = array<f64: -1.0, 1.0>, quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = graph.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %e = graph.relu %3 : (tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %b, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Scales of weights go with their dimension, and with the columns that are taken; those of products with their parts. What
// has a scale is not idle.
// CHECK-LABEL: @scales
// CHECK: graph.constant {{.*}} : tensor<1x2x3xf32>> {quantized.as = !quantized.uniform<i8, axis 2, #aic.dense<[0.5, 1.0, 2.0] : tensor<3xf32>>, #aic.dense<0 : tensor<3xi32>>>}
// CHECK: graph.reshape %x {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK: graph.add %x, %{{.*}} {quantized.as = !quantized.uniform<i8, 0.25 : 0>}
func.func @scales(%x: tensor<1x2x3xf32>) -> (tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>) {
  %w = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : tensor<3x2xf32>> {quantized.as = !quantized.uniform<i8, axis 0, #aic.dense<[0.5, 1.0, 2.0] : tensor<3xf32>>, #aic.dense<0 : tensor<3xi32>>>}
  %0 = graph.transpose %w {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %1 = graph.reshape %0 : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %2 = graph.reshape %x {quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %3 = graph.add %x, %zero {quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<1x2x3xf32>, tensor<f32>) -> tensor<1x2x3xf32>
  func.return %1, %2, %3 : tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>
}

// -----

// CHECK-LABEL: @scales_of_parts
// CHECK: graph.constant {{.*}} : tensor<1x64xf32>> {quantized.as = !quantized.uniform<i8, axis 1, #aic.dense<{{.*}} : tensor<64xf32>>, #aic.dense<0 : tensor<64xi32>>>}
// CHECK: graph.matmul {{.*}} {quantized.as = !quantized.uniform<i8, 0.5 : 3>} : {{.*}} -> tensor<3x64xf32>
// CHECK: graph.matmul {{.*}} {quantized.as = !quantized.uniform<i8, 0.5 : 3>} : {{.*}} -> tensor<3x64xf32>
func.func @scales_of_parts(%x: tensor<3x1xf32>) -> (tensor<3x64xf32>, tensor<3x64xf32>) {
  %w = graph.constant #aic.dense<1.0 : tensor<1x128xf32>> {quantized.as = !quantized.uniform<i8, axis 1, #aic.dense<0.5 : tensor<128xf32>>, #aic.dense<0 : tensor<128xi32>>>}
  %0 = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 0.5 : 3>} : (tensor<3x1xf32>, tensor<1x128xf32>) -> tensor<3x128xf32>
  %1 = graph.slice %0 {starts = array<i64: 0, 0>, stops = array<i64: 3, 64>, steps = array<i64: 1, 1>} : (tensor<3x128xf32>) -> tensor<3x64xf32>
  %2 = graph.slice %0 {starts = array<i64: 0, 64>, stops = array<i64: 3, 128>, steps = array<i64: 1, 1>} : (tensor<3x128xf32>) -> tensor<3x64xf32>
  func.return %1, %2 : tensor<3x64xf32>, tensor<3x64xf32>
}
