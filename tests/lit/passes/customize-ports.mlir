// RUN: aic-opt %s --split-input-file --verify-diagnostics -p customize-ports --verify-roundtrip | filecheck %s

// In between, tensors are as the model has them. Ports that nobody asks for, and the model's layout, change nothing. What
// integers mean is noted for the host.
// CHECK: builtin.module attributes {aic.port_scales = {x = [0.11999999731779099 : f64, 3 : i64], z = [5.000000e-01 : f64, -1 : i64]}} {
// CHECK: @main(%x: tensor<1x4x5x3xi8> {aic.name = "x"} loc("x"), %h: tensor<2xf16> {aic.name = "h"}{{.*}}, %n: tensor<1x2x2x3xi64> {aic.name = "n"}
// CHECK-SAME: -> (tensor<1x4x5x3xf16> {aic.name = "y"}, tensor<2xi8> {aic.name = "z"}, tensor<1x3x2x2xi64> {aic.name = "m"})
// CHECK-NEXT: %[[X:.*]] = quantized.dequantize %x {offset = 3 : i64, scale = {{0.1199.*}} : f64, to = f32} : {{.*}} -> tensor<1x4x5x3xf32> loc("x")
// CHECK-NEXT: %[[C:.*]] = graph.transpose %[[X]] {permutation = array<i64: 0, 3, 1, 2>} : {{.*}} -> tensor<1x3x4x5xf32> loc("x")
// CHECK-NEXT: %[[H:.*]] = graph.cast %h {to = f32} : {{.*}} loc("h")
// CHECK-NEXT: %[[N:.*]] = graph.transpose %n {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x3xi64>) -> tensor<1x3x2x2xi64>
// CHECK-NEXT: %[[R:.*]] = graph.relu %[[C]] : (tensor<1x3x4x5xf32>) -> tensor<1x3x4x5xf32> loc("r"("y":0:0))
// CHECK-NEXT: %[[L:.*]] = graph.transpose %[[R]] {permutation = array<i64: 0, 2, 3, 1>} : {{.*}} -> tensor<1x4x5x3xf32> loc("y (custom I/O)")
// CHECK-NEXT: %[[Y:.*]] = graph.cast %[[L]] {to = f16} : {{.*}} loc("y (custom I/O)")
// CHECK-NEXT: %[[Z:.*]] = quantized.quantize %[[H]] {offset = -1 : i64, scale = {{.*}} : f64, to = i8} : (tensor<2xf32>) -> tensor<2xi8> loc("z (custom I/O)")
// CHECK-NEXT: return %[[Y]], %[[Z]], %[[N]]
func.func @main(%x: tensor<1x3x4x5xf32> {aic.name = "x", aic.layout = "NHWC", aic.element = !quantized.uniform<i8, 0.12 : 3>} loc("x"), %h: tensor<2xf32> {aic.name = "h", aic.element = f16} loc("h"), %n: tensor<1x3x2x2xi64> {aic.name = "n", aic.layout = "NHWC"}) -> (tensor<1x3x4x5xf32> {aic.name = "y", aic.layout = "NHWC", aic.element = f16}, tensor<2xf32> {aic.name = "z", aic.element = !quantized.uniform<i8, 0.5 : -1>}, tensor<1x3x2x2xi64> {aic.name = "m", aic.layout = "NCHW"}) {
  %0 = graph.relu %x : (tensor<1x3x4x5xf32>) -> tensor<1x3x4x5xf32> loc("r"("y":0:0))
  func.return %0, %h, %n : tensor<1x3x4x5xf32>, tensor<2xf32>, tensor<1x3x2x2xi64>
}

// -----

