// RUN: AIC_ROUNDTRIP
// RUN: AIC_GENERIC

// A scale and an offset for all, or one of each per position along a dimension; of many channels handles.
// CHECK-LABEL: @types
// CHECK-SAME: %a: tensor<2x!quantized.uniform<i8, 0.5 : -128>>
// CHECK-SAME: %b: tensor<2x!quantized.uniform<i16, 0.1 : 0>>
// CHECK-SAME: %c: tensor<2x!quantized.uniform<i32, 1.0e-30 : 536870911>>
// CHECK-SAME: %d: tensor<3x2x!quantized.uniform<i8, axis 1, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<[-3, 4] : tensor<2xi32>>>>
// CHECK-SAME: %e: tensor<4x!quantized.uniform<i16, axis 0, #aic.dense<0.1 : tensor<4xf32>>, #aic.dense<0 : tensor<4xi32>>>>
// CHECK-SAME: %f: tensor<512x!quantized.uniform<i32, axis 0, #aic.weight<"s" : tensor<512xf32>>, #aic.weight<"o" : tensor<512xi32>>>>
// GENERIC-LABEL: "types"
// GENERIC-SAME: tensor<2x!quantized.uniform<i8, 0.5 : -128>>, tensor<2x!quantized.uniform<i16, 0.1 : 0>>
// GENERIC-SAME: tensor<3x2x!quantized.uniform<i8, axis 1, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<[-3, 4] : tensor<2xi32>>>>
func.func @types(%a: tensor<2x!quantized.uniform<i8, 0.5 : -128>>, %b: tensor<2x!quantized.uniform<i16, 0.1 : 0>>,
                 %c: tensor<2x!quantized.uniform<i32, 1.0e-30 : 536870911>>,
                 %d: tensor<3x2x!quantized.uniform<i8, axis 1, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<[-3, 4] : tensor<2xi32>>>>,
                 %e: tensor<4x!quantized.uniform<i16, axis 0, #aic.dense<0.1 : tensor<4xf32>>, #aic.dense<0 : tensor<4xi32>>>>,
                 %f: tensor<512x!quantized.uniform<i32, axis 0, #aic.weight<"s" : tensor<512xf32>>, #aic.weight<"o" : tensor<512xi32>>>>) {
  func.return
}

// -----

!x = tensor<1x4x4x2x!quantized.uniform<i8, 0.5 : 3>>
!y = tensor<1x3x3x2x!quantized.uniform<i8, 0.25 : -128>>
!m = tensor<1x2x!quantized.uniform<i16, 0.25 : 0>>

// CHECK-LABEL: @network
// CHECK-NEXT: %0 = quantized.quantize %x {offset = 3 : i64, scale = {{5.*}} : f64, to = !quantized.uniform<i8, 0.5 : 3>} : (tensor<1x4x4x2xf16>) -> tensor<1x4x4x2x!quantized.uniform<i8, 0.5 : 3>> loc("x")
// CHECK-NEXT: quantized.conv %{{.*}}, %w, %t {dilations = array<i64: 1, 1>, input_offset = 3 : i64, limits = array<i64: -128, 127>, output_offset = -128 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, to = !quantized.uniform<i8, 0.25 : -128>} : ({{.*}}, tensor<4x2xi32>) -> tensor<1x3x3x2x!quantized.uniform<i8, 0.25 : -128>> loc("conv"("y":0:0))
// CHECK-NEXT: quantized.clip %{{.*}} {limits = array<i64: -128, -104>}
// CHECK-NEXT: quantized.average_pool %{{.*}} {{{.*}}kernel_shape = array<i64: 2, 2>,{{.*}}} : (tensor<1x3x3x2x!quantized.uniform<i8, 0.25 : -128>>) -> tensor<1x3x3x2x!quantized.uniform<i8, 0.25 : -128>>
// CHECK-NEXT: quantized.reduce_mean %{{.*}} {axes = array<i64: 1, 2>,{{.*}} keepdims = false,{{.*}}} : ({{.*}}) -> tensor<1x2x!quantized.uniform<i16, 0.25 : 0>>
// CHECK-NEXT: quantized.dequantize %{{.*}} {offset = 0 : i64, scale = {{2.5.*}} : f64, to = f16} : (tensor<1x2x!quantized.uniform<i16, 0.25 : 0>>) -> tensor<1x2xf16>
// GENERIC-LABEL: "network"
// GENERIC: "quantized.quantize"(%{{.*}}) <{offset = 3 : i64, scale = {{5.*}} : f64, to = !quantized.uniform<i8, 0.5 : 3>}>
// GENERIC: "quantized.conv"(%{{.*}}, %{{.*}}, %{{.*}}) <{
// GENERIC: "quantized.dequantize"(%{{.*}}) <{
func.func @network(%x: tensor<1x4x4x2xf16>, %w: tensor<2x2x2x2x!quantized.uniform<i8, axis 3, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>>, %t: tensor<4x2xi32>) -> tensor<1x2xf16> {
  %0 = quantized.quantize %x {offset = 3 : i64, scale = 0.5 : f64, to = !quantized.uniform<i8, 0.5 : 3>} : (tensor<1x4x4x2xf16>) -> !x loc("x")
  %1 = quantized.conv %0, %w, %t {dilations = array<i64: 1, 1>, input_offset = 3 : i64, limits = array<i64: -128, 127>, output_offset = -128 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, to = !quantized.uniform<i8, 0.25 : -128>} : (!x, tensor<2x2x2x2x!quantized.uniform<i8, axis 3, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>>, tensor<4x2xi32>) -> !y loc("conv"("y":0:0))
  %2 = quantized.clip %1 {limits = array<i64: -128, -104>} : (!y) -> !y
  %3 = quantized.average_pool %2 {dilations = array<i64: 1, 1>, input_offset = -128 : i64, kernel_shape = array<i64: 2, 2>, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = -128 : i64, pads = array<i64: 0, 0, 1, 1>, shift = 32 : i64, strides = array<i64: 1, 1>, to = !quantized.uniform<i8, 0.25 : -128>} : (!y) -> !y
  %4 = quantized.reduce_mean %3 {axes = array<i64: 1, 2>, input_offset = -128 : i64, keepdims = false, limits = array<i64: -32768, 32767>, multiplier = 1908874354 : i64, output_offset = 0 : i64, shift = 34 : i64, to = !quantized.uniform<i16, 0.25 : 0>} : (!y) -> !m
  %5 = quantized.dequantize %4 {offset = 0 : i64, scale = 0.25 : f64, to = f16} : (!m) -> tensor<1x2xf16>
  func.return %5 : tensor<1x2xf16>
}

