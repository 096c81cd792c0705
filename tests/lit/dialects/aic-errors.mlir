// RUN: AIC_DIAGNOSTICS

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: 2 values for tensor<3xf32>, which has 3
func.func @count() {
  %0 = graph.constant #aic.dense<[1.0, 2.0] : tensor<3xf32>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: [0, 2] is not a permutation
func.func @permutation() {
  %0 = graph.constant #aic.weight<"w", [0, 2] : tensor<3x3xf32>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: expected a tensor type, got f32
func.func @type() {
  %0 = graph.constant #aic.dense<1.0 : f32>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: 300 does not fit into i8
func.func @range() {
  %0 = graph.constant #aic.dense<300 : tensor<1xi8>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: the bits of a NaN are 0 to 2^64 - 1
func.func @nan() {
  %0 = graph.constant #aic.dense<nan(-1) : tensor<1xf32>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 2]]:
// CHECK: expected a dictionary of overrides
builtin.module attributes {aic.target = #aic.target<"pro", 3 : i64>} {
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: 100000.0 does not fit into f16
func.func @overflow() {
  %0 = graph.constant #aic.dense<[65519.0, 1.0e5] : tensor<2xf16>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: 1.5 does not fit into i32
func.func @fraction() {
  %0 = graph.constant #aic.dense<1.5 : tensor<1xi32>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: tensor<1000000x1000000xf32> takes 4000000000000 bytes; a constant in the text has up to 16777216
func.func @size() {
  %0 = graph.constant #aic.dense<0.0 : tensor<1000000x1000000xf32>>
}

// -----

// CHECK: aic-errors.mlir:[[# @LINE + 3]]:
// CHECK: tensor<?xf32> has no static shape
func.func @dynamic() {
  %0 = graph.constant #aic.dense<0.0 : tensor<?xf32>>
}
