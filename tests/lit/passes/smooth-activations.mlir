// RUN: aic-opt %s --split-input-file -p 'set-quantization{quantization-smoothquant=0.5 load-profile="%S/smooth-activations.yaml"},smooth-activations' | filecheck %s
// RUN: aic-opt %s --split-input-file -p 'smooth-activations' | filecheck %s --check-prefix=OFF
// RUN: not aic-opt %s --split-input-file -p 'set-quantization{quantization-smoothquant=0.5 load-profile="%S/attach-scales.yaml"},smooth-activations' 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not aic-opt %s --split-input-file -p 'set-quantization{quantization-smoothquant=0.5},smooth-activations' 2>&1 | filecheck %s --check-prefix=ALONE
// RUN: not aic-opt %s -p 'set-quantization{quantization-smoothquant=1.5}' 2>&1 | filecheck %s --check-prefix=RANGE

// Channels reach 16 and 0.25, rows of the weights 1 and 4: factors sqrt(16 / 1) and sqrt(0.25 / 4). Only matrix products
// read the normalization, so its own factors are divided.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant #aic.dense<[0.5, 4.0] : tensor<2xf32>> loc("scale")
// CHECK-NEXT: graph.constant #aic.dense<[0.25, 2.0] : tensor<2xf32>> loc("bias")
// CHECK-NEXT: graph.constant #aic.dense<[4.0, 4.0, 1.0, -0.5] : tensor<2x2xf32>> loc("w")
// CHECK-NEXT: graph.constant #aic.dense<[2.0, -1.0] : tensor<2x1xf32>> loc("v")
// CHECK-NEXT: graph.layer_norm
// CHECK-NEXT: graph.matmul
// CHECK-NEXT: graph.matmul
// OFF-LABEL: @main
// OFF: graph.constant #aic.dense<[2.0, 1.0] : tensor<2xf32>> loc("scale")
// ALONE: quantization-smoothquant needs the channel maxima of a profile: give it as load-profile
// NONE: attach-scales.yaml has no channel maxima that fit tensor 'norm': it is the profile of another model, or was made without quantization-smoothquant; make it anew by dump-profile with this option
// RANGE: aic.quantization: quantization_smoothquant is 1.5; it must be 0 to 1
func.func @main(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x1xf32>) {
  %s = graph.constant #aic.dense<[2.0, 1.0] : tensor<2xf32>> loc("scale")
  %b = graph.constant #aic.dense<[1.0, 0.5] : tensor<2xf32>> loc("bias")
  %w = graph.constant #aic.dense<[1.0, 1.0, 4.0, -2.0] : tensor<2x2xf32>> loc("w")
  %v = graph.constant #aic.dense<[0.5, -4.0] : tensor<2x1xf32>> loc("v")
  %0 = graph.layer_norm %x, %s, %b {epsilon = 1.0e-05 : f64} : (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<3x2xf32> loc("norm")
  %1 = graph.matmul %0, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32> loc("y")
  %2 = graph.matmul %0, %v : (tensor<3x2xf32>, tensor<2x1xf32>) -> tensor<3x1xf32> loc("z")
  func.return %1, %2 : tensor<3x2xf32>, tensor<3x1xf32>
}

// -----

// A sum reads it, too: a product comes before the matrix product.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.constant #aic.dense<[2.0, 1.0] : tensor<2xf32>> loc("scale")
// CHECK-NEXT: graph.constant #aic.dense<[4.0, 4.0, 1.0, -0.5] : tensor<2x2xf32>> loc("w")
// CHECK-NEXT: %[[N:.*]] = graph.rms_norm
// CHECK-NEXT: %[[C:.*]] = graph.constant #aic.dense<[0.25, 4.0] : tensor<1x2xf32>>
// CHECK-NEXT: %[[P:.*]] = graph.mul %[[N]], %[[C]] : {{.*}} loc("norm")
// CHECK-NEXT: %[[Y:.*]] = graph.matmul %[[P]],
// CHECK-NEXT: graph.add %[[Y]], %[[N]]
func.func @main(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %s = graph.constant #aic.dense<[2.0, 1.0] : tensor<2xf32>> loc("scale")
  %w = graph.constant #aic.dense<[1.0, 1.0, 4.0, -2.0] : tensor<2x2xf32>> loc("w")
  %0 = graph.rms_norm %x, %s {epsilon = 1.0e-05 : f64} : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32> loc("norm")
  %1 = graph.matmul %0, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32> loc("y")
  %2 = graph.add %1, %0 : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32> loc("sum")
  func.return %2 : tensor<3x2xf32>
}
