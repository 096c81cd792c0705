// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @conv
// CHECK-NEXT: %y = graph.conv %x, %w, %b {activation = "relu", dilations = array<i64: 1, 1>, {{.*}}strides = array<i64: 2, 2>} : ({{.*}}) -> tensor<1x4x4x16xf32> loc("conv"("y":0:0))
func.func @conv(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x3x16xf32>, %b: tensor<16xf32>) -> tensor<1x4x4x16xf32> {
  %y = graph.conv %x, %w, %b {activation = "relu", dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x16xf32>, tensor<16xf32>) -> tensor<1x4x4x16xf32> loc("conv"("y":0:0))
  func.return %y : tensor<1x4x4x16xf32>
}

// CHECK-LABEL: @conv_transpose
// CHECK-NEXT: graph.conv_transpose %x, %w {{{.*}}pads = array<i64: 1, 1, 0, 0>, strides = array<i64: 2, 2>} : ({{.*}}) -> tensor<1x16x16x16xf16>
func.func @conv_transpose(%x: tensor<1x8x8x4xf16>, %w: tensor<3x3x4x16xf16>) -> tensor<1x16x16x16xf16> {
  %y = graph.conv_transpose %x, %w {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x8x8x4xf16>, tensor<3x3x4x16xf16>) -> tensor<1x16x16x16xf16>
  func.return %y : tensor<1x16x16x16xf16>
}

// CHECK-LABEL: @matmul
// CHECK-NEXT: %y = graph.matmul %a, %b : (tensor<2x4x8xf16>, tensor<8x5xf16>) -> tensor<2x4x5xf16>
func.func @matmul(%a: tensor<2x4x8xf16>, %b: tensor<8x5xf16>) -> tensor<2x4x5xf16> {
  %y = graph.matmul %a, %b : (tensor<2x4x8xf16>, tensor<8x5xf16>) -> tensor<2x4x5xf16>
  func.return %y : tensor<2x4x5xf16>
}

// CHECK-LABEL: @attention
// CHECK-NEXT: graph.attention %q, %k, %k, %mask {head_dim = 4 : i64, scale = {{5.*}} : f64}
func.func @attention(%q: tensor<1x6x8xf32>, %k: tensor<1x9x8xf32>, %mask: tensor<1x1x1x9xf32>) -> tensor<1x6x8xf32> {
  %y = graph.attention %q, %k, %k, %mask {head_dim = 4 : i64, scale = 0.5 : f64} : (tensor<1x6x8xf32>, tensor<1x9x8xf32>, tensor<1x9x8xf32>, tensor<1x1x1x9xf32>) -> tensor<1x6x8xf32>
  func.return %y : tensor<1x6x8xf32>
}

// CHECK-LABEL: @decoder
// CHECK-NEXT: graph.rotary %q, %f, %f {head_dim = 4 : i64} : (tensor<1x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>) -> tensor<1x6x8xf32>
// CHECK-NEXT: graph.causal_attention %{{.*}}, %k, %k, %h {beyond = 0xfff0000000000000 : f64, {{.*}}, absorbing = -6.550400e+04 : f64}
func.func @decoder(%q: tensor<1x6x8xf32>, %f: tensor<1x6x4xf32>, %k: tensor<1x6x4xf32>, %h: tensor<6xi32>) -> tensor<1x6x8xf32> {
  %0 = graph.rotary %q, %f, %f {head_dim = 4 : i64} : (tensor<1x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>) -> tensor<1x6x8xf32>
  %y = graph.causal_attention %0, %k, %k, %h {beyond = 0xfff0000000000000 : f64, head_dim = 4 : i64, scale = 0.5 : f64, absorbing = -65504.0 : f64} : (tensor<1x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>, tensor<6xi32>) -> tensor<1x6x8xf32>
  func.return %y : tensor<1x6x8xf32>
}
