// RUN: aic-opt %s --split-input-file -p recognize-rotary | filecheck %s

// Heads before positions, as exporters write them: taking them apart vanishes.
// CHECK-LABEL: @heads_first
// CHECK: graph.rotary %x, %{{.*}}, %{{.*}} {head_dim = 4 : i64} : (tensor<1x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>) -> tensor<1x6x8xf32> loc("turned")
// CHECK-NEXT: return
func.func @heads_first(%x: tensor<1x6x8xf32>, %cos: tensor<1x1x6x4xf32>, %sin: tensor<1x1x6x4xf32>) -> tensor<1x6x8xf32> {
  %0 = graph.reshape %x : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x6x2x4xf32>) -> tensor<1x2x6x4xf32>
  %2 = graph.mul %1, %cos : (tensor<1x2x6x4xf32>, tensor<1x1x6x4xf32>) -> tensor<1x2x6x4xf32>
  %3 = graph.slice %1 {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 6, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x6x2xf32>
  %4 = graph.slice %1 {starts = array<i64: 0, 0, 0, 2>, stops = array<i64: 1, 2, 6, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x6x2xf32>
  %5 = graph.neg %4 : (tensor<1x2x6x2xf32>) -> tensor<1x2x6x2xf32>
  %6 = graph.concat %5, %3 {axis = 3 : i64} : (tensor<1x2x6x2xf32>, tensor<1x2x6x2xf32>) -> tensor<1x2x6x4xf32>
  %7 = graph.mul %6, %sin : (tensor<1x2x6x4xf32>, tensor<1x1x6x4xf32>) -> tensor<1x2x6x4xf32>
  %8 = graph.add %2, %7 : (tensor<1x2x6x4xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32> loc("turned")
  %9 = graph.transpose %8 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x6x4xf32>) -> tensor<1x6x2x4xf32>
  %10 = graph.reshape %9 : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  func.return %10 : tensor<1x6x8xf32>
}

// -----

// The halves the other way round turn x back: no rotary embedding as the op means it.
// CHECK-LABEL: @turned_back
// CHECK-NOT: graph.rotary
// CHECK: graph.concat
func.func @turned_back(%x: tensor<1x2x6x4xf32>, %cos: tensor<1x1x6x4xf32>, %sin: tensor<1x1x6x4xf32>) -> tensor<1x2x6x4xf32> {
  %0 = graph.mul %x, %cos : (tensor<1x2x6x4xf32>, tensor<1x1x6x4xf32>) -> tensor<1x2x6x4xf32>
  %1 = graph.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 6, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x6x2xf32>
  %2 = graph.slice %x {starts = array<i64: 0, 0, 0, 2>, stops = array<i64: 1, 2, 6, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x6x2xf32>
  %3 = graph.neg %1 : (tensor<1x2x6x2xf32>) -> tensor<1x2x6x2xf32>
  %4 = graph.concat %2, %3 {axis = 3 : i64} : (tensor<1x2x6x2xf32>, tensor<1x2x6x2xf32>) -> tensor<1x2x6x4xf32>
  %5 = graph.mul %4, %sin : (tensor<1x2x6x4xf32>, tensor<1x1x6x4xf32>) -> tensor<1x2x6x4xf32>
  %6 = graph.add %0, %5 : (tensor<1x2x6x4xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  func.return %6 : tensor<1x2x6x4xf32>
}
