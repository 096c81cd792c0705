// RUN: aic-opt %s -p 'set-quantization{quantization-precision=Int16 enable-channelwise=true percentile-calibration-value=99.9 in-float="a","b"}' | filecheck %s
// RUN: aic-opt %s -p 'set-quantization{quantization-precision-bias=Int8},set-quantization{load-profile="p.yaml"}' | filecheck %s --check-prefix=AGAIN
// RUN: not aic-opt %s -p 'set-quantization{quantization-precision=Int4}' 2>&1 | filecheck %s --check-prefix=CHOICE
// RUN: not aic-opt %s -p 'set-quantization{percentile-calibration-value=80.0}' 2>&1 | filecheck %s --check-prefix=LEAST
// RUN: not aic-opt %s -p 'set-quantization{nodes="a","b"}' 2>&1 | filecheck %s --check-prefix=NODES

// CHECK: aic.quantization = {percentile_calibration_value = 9.990000e+01 : f64, quantization_precision = "Int16", enable_channelwise = true, in_float = ["a", "b"]}
// AGAIN: aic.quantization = {load_profile = "p.yaml", quantization_precision_bias = "Int8"}
// CHOICE: aic.quantization: quantization_precision is 'Int4'; there are Int8, Int16
// LEAST: aic.quantization: percentile_calibration_value is 80.0; it must be 90 to 100
// NODES: aic.quantization: nodes are 2 names; there must be three of each node

builtin.module {
  func.func @main() {
    func.return
  }
}
