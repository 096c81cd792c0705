// RUN: aic-opt %s --verify-roundtrip | filecheck %s
// RUN: aic-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

// CHECK-LABEL: @constants
// CHECK-NEXT: graph.constant #aic.dense<[1.5, minus_inf, -0.0] : tensor<3xf32>> loc("mask")
// CHECK-NEXT: graph.constant #aic.dense<7 : tensor<2x2xi64>>
// CHECK-NEXT: graph.constant #aic.weight<"model.onnx@64+4096", [1, 0] : tensor<32x32xf16>> loc("fc.weight")
// GENERIC: "graph.constant"() <{value = #aic.dense<[1.5, minus_inf, -0.0] : tensor<3xf32>>}> : () -> tensor<3xf32>
func.func @constants() -> (tensor<3xf32>, tensor<2x2xi64>, tensor<32x32xf16>) {
  %a = graph.constant #aic.dense<[1.5, minus_inf, -0.0] : tensor<3xf32>> loc("mask")
  %b = graph.constant #aic.dense<7 : tensor<2x2xi64>>
  %c = graph.constant #aic.weight<"model.onnx@64+4096", [1, 0] : tensor<32x32xf16>> loc("fc.weight")
  func.return %a, %b, %c : tensor<3xf32>, tensor<2x2xi64>, tensor<32x32xf16>
}
