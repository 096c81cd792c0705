// RUN: aic-opt %s --split-input-file -p convert-to-fp16 | filecheck %s

// Inputs and outputs keep their types, integers and i1 too; values beyond fp16 are clamped, infinities are not.
// CHECK-LABEL: @types
// CHECK-SAME: (%x: tensor<2xf32>{{.*}}, %i: tensor<2xi64>{{.*}}) -> (tensor<2xf32>, tensor<2xi64>)
// CHECK-NEXT: %[[X:.*]] = graph.cast %x {to = f16}
// CHECK-NEXT: graph.constant #aic.dense<[-65500.0, minus_inf] : tensor<2xf16>>
// CHECK-NEXT: %[[I:.*]] = graph.cast %i {to = f16} : (tensor<2xi64>) -> tensor<2xf16>
// CHECK-NEXT: graph.add %[[X]], %[[I]] : (tensor<2xf16>, tensor<2xf16>) -> tensor<2xf16>
// CHECK: graph.greater {{.*}} -> tensor<2xi1>
// CHECK: graph.cast {{.*}} {to = f32} : (tensor<2xf16>) -> tensor<2xf32>
// CHECK-NEXT: return
func.func @types(%x: tensor<2xf32>, %i: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xi64>) {
  %low = graph.constant #aic.dense<[-3.40282347e+38, minus_inf] : tensor<2xf32>> loc("mask")
  %0 = graph.cast %i {to = f32} : (tensor<2xi64>) -> tensor<2xf32>
  %1 = graph.add %x, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = graph.greater %1, %low : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %3 = graph.cast %2 {to = i64} : (tensor<2xi1>) -> tensor<2xi64>
  func.return %1, %3 : tensor<2xf32>, tensor<2xi64>
}
