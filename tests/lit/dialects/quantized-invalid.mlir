// RUN: AIC_DIAGNOSTICS

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: quantized.uniform: i4 is none of i8, i16, i32
func.func @storage(%x: tensor<2x!quantized.uniform<i4, 0.5 : 0>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: a scale is a number
func.func @nan(%x: tensor<2x!quantized.uniform<i8, nan(0x7fc00000) : 0>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: quantized.uniform: a scale is not a number above 0
func.func @scale(%x: tensor<2x!quantized.uniform<i8, 1.0e-60 : 0>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: an offset is an integer of 32 bits
func.func @wide_offset(%x: tensor<2x!quantized.uniform<i32, 0.5 : 2147483648>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: quantized.uniform: an offset is outside -128 to 127
func.func @offset(%x: tensor<2x!quantized.uniform<i8, 0.5 : 128>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:
// CHECK: quantized.uniform: as many scales as offsets, got tensor<2xf32> and tensor<3xi32>
func.func @channels(%x: tensor<2x!quantized.uniform<i8, axis 0, #aic.dense<0.5 : tensor<2xf32>>, #aic.dense<0 : tensor<3xi32>>>>) {
  func.return
}

// -----

// CHECK: quantized-invalid.mlir:[[# @LINE + 2]]:3: quantized.requantize (y): {{.*}}input_offset 0, but the type is !quantized.uniform<i8, 0.5 : 3>
func.func @other_offset(%x: tensor<2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2xi8> {
  %0 = quantized.requantize %x {input_offset = 0 : i64, limits = array<i64: -128, 127>, multiplier = 1 : i64, output_offset = 0 : i64, shift = 1 : i64, to = i8} : (tensor<2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2xi8> loc("y")
  func.return %0 : tensor<2xi8>
}

// -----

// CHECK: quantized.dequantize: {{.*}}scale 0.25, but the type is !quantized.uniform<i8, 0.5 : 3>
func.func @other_scale(%x: tensor<2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2xf32> {
  %0 = quantized.dequantize %x {offset = 3 : i64, scale = 0.25 : f64, to = f32} : (tensor<2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2xf32>
  func.return %0 : tensor<2xf32>
}

// -----

// CHECK: quantized.mul: {{.*}}multiplier 1 and shift 46; they are 0 to 2^31 - 1 and 1 to 45
func.func @shift(%x: tensor<2xi8>) -> tensor<2xi8> {
  %0 = quantized.mul %x, %x {input_offsets = array<i64: 0, 0>, limits = array<i64: -128, 127>, multiplier = 1 : i64, output_offset = 0 : i64, shift = 46 : i64, to = i8} : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  func.return %0 : tensor<2xi8>
}

// -----

// CHECK: quantized.matmul: {{.*}}a table of i32 [4, 2] rescales, got tensor<3x2xi32>
func.func @table(%x: tensor<2x2xi8>, %t: tensor<3x2xi32>) -> tensor<2x2xi8> {
  %0 = quantized.matmul %x, %x, %t {input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, to = i8} : (tensor<2x2xi8>, tensor<2x2xi8>, tensor<3x2xi32>) -> tensor<2x2xi8>
  func.return %0 : tensor<2x2xi8>
}

// -----

// CHECK: quantized.look_up: {{.*}}a table of 256 i8, got tensor<16xi8>
func.func @entries(%x: tensor<2xi8>, %t: tensor<16xi8>) -> tensor<2xi8> {
  %0 = quantized.look_up %x, %t {to = i8} : (tensor<2xi8>, tensor<16xi8>) -> tensor<2xi8>
  func.return %0 : tensor<2xi8>
}

// -----

// CHECK: quantized.quantize: {{.*}}result type is tensor<2xi16>, but operands and properties give tensor<2xi8>
func.func @result(%x: tensor<2xf32>) -> tensor<2xi16> {
  %0 = quantized.quantize %x {offset = 0 : i64, scale = 0.5 : f64, to = i8} : (tensor<2xf32>) -> tensor<2xi16>
  func.return %0 : tensor<2xi16>
}

// -----

// CHECK: quantized.requantize: {{.*}}multiplier 2147483648 and shift 1; they are 0 to 2^31 - 1 and 1 to 45
func.func @multiplier(%x: tensor<2xi8>) -> tensor<2xi8> {
  %0 = quantized.requantize %x {input_offset = 0 : i64, limits = array<i64: -128, 127>, multiplier = 2147483648 : i64, output_offset = 0 : i64, shift = 1 : i64, to = i8} : (tensor<2xi8>) -> tensor<2xi8>
  func.return %0 : tensor<2xi8>
}

// -----

// CHECK: quantized.add: {{.*}}multipliers [1, -1] and shift 1; they are two from 0 to 2^31 - 1 and 1 to 45
func.func @multipliers(%x: tensor<2xi8>) -> tensor<2xi8> {
  %0 = quantized.add %x, %x {input_offsets = array<i64: 0, 0>, limits = array<i64: -128, 127>, multipliers = array<i64: 1, -1>, output_offset = 0 : i64, shift = 1 : i64, to = i8} : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  func.return %0 : tensor<2xi8>
}

// -----

// CHECK: quantized.average_pool: {{.*}}limits [-129, 127] are no two integers from -128 to 127
func.func @limits(%x: tensor<1x2x2x1xi8>) -> tensor<1x1x1x1xi8> {
  %0 = quantized.average_pool %x {dilations = array<i64: 1, 1>, input_offset = 0 : i64, kernel_shape = array<i64: 2, 2>, limits = array<i64: -129, 127>, multiplier = 1 : i64, output_offset = 0 : i64, pads = array<i64: 0, 0, 0, 0>, shift = 1 : i64, strides = array<i64: 1, 1>, to = i8} : (tensor<1x2x2x1xi8>) -> tensor<1x1x1x1xi8>
  func.return %0 : tensor<1x1x1x1xi8>
}

// -----

// CHECK: quantized.matmul: {{.*}}multiplier -1 of column 1 is outside 0 to 2147483647
func.func @table_multiplier(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %t = graph.constant #aic.dense<[0, 0, 1, -1, 1, 1, 0, 0] : tensor<4x2xi32>>
  %0 = quantized.matmul %x, %x, %t {input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, to = i8} : (tensor<2x2xi8>, tensor<2x2xi8>, tensor<4x2xi32>) -> tensor<2x2xi8>
  func.return %0 : tensor<2x2xi8>
}

// -----

// CHECK: quantized.conv: {{.*}}shift 46 of column 0 is outside 1 to 45
func.func @table_shift(%x: tensor<1x2x2x1xi8>, %w: tensor<1x1x1x1xi8>) -> tensor<1x2x2x1xi8> {
  %t = graph.constant #aic.dense<[0, 1, 46, 0] : tensor<4x1xi32>>
  %0 = quantized.conv %x, %w, %t {dilations = array<i64: 1, 1>, input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, to = i8} : (tensor<1x2x2x1xi8>, tensor<1x1x1x1xi8>, tensor<4x1xi32>) -> tensor<1x2x2x1xi8>
  func.return %0 : tensor<1x2x2x1xi8>
}

// -----

// CHECK: quantized.conv_transpose: {{.*}}weight's offset 128 of column 0 is outside -128 to 127
func.func @table_offset(%x: tensor<1x2x2x1xi8>, %w: tensor<1x1x1x1xi8>) -> tensor<1x2x2x1xi8> {
  %t = graph.constant #aic.dense<[0, 1, 1, 128] : tensor<4x1xi32>>
  %0 = quantized.conv_transpose %x, %w, %t {dilations = array<i64: 1, 1>, input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, to = i8} : (tensor<1x2x2x1xi8>, tensor<1x1x1x1xi8>, tensor<4x1xi32>) -> tensor<1x2x2x1xi8>
  func.return %0 : tensor<1x2x2x1xi8>
}
