// RUN: aic-opt %s -p 'set-quantization{load-profile="%S/attach-scales.yaml"},attach-scales' | filecheck %s
// RUN: aic-opt %s -p 'set-quantization{load-profile="%S/attach-scales.yaml" external-quantization="%S/attach-scales-external.yaml"},attach-scales' | filecheck %s --check-prefix=BOTH
// RUN: not aic-opt %S/quantize-operations.mlir --split-input-file -p 'set-quantization{load-profile="%S/attach-scales.yaml"},attach-scales' 2>&1 | filecheck %s --check-prefix=OTHER

// A profile says of what has a record in it which range integers cover, by the schema of the settings.
// CHECK: func.func @main(%x: tensor<1x2x2x2xf32> {aic.name = "x", quantized.as = !quantized.uniform<i8, 1.0 : 0>}
// CHECK: graph.constant #aic.dense<1.0 : tensor<1x1x2x3xf32>> loc
// CHECK: graph.conv {{.*}} {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} :
// CHECK: graph.relu {{.*}} {quantized.as = !quantized.uniform<i8, 0.1 : -128>}
// CHECK: graph.exp %{{.*}} :

// What an external file says stands before that: of activations, and of channels of weights, which are the last dimension
// here. What it calls floating-point has no scale, and the settings list it.
// BOTH: {{.*}}in_float = ["y"], in_original = ["relu"]
// BOTH: func.func @main(%x: tensor<1x2x2x2xf32> {aic.name = "x", quantized.as = !quantized.uniform<i8, 0.5 : 3>}
// BOTH: graph.constant #aic.dense<1.0 : tensor<1x1x2x3xf32>> {quantized.as = !quantized.uniform<i8, axis 3, #aic.dense<[0.125, 0.25, 0.5] : tensor<3xf32>>, #aic.dense<[0, 0, 1] : tensor<3xi32>>>} loc("w")
// BOTH: graph.constant #aic.dense<1.0 : tensor<3xf32>> loc("b")
// BOTH: graph.conv {{.*}} quantized.as = !quantized.uniform<i16, 0.25 : 0>}
// BOTH: graph.relu %{{.*}} :
// BOTH: graph.exp %{{.*}} :

// OTHER: attach-scales.yaml is the profile of another model, or of this one with other options: its graph has the hash

func.func @main(%x: tensor<1x2x2x2xf32> {aic.name = "x"}) -> tensor<1x2x2x3xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<1x1x2x3xf32>> loc("w")
  %b = graph.constant #aic.dense<1.0 : tensor<3xf32>> loc("b")
  %0 = graph.conv %x, %w, %b {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x3xf32>, tensor<3xf32>) -> tensor<1x2x2x3xf32> loc("node"("conv":0:0))
  %1 = graph.relu %0 : (tensor<1x2x2x3xf32>) -> tensor<1x2x2x3xf32> loc("relu")
  %2 = graph.exp %1 : (tensor<1x2x2x3xf32>) -> tensor<1x2x2x3xf32> loc("y")
  func.return %2 : tensor<1x2x2x3xf32>
}
