// RUN: aic-opt %s --split-input-file -p 'set-quantization{quantization-cross-layer-equalization=true},equalize-layers' | filecheck %s
// RUN: aic-opt %s --split-input-file -p 'equalize-layers' | filecheck %s --check-prefix=OFF

// What makes the channels is divided, what reads them multiplied by sqrt(1 / 4) and sqrt(8 / 2): greatest weights agree.
// Between them are a ReLU and movement that keeps the channels together.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant #aic.dense<[2.0, 4.0] : tensor<1x1x1x2xf32>> loc("made")
// CHECK-NEXT: graph.constant #aic.dense<[2.0, 8.0] : tensor<2xf32>> loc("bias")
// CHECK-NEXT: graph.constant #aic.dense<[2.0, 0.5, 1.0, 4.0] : tensor<2x2xf32>> loc("read")
// CHECK-NEXT: graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>> loc("other")
// OFF-LABEL: @main
// OFF: graph.constant #aic.dense<[1.0, 8.0] : tensor<1x1x1x2xf32>> loc("made")
func.func @main(%x: tensor<1x2x2x1xf32>) -> tensor<1x2xf32> {
  %w = graph.constant #aic.dense<[1.0, 8.0] : tensor<1x1x1x2xf32>> loc("made")
  %b = graph.constant #aic.dense<[1.0, 16.0] : tensor<2xf32>> loc("bias")
  %r = graph.constant #aic.dense<[4.0, 1.0, 0.5, 2.0] : tensor<2x2xf32>> loc("read")
  %o = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>> loc("other")
  %0 = graph.conv %x, %w, %b {activation = "relu", dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %1 = graph.max_pool %0 {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x1x2xf32>
  %2 = graph.transpose %1 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x1x1x2xf32>) -> tensor<1x2x1x1xf32>
  %3 = graph.reshape %2 : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
  %4 = graph.matmul %3, %r, %o : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %4 : tensor<1x2xf32>
}

// -----

// Depthwise: a weight of one channel reads and makes it, and lies between two others. Here 1, 8 and 1 become 2, 2 and 2.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant #aic.dense<[{{2.000|1.999}}{{.*}}, 2.0] : tensor<1x1x1x2xf32>> loc("first")
// CHECK-NEXT: graph.constant #aic.dense<[{{2.000|1.999}}{{.*}}, 2.0] : tensor<1x1x1x2xf32>> loc("depthwise")
// CHECK-NEXT: graph.constant #aic.dense<[{{2.000|1.999}}{{.*}}, 2.0] : tensor<1x1x2x1xf32>> loc("last")
func.func @main(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
  %a = graph.constant #aic.dense<[1.0, 2.0] : tensor<1x1x1x2xf32>> loc("first")
  %b = graph.constant #aic.dense<[8.0, 2.0] : tensor<1x1x1x2xf32>> loc("depthwise")
  %c = graph.constant #aic.dense<[1.0, 2.0] : tensor<1x1x2x1xf32>> loc("last")
  %0 = graph.conv %x, %a {activation = "relu", dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %1 = graph.conv %0, %b {activation = "relu", dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = graph.conv %1, %c {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %2 : tensor<1x2x2x1xf32>
}

// -----

// Not where somebody else reads the channels (%0), where what lies between does not commute with factors (%2), and where
// a weight has scales already (%w, "given").
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant #aic.dense<[1.0, 8.0] : tensor<1x2xf32>> loc("w")
// CHECK-NEXT: graph.constant #aic.dense<[4.0, 2.0] : tensor<2x1xf32>> loc("r")
// CHECK-NEXT: graph.constant #aic.dense<[4.0, 2.0] : tensor<2x1xf32>> {quantized.as = {{.*}}} loc("given")
// CHECK-NEXT: graph.matmul
func.func @main(%x: tensor<1x1xf32>) -> (tensor<1x1xf32>, tensor<1x2xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %w = graph.constant #aic.dense<[1.0, 8.0] : tensor<1x2xf32>> loc("w")
  %r = graph.constant #aic.dense<[4.0, 2.0] : tensor<2x1xf32>> loc("r")
  %g = graph.constant #aic.dense<[4.0, 2.0] : tensor<2x1xf32>> {quantized.as = !quantized.uniform<i8, 0.5 : 0>} loc("given")
  %0 = graph.matmul %x, %w {activation = "relu"} : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = graph.matmul %0, %r : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %2 = graph.matmul %x, %w {activation = "clip", bounds = array<f64: 0.0, 6.0>} : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %3 = graph.matmul %2, %r : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %4 = graph.matmul %x, %w : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %5 = graph.matmul %4, %g : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  func.return %1, %0, %3, %5 : tensor<1x1xf32>, tensor<1x2xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}
