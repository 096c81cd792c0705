// RUN: aic-opt %s --split-input-file -p recognize-attention | filecheck %s

// As the tracing exporter writes eager attention: the scores divided, a mask added. Splitting and joining heads vanishes.
// CHECK-LABEL: @eager
// CHECK-NEXT: graph.attention %q, %k, %v, %mask {head_dim = 4 : i64, scale = 5.000000e-01 : f64} {{.*}} -> tensor<1x6x8xf32> loc("last")
// CHECK-NEXT: return
func.func @eager(%q: tensor<1x6x8xf32>, %k: tensor<1x6x8xf32>, %v: tensor<1x6x8xf32>, %mask: tensor<1x1x1x6xf32>) -> tensor<1x6x8xf32> {
  %0 = graph.reshape %q : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.reshape %k : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %3 = graph.transpose %2 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x4x6xf32>
  %4 = graph.reshape %v : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %6 = graph.matmul %1, %3 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %root = graph.constant #aic.dense<2.0 : tensor<f32>>
  %7 = graph.div %6, %root : (tensor<1x2x6x6xf32>, tensor<f32>) -> tensor<1x2x6x6xf32>
  %8 = graph.add %7, %mask : (tensor<1x2x6x6xf32>, tensor<1x1x1x6xf32>) -> tensor<1x2x6x6xf32>
  %9 = graph.softmax %8 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %10 = graph.matmul %9, %5 : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32> loc("last")
  %11 = graph.transpose %10 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %12 = graph.reshape %11 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %12 : tensor<1x6x8xf32>
}

// -----

// Scaled-dot-product attention: q and k scaled each, keys transposed in three dimensions, rows that are masked whole
// guarded, a mask that is zero.
// CHECK-LABEL: @scaled_each
// CHECK-NEXT: graph.attention %q, %k, %v {head_dim = 4 : i64, scale = 2.500000e-01 : f64}
// CHECK-NEXT: return
func.func @scaled_each(%q: tensor<1x6x8xf32>, %k: tensor<1x6x8xf32>, %v: tensor<1x6x8xf32>) -> tensor<1x6x8xf32> {
  %half = graph.constant #aic.dense<0.5 : tensor<f32>>
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %mask = graph.constant #aic.dense<0.0 : tensor<1x1x6x6xf32>>
  %0 = graph.reshape %q : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.reshape %k : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %3 = graph.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %4 = graph.reshape %3 : (tensor<1x2x6x4xf32>) -> tensor<2x6x4xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 2, 1>} : (tensor<2x6x4xf32>) -> tensor<2x4x6xf32>
  %6 = graph.reshape %5 : (tensor<2x4x6xf32>) -> tensor<1x2x4x6xf32>
  %7 = graph.reshape %v : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %8 = graph.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %9 = graph.mul %1, %half : (tensor<1x2x6x4xf32>, tensor<f32>) -> tensor<1x2x6x4xf32>
  %10 = graph.mul %6, %half : (tensor<1x2x4x6xf32>, tensor<f32>) -> tensor<1x2x4x6xf32>
  %11 = graph.matmul %9, %10 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %12 = graph.add %11, %mask : (tensor<1x2x6x6xf32>, tensor<1x1x6x6xf32>) -> tensor<1x2x6x6xf32>
  %13 = graph.softmax %12 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %14 = graph.isnan %13 : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xi1>
  %15 = graph.select %14, %zero, %13 : (tensor<1x2x6x6xi1>, tensor<f32>, tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %16 = graph.matmul %15, %8 : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  %17 = graph.transpose %16 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %18 = graph.reshape %17 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %18 : tensor<1x6x8xf32>
}

// -----

