// RUN: aic-opt %s --split-input-file -p 'set-quantization{quantization-bias-correction=true load-profile="%S/correct-biases.yaml"},correct-biases' | filecheck %s
// RUN: aic-opt %s --split-input-file -p 'set-quantization{quantization-bias-correction=true load-profile="%S/correct-biases.yaml" in-float="y"},correct-biases' | filecheck %s --check-prefix=FLOAT
// RUN: aic-opt %s --split-input-file -p 'correct-biases' | filecheck %s --check-prefix=FLOAT
// RUN: not aic-opt %s --split-input-file -p 'set-quantization{quantization-bias-correction=true load-profile="%S/attach-scales.yaml"},correct-biases' 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not aic-opt %s --split-input-file -p 'set-quantization{quantization-bias-correction=true},correct-biases' 2>&1 | filecheck %s --check-prefix=ALONE

// Integers are steps of 1 / 127 of 127: weights 10.25 and 20.5 are meant as 10 and 20, and channels have the means 2 and 4.
// So -0.25 * 2 - 0.5 * 4 is taken off the second bias. A contraction without a bias gets one.
// CHECK-LABEL: @main
// CHECK: graph.constant #aic.dense<[1.0, 3.5] : tensor<2xf32>> loc("bias")
// CHECK-NEXT: graph.matmul {{.*}} {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("y")
// CHECK-NEXT: graph.constant #aic.dense<[0.0, 2.5] : tensor<2xf32>> loc("weight")
// CHECK-NEXT: graph.matmul {{.*}} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("z")
// FLOAT-LABEL: @main
// FLOAT: graph.constant #aic.dense<1.0 : tensor<2xf32>> loc("bias")
// ALONE: quantization-bias-correction needs the channel means of a profile: give it as load-profile
// NONE: attach-scales.yaml has no channel means that fit tensor 'x': it was made without quantization-bias-correction; make it anew by dump-profile with this option
func.func @main(%x: tensor<1x2xf32> {aic.name = "x", quantized.as = !quantized.uniform<i8, 1.0 : 0>}) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = graph.constant #aic.dense<[127.0, 10.25, -5.0, 20.5] : tensor<2x2xf32>> loc("weight")
  %b = graph.constant #aic.dense<1.0 : tensor<2xf32>> loc("bias")
  %0 = graph.matmul %x, %w, %b {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("y")
  %1 = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("z")
  func.return %0, %1 : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// In a convolution that pads, a position of the window counts as often as it lies in the image: here the first and the
// last of three at one place of two. What stays in floating point, as its result has no scale, gets no bias.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant
// CHECK-NEXT: graph.conv {{.*}} loc("float")
// CHECK-NEXT: graph.constant #aic.dense<[0.0, 1.0] : tensor<2xf32>>
// CHECK-NEXT: graph.conv {{.*}} loc("integers")
func.func @main(%x: tensor<1x1x2x1xf32> {aic.name = "image", quantized.as = !quantized.uniform<i8, 1.0 : 0>}) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %w = graph.constant #aic.dense<[127.0, 0.25, -5.0, 0.25, 0.0, 0.25] : tensor<1x3x1x2xf32>>
  %0 = graph.conv %x, %w {dilations = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 1, 1>} : (tensor<1x1x2x1xf32>, tensor<1x3x1x2xf32>) -> tensor<1x1x2x2xf32> loc("float")
  %1 = graph.conv %x, %w {dilations = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 1, 1>, quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x1x2x1xf32>, tensor<1x3x1x2xf32>) -> tensor<1x1x2x2xf32> loc("integers")
  func.return %0, %1 : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
}
