// RUN: aic-opt %s --split-input-file -p fuse-activations | filecheck %s

// CHECK-LABEL: @bias_and_clip
// CHECK: graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>> loc("bias")
// CHECK-NEXT: graph.matmul {{.*}} {activation = "clip", bounds = array<f64: {{.*}}>} {{.*}} loc("matmul"("clip":0:0))
// CHECK-NEXT: return
func.func @bias_and_clip(%x: tensor<3x4xf32>, %w: tensor<4x2xf32>) -> tensor<3x2xf32> {
  %0 = graph.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32> loc("matmul")
  %b = graph.constant #aic.dense<[1.0, 2.0] : tensor<1x2xf32>> loc("bias")
  %1 = graph.add %b, %0 : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32> loc("add")
  %2 = graph.clip %1 {bounds = array<f64: 0.0, 6.0>} : (tensor<3x2xf32>) -> tensor<3x2xf32> loc("clip")
  func.return %2 : tensor<3x2xf32>
}

// -----

// What others read, what has an activation already, and functions that contractions do not know stay.
// CHECK-LABEL: @left_alone
// CHECK-NEXT: graph.matmul {{.*}} : (tensor<3x4xf32>
// CHECK-NEXT: graph.relu
// CHECK-NEXT: graph.matmul {{.*}} {activation = "relu"}
// CHECK-NEXT: graph.tanh
// CHECK-NEXT: graph.matmul
// CHECK-NEXT: graph.exp
// CHECK-NEXT: return
func.func @left_alone(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) {
  %0 = graph.matmul %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %1 = graph.relu %0 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = graph.matmul %0, %w {activation = "relu"} : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %3 = graph.tanh %2 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %4 = graph.matmul %3, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %5 = graph.exp %4 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return %1, %5, %3 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
}
