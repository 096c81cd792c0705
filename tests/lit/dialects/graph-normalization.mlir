// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @normalize
// CHECK-NEXT: graph.layer_norm %x, %s, %s {epsilon = {{.*}} : f64}
// CHECK-NEXT: graph.layer_norm %{{.*}}, %s {epsilon
// CHECK-NEXT: graph.softmax %{{.*}} {axis = 0 : i64}
// CHECK-NEXT: graph.arg_max %{{.*}} {axis = 1 : i64, keepdims = false, select_last = true} : (tensor<2x6xf32>) -> tensor<2xi64>
func.func @normalize(%x: tensor<2x6xf32>, %s: tensor<6xf32>) -> tensor<2xi64> {
  %0 = graph.layer_norm %x, %s, %s {epsilon = 1.000000e-05 : f64} : (tensor<2x6xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<2x6xf32>
  %1 = graph.layer_norm %0, %s {epsilon = 1.000000e-05 : f64} : (tensor<2x6xf32>, tensor<6xf32>) -> tensor<2x6xf32>
  %2 = graph.softmax %1 {axis = 0 : i64} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %3 = graph.arg_max %2 {axis = 1 : i64, keepdims = false, select_last = true} : (tensor<2x6xf32>) -> tensor<2xi64>
  func.return %3 : tensor<2xi64>
}
