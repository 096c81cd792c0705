// RUN: aic-opt %s --split-input-file -p recognize-gelu | filecheck %s

// CHECK-LABEL: @erf_form
// CHECK-NEXT: graph.gelu %x {{.*}} loc("last")
// CHECK-NEXT: return
func.func @erf_form(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = graph.constant #aic.dense<1.41421354 : tensor<f32>>
  %one = graph.constant #aic.dense<1.0 : tensor<f32>>
  %half = graph.constant #aic.dense<0.5 : tensor<f32>>
  %0 = graph.div %x, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = graph.erf %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = graph.mul %half, %2 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = graph.mul %x, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("last")
  func.return %4 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @tanh_form
// CHECK-NEXT: graph.gelu_tanh %x
// CHECK-NEXT: return
func.func @tanh_form(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = graph.constant #aic.dense<3.0 : tensor<f32>>
  %cubic = graph.constant #aic.dense<0.044715 : tensor<f32>>
  %root = graph.constant #aic.dense<0.797884583 : tensor<f32>>
  %one = graph.constant #aic.dense<1.0 : tensor<f32>>
  %half = graph.constant #aic.dense<0.5 : tensor<f32>>
  %0 = graph.pow %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = graph.mul %0, %cubic : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = graph.add %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = graph.mul %2, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = graph.tanh %3 : (tensor<4xf32>) -> tensor<4xf32>
  %5 = graph.add %4, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %6 = graph.mul %x, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %7 = graph.mul %6, %5 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %7 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @silu
// CHECK-NEXT: graph.silu %x
// CHECK-NEXT: return
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %1 : tensor<4xf32>
}

// -----

// With another factor it is no GELU.
// CHECK-LABEL: @other_factor
// CHECK-NOT: graph.gelu
// CHECK: graph.erf
func.func @other_factor(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = graph.constant #aic.dense<1.5 : tensor<f32>>
  %one = graph.constant #aic.dense<1.0 : tensor<f32>>
  %half = graph.constant #aic.dense<0.5 : tensor<f32>>
  %0 = graph.div %x, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = graph.erf %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = graph.mul %half, %2 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = graph.mul %x, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %4 : tensor<4xf32>
}
