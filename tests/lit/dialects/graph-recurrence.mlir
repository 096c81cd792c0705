// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @recur
// CHECK-NEXT: graph.lstm %g, %w, %b, %t, %s {clip = {{3.*}} : f64} : ({{.*}}) -> tensor<2x1x5x3x4xf32>
// CHECK-NEXT: graph.gru %h, %v, %c, %i, %i, %valid {activations = "sigmoid,relu"} : ({{.*}}) -> tensor<1x1x5x3x4xf32>
func.func @recur(%g: tensor<1x5x3x16xf32>, %w: tensor<1x4x16xf32>, %b: tensor<1x1x16xf32>, %t: tensor<1x1x1x3x4xf32>,
                 %s: tensor<2x1x1x3x4xf32>,
                 %h: tensor<1x5x3x12xf32>, %v: tensor<1x4x12xf32>, %c: tensor<1x2x12xf32>, %i: tensor<1x1x1x3x4xf32>,
                 %valid: tensor<1x5x3x1xi1>) -> (tensor<2x1x5x3x4xf32>, tensor<1x1x5x3x4xf32>) {
  %0 = graph.lstm %g, %w, %b, %t, %s {clip = 3.0 : f64} : (tensor<1x5x3x16xf32>, tensor<1x4x16xf32>, tensor<1x1x16xf32>, tensor<1x1x1x3x4xf32>, tensor<2x1x1x3x4xf32>) -> tensor<2x1x5x3x4xf32>
  %1 = graph.gru %h, %v, %c, %i, %i, %valid {activations = "sigmoid,relu"} : (tensor<1x5x3x12xf32>, tensor<1x4x12xf32>, tensor<1x2x12xf32>, tensor<1x1x1x3x4xf32>, tensor<1x1x1x3x4xf32>, tensor<1x5x3x1xi1>) -> tensor<1x1x5x3x4xf32>
  func.return %0, %1 : tensor<2x1x5x3x4xf32>, tensor<1x1x5x3x4xf32>
}
