// RUN: aic-opt %s --split-input-file -p convert-to-fp16 | filecheck %s

// Inputs and outputs keep their types, integers and i1 too; values beyond fp16 are clamped, infinities are not.
// CHECK-LABEL: @types
// CHECK-SAME: (%x: tensor<2xf32>{{.*}}, %i: tensor<2xi64>{{.*}}) -> (tensor<2xf32>, tensor<2xi64>)
// CHECK-NEXT: %[[X:.*]] = graph.cast %x {to = f16}
// CHECK-NEXT: graph.constant #aic.dense<[-65500.0, minus_inf] : tensor<2xf16>>
// CHECK-NEXT: %[[I:.*]] = graph.cast %i {to = f16} : (tensor<2xi64>) -> tensor<2xf16>
// CHECK-NEXT: graph.add %[[X]], %[[I]] : (tensor<2xf16>, tensor<2xf16>) -> tensor<2xf16>
// CHECK: graph.greater {{.*}} -> tensor<2xi1>
// CHECK: graph.cast {{.*}} {to = f32} : (tensor<2xf16>) -> tensor<2xf32>
// CHECK-NEXT: return
func.func @types(%x: tensor<2xf32>, %i: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xi64>) {
  %low = graph.constant #aic.dense<[-3.40282347e+38, minus_inf] : tensor<2xf32>> loc("mask")
  %0 = graph.cast %i {to = f32} : (tensor<2xi64>) -> tensor<2xf32>
  %1 = graph.add %x, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = graph.greater %1, %low : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %3 = graph.cast %2 {to = i64} : (tensor<2xi1>) -> tensor<2xi64>
  func.return %1, %3 : tensor<2xf32>, tensor<2xi64>
}

// -----

// The lowest number of fp32 absorbs every score, in fp16 as well.
// CHECK-LABEL: @masks
// CHECK: graph.causal_attention %{{.*}} {beyond = -6.550400e+04 : f64, {{.*}}, absorbing = -6.550400e+04 : f64}
// CHECK-NEXT: graph.attention %{{.*}} {head_dim = 4 : i64, scale = 1.000000e+00 : f64}
func.func @masks(%x: tensor<1x2x4xf32>, %mask: tensor<1x1x1x2xf32>) -> tensor<1x2x4xf32> {
  %h = graph.constant #aic.dense<[1, 2] : tensor<2xi32>>
  %0 = graph.causal_attention %x, %x, %x, %h, %mask {beyond = -3.40282347e+38 : f64, head_dim = 4 : i64, scale = 1.0 : f64} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<2xi32>, tensor<1x1x1x2xf32>) -> tensor<1x2x4xf32>
  %1 = graph.attention %0, %0, %0 {head_dim = 4 : i64, scale = 1.0 : f64} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  func.return %1 : tensor<1x2x4xf32>
}

// -----

// What is to keep the model's precision stays as it is: conversions stand where it meets others, none between two of such.
// A constant that both read becomes two.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[X:.*]] = graph.cast %x {to = f16}
// CHECK-NEXT: %[[C:.*]] = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>>
// CHECK-NEXT: %[[H:.*]] = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf16>>
// CHECK-NEXT: %[[A:.*]] = graph.add %[[X]], %[[H]] : {{.*}} -> tensor<2xf16>
// CHECK-NEXT: %[[W:.*]] = graph.cast %[[A]] {to = f32}
// CHECK-NEXT: %[[E:.*]] = graph.exp %[[W]] : {{.*}} -> tensor<2xf32>
// CHECK-NEXT: %[[M:.*]] = graph.mul %[[E]], %[[C]] : {{.*}} -> tensor<2xf32>
// CHECK-NEXT: %[[N:.*]] = graph.cast %[[M]] {to = f16}
// CHECK-NEXT: %[[S:.*]] = graph.sqrt %[[N]] : {{.*}} -> tensor<2xf16>
// CHECK-NEXT: %[[Y:.*]] = graph.cast %[[S]] {to = f32}
// CHECK-NEXT: return %[[M]], %[[Y]]
builtin.module attributes {aic.quantization = {in_original = ["exp", "mul", "sqrt"], in_float = ["sqrt"]}} {
  func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
    %c = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>>
    %0 = graph.add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %1 = graph.exp %0 : (tensor<2xf32>) -> tensor<2xf32> loc("node"("exp":0:0))
    %2 = graph.mul %1, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("mul")
    %3 = graph.sqrt %2 : (tensor<2xf32>) -> tensor<2xf32> loc("sqrt")
    func.return %2, %3 : tensor<2xf32>, tensor<2xf32>
  }
}

// -----

// Integers are made of numbers of either precision, and become numbers in the one in which these are read.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[Q:.*]] = quantized.quantize %x {{.*}} : (tensor<2xf32>)
// CHECK-NEXT: %[[D:.*]] = quantized.dequantize %[[Q]] {{{.*}}to = f32}
// CHECK-NEXT: %[[E:.*]] = graph.exp %[[D]] : {{.*}} -> tensor<2xf32>
// CHECK-NEXT: %[[R:.*]] = quantized.quantize %[[E]] {{.*}} : (tensor<2xf32>)
// CHECK-NEXT: quantized.dequantize %[[R]] {{{.*}}to = f16}
builtin.module attributes {aic.quantization = {in_original = ["exp"]}} {
  func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = quantized.quantize %x {offset = 0 : i64, scale = 0.5 : f64, to = i8} : (tensor<2xf32>) -> tensor<2xi8>
    %1 = quantized.dequantize %0 {offset = 0 : i64, scale = 0.5 : f64, to = f32} : (tensor<2xi8>) -> tensor<2xf32>
    %2 = graph.exp %1 : (tensor<2xf32>) -> tensor<2xf32> loc("exp")
    %3 = quantized.quantize %2 {offset = 0 : i64, scale = 0.5 : f64, to = i8} : (tensor<2xf32>) -> tensor<2xi8>
    %4 = quantized.dequantize %3 {offset = 0 : i64, scale = 0.5 : f64, to = f32} : (tensor<2xi8>) -> tensor<2xf32>
    %5 = graph.sqrt %4 : (tensor<2xf32>) -> tensor<2xf32>
    func.return %5 : tensor<2xf32>
  }
}
