// RUN: aic-opt %s --split-input-file -p lower-uniform-types | filecheck %s

// Inputs, constants, what ops make, and outputs are plain integers; how the network was quantized is no longer said.
// CHECK: builtin.module {
// CHECK-NEXT: func.func @main(%x: tensor<2x2xi8> loc(unknown)) -> tensor<2x2xi8> {
// CHECK-NEXT: %[[W:.*]] = graph.constant #aic.dense<[1, 2, 3, 4] : tensor<2x2xi8>> loc("w")
// CHECK-NEXT: %[[T:.*]] = graph.constant {{.*}} : tensor<4x2xi32>>
// CHECK-NEXT: %[[M:.*]] = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x2xi8>) -> tensor<2x2xi8>
// CHECK-NEXT: %[[Y:.*]] = quantized.matmul %[[M]], %[[W]], %[[T]] {{{.*}}to = i8} : (tensor<2x2xi8>, tensor<2x2xi8>, tensor<4x2xi32>) -> tensor<2x2xi8>
// CHECK-NEXT: return %[[Y]] : tensor<2x2xi8>
builtin.module attributes {aic.quantization = {load_profile = "here.yaml"}} {
  func.func @main(%x: tensor<2x2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2x2x!quantized.uniform<i8, 0.25 : 0>> {
    %w = graph.constant #aic.dense<[1, 2, 3, 4] : tensor<2x2x!quantized.uniform<i8, axis 1, #aic.dense<[1.0, 2.0] : tensor<2xf32>>, #aic.dense<[0, 1] : tensor<2xi32>>>>> loc("w")
    %t = graph.constant #aic.dense<[0, 0, 1073741824, 1073741824, 30, 30, 0, 1] : tensor<4x2xi32>>
    %m = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x2x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<2x2x!quantized.uniform<i8, 0.5 : 3>>
    %y = quantized.matmul %m, %w, %t {input_offset = 3 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, to = !quantized.uniform<i8, 0.25 : 0>} : (tensor<2x2x!quantized.uniform<i8, 0.5 : 3>>, tensor<2x2x!quantized.uniform<i8, axis 1, #aic.dense<[1.0, 2.0] : tensor<2xf32>>, #aic.dense<[0, 1] : tensor<2xi32>>>>, tensor<4x2xi32>) -> tensor<2x2x!quantized.uniform<i8, 0.25 : 0>>
    func.return %y : tensor<2x2x!quantized.uniform<i8, 0.25 : 0>>
  }
}

// -----

// What gave integers their type goes; what brings them to another scale or limits them stays.
// CHECK: func.func @main(%x: tensor<4xi8> {{.*}}) -> (tensor<4xi8>, tensor<4xi8>, tensor<4xi8>) {
// CHECK-NEXT: %[[S:.*]] = quantized.requantize %x {{{.*}}output_offset = 4 : i64
// CHECK-NEXT: %[[L:.*]] = quantized.requantize %x {{{.*}}limits = array<i64: 3, 127>
// CHECK-NEXT: return %x, %[[S]], %[[L]]
func.func @main(%x: tensor<4xi8>) -> (tensor<4x!quantized.uniform<i8, 0.5 : 3>>, tensor<4xi8>, tensor<4xi8>) {
  %t = quantized.requantize %x {input_offset = 3 : i64, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = 3 : i64, shift = 30 : i64, to = !quantized.uniform<i8, 0.5 : 3>} : (tensor<4xi8>) -> tensor<4x!quantized.uniform<i8, 0.5 : 3>>
  %s = quantized.requantize %t {input_offset = 3 : i64, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = 4 : i64, shift = 30 : i64, to = i8} : (tensor<4x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<4xi8>
  %l = quantized.requantize %t {input_offset = 3 : i64, limits = array<i64: 3, 127>, multiplier = 1073741824 : i64, output_offset = 3 : i64, shift = 30 : i64, to = i8} : (tensor<4x!quantized.uniform<i8, 0.5 : 3>>) -> tensor<4xi8>
  func.return %t, %s, %l : tensor<4x!quantized.uniform<i8, 0.5 : 3>>, tensor<4xi8>, tensor<4xi8>
}

// -----

// Settings that stand around several programs go, too.
// CHECK: builtin.module @around attributes {aic.holds = "partitions"} {
// CHECK-NEXT: builtin.module @first {
builtin.module @around attributes {aic.holds = "partitions", aic.quantization = {load_profile = "profile.yaml"}} {
  builtin.module @first {
    func.func @main(%x: tensor<4xf16>) -> tensor<4xf16> {
      func.return %x : tensor<4xf16>
    }
  }
}