// A softmax over another dimension is no attention.
// CHECK-LABEL: @other_axis
// CHECK-NOT: graph.attention
// CHECK: graph.softmax
func.func @other_axis(%q: tensor<2x6x6xf32>, %k: tensor<2x6x6xf32>, %v: tensor<2x6x6xf32>) -> tensor<2x6x6xf32> {
  %0 = graph.matmul %q, %k : (tensor<2x6x6xf32>, tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %1 = graph.softmax %0 {axis = 1 : i64} : (tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %2 = graph.matmul %1, %v : (tensor<2x6x6xf32>, tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  func.return %2 : tensor<2x6x6xf32>
}

// -----

// Each head of keys and values serves two of queries: it is taken from before it was repeated.
// CHECK-LABEL: @grouped_queries
// CHECK-NEXT: graph.attention %q, %k, %v {head_dim = 4 : i64, scale = 1.000000e+00 : f64} : (tensor<1x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>) -> tensor<1x6x8xf32>
// CHECK-NEXT: return
func.func @grouped_queries(%q: tensor<1x6x8xf32>, %k: tensor<1x6x4xf32>, %v: tensor<1x6x4xf32>) -> tensor<1x6x8xf32> {
  %0 = graph.reshape %q : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.reshape %k : (tensor<1x6x4xf32>) -> tensor<1x1x1x6x4xf32>
  %3 = graph.expand %2 : (tensor<1x1x1x6x4xf32>) -> tensor<1x1x2x6x4xf32>
  %4 = graph.reshape %3 : (tensor<1x1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x4x6xf32>
  %6 = graph.reshape %v : (tensor<1x6x4xf32>) -> tensor<1x1x1x6x4xf32>
  %7 = graph.expand %6 : (tensor<1x1x1x6x4xf32>) -> tensor<1x1x2x6x4xf32>
  %8 = graph.reshape %7 : (tensor<1x1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  %9 = graph.matmul %1, %5 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %10 = graph.softmax %9 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %11 = graph.matmul %10, %8 : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  %12 = graph.transpose %11 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %13 = graph.reshape %12 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %13 : tensor<1x6x8xf32>
}

// -----

// Queries see keys that are not later and not padding: a horizon, and a mask of the padding alone.
// CHECK-LABEL: @causal_and_padded
// CHECK: %[[M:.*]] = graph.select %padding, {{.*}} -> tensor<1x1x1x2xf32>
// CHECK: %[[H:.*]] = graph.constant #aic.dense<[1, 2] : tensor<2xi32>>
// CHECK: graph.causal_attention %{{.*}}, %{{.*}}, %{{.*}}, %[[H]], %[[M]] {beyond = -1.0{{.*}}e+30 : f64, head_dim = 4 : i64
func.func @causal_and_padded(%q: tensor<1x1x2x4xf32>, %k: tensor<1x1x4x2xf32>, %v: tensor<1x1x2x4xf32>, %padding: tensor<1x1x1x2xi1>) -> tensor<1x1x2x4xf32> {
  %zero = graph.constant #aic.dense<0.0 : tensor<f32>>
  %lowest = graph.constant #aic.dense<-1.0e30 : tensor<f32>>
  %keys = graph.constant #aic.dense<[0, 1] : tensor<1x1x1x2xi64>>
  %queries = graph.constant #aic.dense<[0, 1] : tensor<1x1x2x1xi64>>
  %earlier = graph.less_equal %keys, %queries : (tensor<1x1x1x2xi64>, tensor<1x1x2x1xi64>) -> tensor<1x1x2x2xi1>
  %seen = graph.and %padding, %earlier : (tensor<1x1x1x2xi1>, tensor<1x1x2x2xi1>) -> tensor<1x1x2x2xi1>
  %mask = graph.select %seen, %zero, %lowest : (tensor<1x1x2x2xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %0 = graph.matmul %q, %k : (tensor<1x1x2x4xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x2x2xf32>
  %1 = graph.add %0, %mask : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %2 = graph.softmax %1 {axis = 3 : i64} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %3 = graph.matmul %2, %v : (tensor<1x1x2x2xf32>, tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32>
  func.return %3 : tensor<1x1x2x4xf32>
}

// -----

// Later keys filled with a low number, the condition saying what is hidden: nothing else is masked.
// CHECK-LABEL: @filled
// CHECK: graph.causal_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{[^,]*}} {beyond = 0xfff0000000000000 : f64
func.func @filled(%q: tensor<1x1x2x4xf32>, %k: tensor<1x1x4x2xf32>, %v: tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32> {
  %low = graph.constant #aic.dense<-10000.0 : tensor<f32>>
  %later = graph.constant #aic.dense<[0, 1, 0, 0] : tensor<1x1x2x2xi1>>
  %0 = graph.matmul %q, %k : (tensor<1x1x2x4xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x2x2xf32>
  %1 = graph.select %later, %low, %0 : (tensor<1x1x2x2xi1>, tensor<f32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %2 = graph.softmax %1 {axis = 3 : i64} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %3 = graph.matmul %2, %v : (tensor<1x1x2x2xf32>, tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32>
  func.return %3 : tensor<1x1x2x4xf32>
}

// -----

// A mask that hides the diagonal is added as it is.
// CHECK-LABEL: @not_causal
// CHECK-NOT: graph.causal_attention
// CHECK: graph.attention %{{.*}}, %{{.*}}, %{{.*}}, %mask
func.func @not_causal(%q: tensor<1x1x2x4xf32>, %k: tensor<1x1x4x2xf32>, %v: tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32> {
  %mask = graph.constant #aic.dense<[-10000.0, -10000.0, 0.0, 0.0] : tensor<1x1x2x2xf32>>
  %0 = graph.matmul %q, %k : (tensor<1x1x2x4xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x2x2xf32>
  %1 = graph.add %0, %mask : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %2 = graph.softmax %1 {axis = 3 : i64} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %3 = graph.matmul %2, %v : (tensor<1x1x2x2xf32>, tensor<1x1x2x4xf32>) -> tensor<1x1x2x4xf32>
  func.return %3 : tensor<1x1x2x4xf32>
}
