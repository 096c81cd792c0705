// RUN: aic-opt %s --split-input-file -p fuse-activations | filecheck %s
// RUN: aic-opt %s --split-input-file -p 'fuse-activations{limits-only=true}' | filecheck %s --check-prefix=LIMITS

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

// -----

// A network that is to be quantized: integers can be limited, but apply no other functions.
// CHECK-LABEL: @limits
// CHECK-NEXT: graph.matmul {{.*}} {activation = "relu"}
// CHECK-NEXT: graph.matmul {{.*}} {activation = "gelu"}
// CHECK-NEXT: return
// LIMITS-LABEL: @limits
// LIMITS-NEXT: graph.matmul {{.*}} {activation = "relu"}
// LIMITS-NEXT: graph.matmul {{.*}} : (tensor<3x4xf32>
// LIMITS-NEXT: graph.gelu
// LIMITS-NEXT: return
func.func @limits(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %0 = graph.matmul %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %1 = graph.relu %0 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = graph.matmul %1, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %3 = graph.gelu %2 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return %3 : tensor<3x4xf32>
}

// -----

// The scale of what is fused is that of the result. A result that is to be integers before is not changed.
// CHECK-LABEL: @scales
// CHECK-NEXT: graph.matmul {{.*}} {activation = "clip", bounds = array<f64: {{.*}}>, quantized.as = !quantized.uniform<i8, 0.5 : 0>}
// CHECK-NEXT: graph.matmul {{.*}} {quantized.as = !quantized.uniform<i8, 0.25 : 0>}
// CHECK-NEXT: graph.relu
// CHECK-NEXT: return
func.func @scales(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %0 = graph.matmul %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %1 = graph.clip %0 {bounds = array<f64: -64.0, 63.5>, quantized.as = !quantized.uniform<i8, 0.5 : 0>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = graph.matmul %1, %w {quantized.as = !quantized.uniform<i8, 0.25 : 0>} : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %3 = graph.relu %2 : (tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return %3 : tensor<3x4xf32>
}
