// RUN: AIC_ROUNDTRIP
// RUN: AIC_GENERIC

// Every float keeps its bits; one value stands for many only when all bits agree.
// CHECK-LABEL: @floats
// CHECK: #aic.dense<[1.0, inf, minus_inf, nan(0x7FC00001), -0.0, 0.1] : tensor<6xf32>>
// CHECK: #aic.dense<0.1 : tensor<2x2xf16>>
// CHECK: #aic.dense<[0.0, -0.0] : tensor<2xf16>>
// CHECK: #aic.dense<[] : tensor<0xf32>>
// CHECK: #aic.dense<65500.0 : tensor<f16>> loc("largest")
// GENERIC-LABEL: "floats"
// GENERIC: #aic.dense<[1.0, inf, minus_inf, nan(0x7FC00001), -0.0, 0.1] : tensor<6xf32>>
func.func @floats() {
  %0 = graph.constant #aic.dense<[1.0, inf, minus_inf, nan(0x7fc00001), -0.0, 0.1] : tensor<6xf32>>
  %1 = graph.constant #aic.dense<0.1 : tensor<2x2xf16>>
  %2 = graph.constant #aic.dense<[0.0, -0.0] : tensor<2xf16>>
  %3 = graph.constant #aic.dense<[] : tensor<0xf32>>
  %4 = graph.constant #aic.dense<65504.0 : tensor<f16>> loc("largest")
  func.return
}

// -----

// CHECK-LABEL: @integers
// CHECK: #aic.dense<[true, false] : tensor<2xi1>>
// CHECK: #aic.dense<[-128, 127] : tensor<2xi8>>
// CHECK: #aic.dense<-9223372036854775808 : tensor<1xi64>>
func.func @integers() {
  %0 = graph.constant #aic.dense<[true, false] : tensor<2xi1>>
  %1 = graph.constant #aic.dense<[-128, 127] : tensor<2xi8>>
  %2 = graph.constant #aic.dense<-9223372036854775808 : tensor<1xi64>>
  func.return
}

// -----

// CHECK-LABEL: @weights
// CHECK: #aic.weight<"model.onnx@16+48" : tensor<3x4xf32>>
// CHECK: #aic.weight<"a \22quoted\22 key", [2, 3, 1, 0] : tensor<3x3x8x16xf16>>
func.func @weights() {
  %0 = graph.constant #aic.weight<"model.onnx@16+48" : tensor<3x4xf32>>
  %1 = graph.constant #aic.weight<"a \"quoted\" key", [2, 3, 1, 0] : tensor<3x3x8x16xf16>>
  func.return
}

// -----

// CHECK: builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 16 : i64}
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 16 : i64} {
}

// -----

// CHECK: #aic.target<"ultra", {ddr_bytes_per_second = 6.850000e+10 : f64}>
builtin.module attributes {aic.target = #aic.target<"ultra", {ddr_bytes_per_second = 6.85e10 : f64}>} {
}
