// RUN: aic-opt %s --split-input-file -p quantize-operations | filecheck %s

// Models that arrive quantized. A limit to what integers can mean gives its scale to what makes the numbers, also behind
// what moves them, and goes; weights have the scales that they were given with, and a bias is in their steps.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[X:.*]] = quantized.quantize %x {offset = -128 : i64, scale = 5.000000e-01 : f64,
// CHECK-NEXT: %[[W:.*]] = graph.constant #aic.dense<[2, 4, 6, 8] : tensor<2x2x!quantized.uniform<i8, axis 1, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<[0, 1] : tensor<2xi32>>>>>
// CHECK: %[[T:.*]] = graph.constant #aic.dense<[{{.*}}, 0, 1] : tensor<4x2xi32>>
// CHECK-NEXT: %[[Y:.*]] = quantized.matmul %[[X]], %[[W]], %[[T]] {input_offset = -128 : i64, limits = array<i64: -128, 127>, output_offset = 3 : i64, to = !quantized.uniform<i8, 1.0 : 3>}
// CHECK-NEXT: %[[R:.*]] = graph.reshape %[[Y]]
// CHECK-NEXT: %[[N:.*]] = quantized.dequantize %[[R]]
// CHECK-NEXT: return %[[N]]
func.func @main(%x: tensor<2x2xf32>) -> tensor<4xf32> {
  %0 = graph.clip %x {bounds = array<f64: 0.0, 127.5>, quantized.as = !quantized.uniform<i8, 0.5 : -128>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %w = graph.constant #aic.dense<[1.0, 0.75, 3.0, 1.75] : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i8, axis 1, #aic.dense<[0.5, 0.25] : tensor<2xf32>>, #aic.dense<[0, 1] : tensor<2xi32>>>}
  %b = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>>
  %1 = graph.matmul %0, %w, %b : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = graph.reshape %1 : (tensor<2x2xf32>) -> tensor<4xf32>
  %3 = graph.clip %2 {bounds = array<f64: -131.0, 124.0>, quantized.as = !quantized.uniform<i8, 1.0 : 3>} : (tensor<4xf32>) -> tensor<4xf32>
  func.return %3 : tensor<4xf32>
}

// -----

// A second scale rescales, with the limits of a ReLU between. Integers of 16 bits take weights of 8.
// CHECK-LABEL: @main
// CHECK: graph.constant #aic.dense<[2, 4, 6, 8] : tensor<2x2x!quantized.uniform<i16, 0.5 : 0>>>
// CHECK: %[[Y:.*]] = quantized.matmul {{.*}} to = !quantized.uniform<i16, 1.0 : 0>}
// CHECK-NEXT: %[[Z:.*]] = quantized.requantize %[[Y]] {input_offset = 0 : i64, limits = array<i64: 5, 127>, {{.*}}to = !quantized.uniform<i8, 2.0 : 5>}
// CHECK-NEXT: quantized.dequantize %[[Z]]
// CHECK-NEXT: return
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i16, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
  %1 = graph.matmul %x, %w {quantized.as = !quantized.uniform<i16, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = graph.clip %1 {bounds = array<f64: 0.0, 244.0>, quantized.as = !quantized.uniform<i8, 2.0 : 5>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// What stays in floating point is limited: a ReLU may have been left to the integers. Rows of weights that differ in scale,
// and weights of more bits than the data, are no weights of an integer product.
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = graph.matmul %{{.*}}, %{{.*}} :
// CHECK-NEXT: %[[B:.*]] = graph.clip %[[A]]
// CHECK: graph.matmul %[[B]], %{{.*}} :
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i8, axis 0, #aic.dense<[0.5, 1.0] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>}
  %v = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i16, 0.5 : 0>}
  %0 = graph.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = graph.clip %0 {bounds = array<f64: 0.0, 127.5>, quantized.as = !quantized.uniform<i8, 0.5 : -128>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = graph.matmul %1, %v {quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// Inputs and outputs that are integers are not numbers on the way.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[X:.*]] = quantized.requantize %x {input_offset = 3 : i64, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = 3 : i64, shift = 30 : i64, to = !quantized.uniform<i8, 0.5 : 3>}
// CHECK: %[[Y:.*]] = quantized.matmul %[[X]],
// CHECK-NEXT: %[[P:.*]] = quantized.average_pool
// CHECK: %[[Z:.*]] = quantized.requantize %{{.*}} {input_offset = 0 : i64, limits = array<i64: -128, 127>, multiplier = 1073741824 : i64, output_offset = -7 : i64, shift = 29 : i64, to = i8}
// CHECK-NEXT: return %[[Z]]
func.func @main(%x: tensor<1x2x2x2xi8>) -> tensor<1x1x1x2xi8> {
  %0 = quantized.dequantize %x {offset = 3 : i64, scale = 0.5 : f64, to = f32} : (tensor<1x2x2x2xi8>) -> tensor<1x2x2x2xf32>
  %w = graph.constant #aic.dense<[1.0, 2.0, 3.0, 4.0] : tensor<2x2xf32>>
  %1 = graph.matmul %0, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x2x2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = graph.average_pool %1 {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x1x2xf32>
  %3 = quantized.quantize %2 {offset = -7 : i64, scale = 0.5 : f64, to = i8} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xi8>
  func.return %3 : tensor<1x1x1x2xi8>
}

// -----

// What the model has as integers is computed on them, though nobody behind it does; with a ReLU between, too.
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = quantized.matmul
// CHECK-NEXT: %[[S:.*]] = quantized.add %[[A]], %[[A]] {{.*}}limits = array<i64: 0, 127>, {{.*}}to = !quantized.uniform<i8, 1.0 : 0>}
// CHECK-NEXT: graph.constant {{.*}} tensor<256xi8>
// CHECK-NEXT: %[[T:.*]] = quantized.look_up %[[S]], {{.*}}to = !quantized.uniform<i8, 0.00390625 : -128>}
// CHECK-NEXT: %[[N:.*]] = quantized.dequantize %[[T]]
// CHECK-NEXT: graph.softmax %[[N]]
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<2x2xf32>>
  %0 = graph.matmul %x, %w {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = graph.add %0, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = graph.clip %1 {bounds = array<f64: 0.0, 127.0>, quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = graph.sigmoid %2 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = graph.clip %3 {bounds = array<f64: 0.0, 0.99609375>, quantized.as = !quantized.uniform<i8, 0.00390625 : -128>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = graph.softmax %4 {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %5 : tensor<2x2xf32>
}

// -----

// A bias that has no place in 32 bits, in the steps that the scales give.
// CHECK-LABEL: @main
// CHECK: graph.matmul
func.func @main(%x: tensor<2x2xf32> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}) -> tensor<2x2xf32> {
  %w = graph.constant #aic.dense<1.0 : tensor<2x2xf32>> {quantized.as = !quantized.uniform<i8, 0.5 : 0>}
  %b = graph.constant #aic.dense<[0.0, 1.0e9] : tensor<2xf32>>
  %0 = graph.matmul %x, %w, %b {quantized.as = !quantized.uniform<i8, 1.0 : 0>} : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %0 : tensor<2x2xf32>
}