// Integers of the model have its scale: as numbers, on another scale, and on this very one, which changes nothing.
// CHECK: builtin.module attributes {aic.port_scales = {p = [5.000000e-01 : f64, 0 : i64], s = [2.500000e-01 : f64, 0 : i64]}} {
// CHECK: @main(%q: tensor<2xf16> {aic.name = "q"}{{.*}}, %p: tensor<2xi8> {aic.name = "p"}{{.*}}, %s: tensor<2xi8> {aic.name = "s"}{{.*}}) -> (tensor<2xf32> {aic.name = "y"}, tensor<2xf32> {aic.name = "o"})
// CHECK-NEXT: %[[Q:.*]] = quantized.quantize %q {offset = 1 : i64, scale = 2.500000e-01 : f64, to = i8}
// CHECK-NEXT: %[[N:.*]] = quantized.dequantize %p {offset = 0 : i64, scale = 5.000000e-01 : f64, to = f32}
// CHECK-NEXT: %[[P:.*]] = quantized.quantize %[[N]] {offset = 0 : i64, scale = 2.500000e-01 : f64, to = i8}
// CHECK-NEXT: quantized.dequantize %[[Q]]
// CHECK-NEXT: quantized.dequantize %[[P]]
// CHECK-NEXT: quantized.dequantize %s
// CHECK: %[[I:.*]] = quantized.quantize
// CHECK-NEXT: %[[Y:.*]] = quantized.dequantize %[[I]] {offset = 2 : i64, scale = 5.000000e-01 : f64, to = f32} : {{.*}} loc("y (custom I/O)")
// CHECK-NEXT: return %[[Y]]
func.func @main(%q: tensor<2xi8> {aic.name = "q", aic.element = f16}, %p: tensor<2xi8> {aic.name = "p", aic.element = !quantized.uniform<i8, 0.5 : 0>}, %s: tensor<2xi8> {aic.name = "s", aic.element = !quantized.uniform<i8, 0.25 : 0>}) -> (tensor<2xi8> {aic.name = "y", aic.element = f32}, tensor<2xf32> {aic.name = "o"}) {
  %0 = quantized.dequantize %q {scale = 0.25 : f64, offset = 1 : i64, to = f32} : (tensor<2xi8>) -> tensor<2xf32>
  %1 = quantized.dequantize %p {scale = 0.25 : f64, offset = 0 : i64, to = f32} : (tensor<2xi8>) -> tensor<2xf32>
  %2 = quantized.dequantize %s {scale = 0.25 : f64, offset = 0 : i64, to = f32} : (tensor<2xi8>) -> tensor<2xf32>
  %3 = graph.add %0, %1 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = quantized.quantize %3 {scale = 0.5 : f64, offset = 2 : i64, to = i8} : (tensor<2xf32>) -> tensor<2xi8>
  func.return %4, %2 : tensor<2xi8>, tensor<2xf32>
}

// -----

// In another layout, they mean what they did.
// CHECK: builtin.module attributes {aic.port_scales = {q = [2.500000e-01 : f64, 1 : i64]}} {
// CHECK-NEXT: @main(%q: tensor<1x2x2x3xi8>
// CHECK-NEXT: %[[Q:.*]] = graph.transpose %q {{.*}} -> tensor<1x3x2x2xi8>
// CHECK-NEXT: quantized.dequantize %[[Q]]
func.func @main(%q: tensor<1x3x2x2xi8> {aic.name = "q", aic.layout = "NHWC"}) -> (tensor<1x3x2x2xf32> {aic.name = "y"}) {
  %0 = quantized.dequantize %q {scale = 0.25 : f64, offset = 1 : i64, to = f32} : (tensor<1x3x2x2xi8>) -> tensor<1x3x2x2xf32>
  func.return %0 : tensor<1x3x2x2xf32>
}

// -----

// An input that is an output, too: each is as it is asked for.
// CHECK: @main(%x: tensor<1x2x2x3xf32> {aic.name = "x"}{{.*}}) -> (tensor<1x3x2x2xf16> {aic.name = "y"}) {
// CHECK-NEXT: %[[X:.*]] = graph.transpose %x
// CHECK-NEXT: %[[Y:.*]] = graph.cast %[[X]] {to = f16}
// CHECK-NEXT: return %[[Y]]
func.func @main(%x: tensor<1x3x2x2xf32> {aic.name = "x", aic.layout = "NHWC"}) -> (tensor<1x3x2x2xf32> {aic.name = "y", aic.element = f16}) {
  func.return %x : tensor<1x3x2x2xf32>
}

// -----

// CHECK: pass customize-ports: customize-ports:
// CHECK-NEXT: 'x': layout NHWC: it is tensor<2xf32>, and only tensors of 4 dimensions have a layout
// CHECK-NEXT: 'n': it is tensor<2xi64>: only the precision of float, float16 and int8 can be changed
// CHECK-NEXT: 'q': the model does not say right at this port what its integers mean: their precision stays as it is
// CHECK-NEXT: 'c': layout 'NCWH': there are NCHW and NHWC
// CHECK-NEXT: 's': precision !quantized.uniform<i16, 0.5 : 0>: there are f32, f16, and i8 with one scale
func.func @main(%x: tensor<2xf32> {aic.name = "x", aic.layout = "NHWC"}, %n: tensor<2xi64> {aic.name = "n", aic.element = f16}, %q: tensor<2xi8> {aic.name = "q", aic.element = f32}, %c: tensor<1x1x1x1xf32> {aic.name = "c", aic.layout = "NCWH"}, %s: tensor<1xf32> {aic.name = "s", aic.element = !quantized.uniform<i16, 0.5 : 0>}) -> (tensor<2xi8> {aic.name = "y"}) {
  func.return %q : tensor<2xi8>
}
