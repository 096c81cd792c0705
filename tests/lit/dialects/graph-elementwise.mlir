// RUN: aic-opt %s --verify-roundtrip | filecheck %s

// CHECK-LABEL: @broadcast
// CHECK-NEXT: %s = graph.add %x, %b : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: %c = graph.less %s, %b : {{.*}} -> tensor<2x3xi1>
// CHECK-NEXT: %n = graph.not %c
// CHECK-NEXT: %y = graph.select %n, %s, %b
func.func @broadcast(%x: tensor<2x1xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %s = graph.add %x, %b : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %c = graph.less %s, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %n = graph.not %c : (tensor<2x3xi1>) -> tensor<2x3xi1>
  %y = graph.select %n, %s, %b : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  func.return %y : tensor<2x3xf32>
}

// CHECK-LABEL: @convert
// CHECK-NEXT: graph.cast %x {to = f16} : (tensor<4xi64>) -> tensor<4xf16>
// CHECK-NEXT: graph.leaky_relu %{{.*}} {alpha = {{.*}} : f64}
// CHECK-NEXT: graph.mod %{{.*}} {fmod = true}
func.func @convert(%x: tensor<4xi64>) -> tensor<4xf16> {
  %0 = graph.cast %x {to = f16} : (tensor<4xi64>) -> tensor<4xf16>
  %1 = graph.leaky_relu %0 {alpha = 0.125 : f64} : (tensor<4xf16>) -> tensor<4xf16>
  %2 = graph.mod %1, %0 {fmod = true} : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  func.return %2 : tensor<4xf16>
}
