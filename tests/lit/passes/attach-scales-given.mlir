// RUN: aic-opt %s -p 'set-quantization{load-profile="%S/attach-scales.yaml"},attach-scales' | filecheck %s

// Scales that a model arrives with stand before those of a profile.
// CHECK: func.func @main(%x: tensor<1x2x2x2xf32> {aic.name = "x", quantized.as = !quantized.uniform<i8, 1.0 : 0>}
// CHECK: graph.relu {{.*}} {quantized.as = !quantized.uniform<i8, 0.75 : -3>}

func.func @main(%x: tensor<1x2x2x2xf32> {aic.name = "x"}) -> tensor<1x2x2x3xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<1x1x2x3xf32>> loc("w")
  %b = graph.constant #aic.dense<1.0 : tensor<3xf32>> loc("b")
  %0 = graph.conv %x, %w, %b {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x3xf32>, tensor<3xf32>) -> tensor<1x2x2x3xf32> loc("node"("conv":0:0))
  %1 = graph.relu %0 {quantized.as = !quantized.uniform<i8, 0.75 : -3>} : (tensor<1x2x2x3xf32>) -> tensor<1x2x2x3xf32> loc("relu")
  %2 = graph.exp %1 : (tensor<1x2x2x3xf32>) -> tensor<1x2x2x3xf32> loc("y")
  func.return %2 : tensor<1x2x2x3xf32>
}
