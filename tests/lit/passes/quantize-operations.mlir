// RUN: aic-opt %s --split-input-file -p quantize-operations | filecheck %s

// A convolution applies its ReLU or Clip as limits. Integers are made once, behind the input.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[X:.*]] = quantized.quantize %x {offset = 0 : i64, scale = 5.000000e-01 : f64, to = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: graph.constant #aic.dense<{{.*}} : tensor<1x1x2x2x!quantized.uniform<i8, {{.*}}>>>
// CHECK: graph.constant #aic.dense<{{.*}} : tensor<4x2xi32>> loc("conv")
// CHECK-NEXT: %[[Y:.*]] = quantized.conv %[[X]], {{.*}}limits = array<i64: -128, 127>, output_offset = -128 : i64, {{.*}}to = !quantized.uniform<i8, 0.25 : -128>}
// CHECK-NEXT: %[[OUT:.*]] = quantized.dequantize %[[Y]] {offset = -128 : i64, scale = 2.500000e-01 : f64, to = f32}
// CHECK: quantized.conv %[[X]], {{.*}}limits = array<i64: 0, 12>
// CHECK-NEXT: quantized.dequantize
// CHECK-NEXT: return %[[OUT]],
func.func @main(%x: tensor<1x4x4x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) {
  %w = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<1x1x2x2xf32>>
  %0 = graph.conv %x, %w {activation = "relu", dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, quantized.as = !quantized.uniform<i8, 0.25 : -128>} : (tensor<1x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x4x4x2xf32> loc("conv")
  %1 = graph.conv %x, %w {activation = "clip", bounds = array<f64: 0.0, 6.0>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<1x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x4x4x2xf32>
  func.return %0, %1 : tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>
}

// -----

// A sum that a ReLU limits is one op on the scale of the ReLU; so are a constant's integers there.
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = quantized.matmul
// CHECK-NEXT: %[[S:.*]] = quantized.add %[[A]], %[[A]] {input_offsets = array<i64: 0, 0>, limits = array<i64: -128, 127>, {{.*}}output_offset = -128 : i64, {{.*}}to = !quantized.uniform<i8, 0.5 : -128>}
// CHECK-NEXT: %[[C:.*]] = graph.constant #aic.dense<[-128, 127] : tensor<2x!quantized.uniform<i8, 0.015686275 : -128>>>
// CHECK-NEXT: %[[P:.*]] = quantized.mul %[[S]], %[[C]] {input_offsets = array<i64: -128, -128>,
// CHECK: quantized.matmul %[[P]],
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<2x2xf32>>
  %a = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %s = graph.add %a, %a {quantized.as = !quantized.uniform<i8, 2.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %r = graph.relu %s {quantized.as = !quantized.uniform<i8, 0.5 : -128>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = graph.constant #aic.dense<[0.0, 4.0] : tensor<2xf32>>
  %p = graph.mul %r, %c {quantized.as = !quantized.uniform<i8, 0.5 : -128>} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %y = graph.matmul %p, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %y : tensor<2x2xf32>
}

// -----

// What only moves values takes the scale along, whatever its own would be; an average has its own; a concatenation
// brings operands to its scale where they have another; any function of one operand is a table. Padding is what 0 means.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[X:.*]] = quantized.quantize %x
// CHECK-NEXT: %[[T:.*]] = graph.transpose %[[X]] {{.*}} -> tensor<1x4x4x2x!quantized.uniform<i8, 0.5 : 3>>
// CHECK-NEXT: %[[M:.*]] = graph.max_pool %[[T]] {{.*}} -> tensor<1x2x2x2x!quantized.uniform<i8, 0.5 : 3>>
// CHECK-NEXT: %[[P:.*]] = graph.pad %[[M]] {{.*}}value = 3.000000e+00 : f64} {{.*}} -> tensor<1x4x4x2x!quantized.uniform<i8, 0.5 : 3>>
// CHECK-NEXT: %[[A:.*]] = quantized.average_pool %[[T]] {{.*}}to = !quantized.uniform<i8, 0.25 : 0>}
// CHECK-NEXT: %[[S:.*]] = graph.slice %[[P]]
// CHECK-NEXT: %[[R:.*]] = quantized.requantize %[[S]] {input_offset = 3 : i64, {{.*}}to = !quantized.uniform<i8, 0.25 : 0>}
// CHECK-NEXT: %[[C:.*]] = graph.concat %[[R]], %[[A]] {{.*}} -> tensor<1x2x2x4x!quantized.uniform<i8, 0.25 : 0>>
// CHECK-NEXT: graph.constant {{.*}}tensor<256xi8>
// CHECK-NEXT: %[[E:.*]] = quantized.look_up %[[C]], {{.*}} {to = !quantized.uniform<i8, 0.125 : -128>}
// CHECK-NEXT: %[[F:.*]] = graph.reshape %[[E]] {{.*}} -> tensor<1x16x!quantized.uniform<i8, 0.125 : -128>>
// CHECK: quantized.matmul %[[F]],
// CHECK-NEXT: quantized.dequantize
// CHECK-NEXT: return
func.func @main(%x: tensor<1x2x4x4xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 3>}) -> tensor<1x2xf32> {
  %t = graph.transpose %x {permutation = array<i64: 0, 2, 3, 1>, quantized.as = !quantized.uniform<i8, 9.0 : 0>} : (tensor<1x2x4x4xf32>) -> tensor<1x4x4x2xf32>
  %m = graph.max_pool %t {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  %p = graph.pad %m {mode = "constant", pads = array<i64: 0, 1, 1, 0, 0, 1, 1, 0>, value = 0.0 : f64} : (tensor<1x2x2x2xf32>) -> tensor<1x4x4x2xf32>
  %a = graph.average_pool %t {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>, quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  %s = graph.slice %p {starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>, stops = array<i64: 1, 2, 2, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  %c = graph.concat %s, %a {axis = 3 : i64, quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x4xf32>
  %e = graph.sigmoid %c {quantized.as = !quantized.uniform<i8, 0.125 : -128>} : (tensor<1x2x2x4xf32>) -> tensor<1x2x2x4xf32>
  %f = graph.reshape %e : (tensor<1x2x2x4xf32>) -> tensor<1x16xf32>
  %w = graph.constant #aic.dense<1.0 : tensor<16x2xf32>>
  %y = graph.matmul %f, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x16xf32>, tensor<16x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}

// -----

// What has no scale, or no form on integers, or is to stay in floating point, reads and makes numbers; nothing is
// converted twice. Nor is what stands between such ops worth computing on integers.
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = quantized.matmul
// CHECK-NEXT: %[[N:.*]] = quantized.dequantize %[[A]]
// CHECK-NEXT: %[[S:.*]] = graph.softmax %[[N]]
// CHECK-NEXT: %[[Q:.*]] = quantized.quantize %[[S]]
// CHECK: %[[B:.*]] = quantized.matmul %[[A]], %[[Q]],
// CHECK-NEXT: %[[M:.*]] = quantized.dequantize %[[B]]
// CHECK-NEXT: %[[R:.*]] = graph.tanh %[[M]]
// CHECK-NEXT: %[[C:.*]] = graph.matmul %[[R]], %[[R]]
// CHECK-NEXT: graph.matmul %[[C]], %[[N]]
// CHECK-NEXT: return
module attributes {aic.quantization = {in_float = ["listed"]}} {
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<2x2xf32>>
  %a = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %s = graph.softmax %a {axis = 1 : i64, quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %b = graph.matmul %a, %s {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %r = graph.tanh %b {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = graph.matmul %r, %r {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("node"("listed":0:0))
  %y = graph.matmul %c, %a : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %y : tensor<2x2xf32>
}
}

// -----

// An op that stands for several nodes is found by any of them: by the nodes that read its tensor.
// CHECK-LABEL: @main
// CHECK: graph.gelu
// CHECK: quantized.matmul
module attributes {aic.quantization = {in_original = ["erf_out"], nodes = ["erf_out", "erf", "mul_out", "mul_out", "mul", "y"]}} {
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<2x2xf32>>
  %a = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %g = graph.gelu %a {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("mul"("mul_out":0:0))
  %y = graph.matmul %g, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("y")
  func.return %y : tensor<2x2xf32>
}
}

// -----

// Scales of single channels, where the settings ask for them.
// CHECK-LABEL: @main
// CHECK: graph.constant #aic.dense<[127, 0, 0, 127] : tensor<2x2x!quantized.uniform<i8, axis 1, #aic.dense<[{{.*}}] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>>>
module attributes {aic.quantization = {enable_rowwise = true, quantization_schema_constants = "symmetric"}} {
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<[1.0, 0.0, 0.0, 4.0] : tensor<2x2xf32>>
  %y = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %y : tensor<2x2xf32>
}
}