// -----

// The same ops on plain integers, to which lower-uniform-types brings them.
// CHECK-LABEL: @integers
// CHECK-NEXT: quantized.matmul %a, %b, %t {input_offset = -5 : i64, limits = array<i64: -100, 100>, output_offset = 7 : i64, to = i8} : (tensor<2x3xi8>, tensor<3x4xi8>, tensor<4x4xi32>) -> tensor<2x4xi8>
// CHECK-NEXT: quantized.look_up %{{.*}}, %l {to = i16} : (tensor<2x4xi8>, tensor<256xi16>) -> tensor<2x4xi16>
// CHECK-NEXT: quantized.requantize %{{.*}} {{{.*}}multiplier = 1073741824 : i64, output_offset = 0 : i64, shift = 38 : i64, to = i8} : (tensor<2x4xi16>) -> tensor<2x4xi8>
// CHECK-NEXT: quantized.add %{{.*}}, %s {input_offsets = array<i64: 0, 9>, limits = array<i64: -128, 127>, multipliers = array<i64: 1073741824, 5>, output_offset = -1 : i64, shift = 30 : i64, to = i8} : (tensor<2x4xi8>, tensor<4xi8>) -> tensor<2x4xi8>
// CHECK-NEXT: quantized.mul %{{.*}}, %{{.*}} {input_offsets = array<i64: 0, -1>, {{.*}}to = i16} : (tensor<2x4xi8>, tensor<2x4xi8>) -> tensor<2x4xi16>
// GENERIC-LABEL: "integers"
// GENERIC: "quantized.matmul"(%{{.*}}, %{{.*}}, %{{.*}}) <{input_offset = -5 : i64, limits = array<i64: -100, 100>, output_offset = 7 : i64, to = i8}>
// GENERIC: "quantized.mul"(%{{.*}}, %{{.*}}) <{
func.func @integers(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>, %t: tensor<4x4xi32>, %l: tensor<256xi16>, %s: tensor<4xi8>) -> tensor<2x4xi16> {
  %0 = quantized.matmul %a, %b, %t {input_offset = -5 : i64, limits = array<i64: -100, 100>, output_offset = 7 : i64, to = i8} : (tensor<2x3xi8>, tensor<3x4xi8>, tensor<4x4xi32>) -> tensor<2x4xi8>
  %1 = quantized.look_up %0, %l {to = i16} : (tensor<2x4xi8>, tensor<256xi16>) -> tensor<2x4xi16>
  %2 = quantized.requantize %1 {input_offset = 0 : i64, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = 0 : i64, shift = 38 : i64, to = i8} : (tensor<2x4xi16>) -> tensor<2x4xi8>
  %3 = quantized.add %2, %s {input_offsets = array<i64: 0, 9>, limits = array<i64: -128, 127>, multipliers = array<i64: 1073741824, 5>, output_offset = -1 : i64, shift = 30 : i64, to = i8} : (tensor<2x4xi8>, tensor<4xi8>) -> tensor<2x4xi8>
  %4 = quantized.mul %2, %3 {input_offsets = array<i64: 0, -1>, limits = array<i64: -32768, 32767>, multiplier = 1073741824 : i64, output_offset = 0 : i64, shift = 31 : i64, to = i16} : (tensor<2x4xi8>, tensor<2x4xi8>) -> tensor<2x4xi16>
  func.return %4 : tensor<2x4xi16>
}

// -----

// Data movement is that of the graph.
// CHECK-LABEL: @move
// CHECK-NEXT: graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>
// CHECK-NEXT: graph.constant #aic.dense<7 : tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>>
// CHECK-NEXT: graph.concat
// GENERIC-LABEL: "move"
// GENERIC: "graph.constant"() <{value = #aic.dense<7 : tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>>}>
func.func @move(%x: tensor<2x3x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<6x2x!quantized.uniform<i8, 0.5 : 3>> {
  %0 = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>
  %1 = graph.constant #aic.dense<7 : tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>>
  %2 = graph.concat %0, %1 {axis = 0 : i64} : (tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>, tensor<3x2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<6x2x!quantized.uniform<i8, 0.5 : 3>>
  func.return %2 : tensor<6x2x!quantized.uniform<i8, 0.5 : 3>>
}
