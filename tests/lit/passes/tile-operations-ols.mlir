// RUN: aic-opt %s -p 'shard-tensors,set-tuning{ols=1},tile-operations' | filecheck %s --check-prefix=ONE
// RUN: aic-opt %s -p 'shard-tensors,set-tuning{ols=4},tile-operations' | filecheck %s --check-prefix=FOUR
// RUN: aic-opt %s -p 'shard-tensors,tile-operations' | filecheck %s --check-prefix=CHOSEN
// RUN: aic-opt %s -p 'shard-tensors,set-tuning{ols=4},tile-operations,pipeline-loops,fetch-ahead,assign-addresses,insert-waits' | filecheck %s --check-prefix=WAITS
// RUN: not aic-opt %s -p 'set-tuning{ols=0}' 2>&1 | filecheck %s --check-prefix=NONE

// ONE: aic.tuning = {ols = 1 : i64}
// ONE-NOT: tile.for

// Each kernel works through its rows in four parts; what they read came whole.
// FOUR: tile.load {{.*}}loc("first")
// FOUR: tile.for 4 {
// FOUR-NEXT: tile.compute {{.*}}kernel = "conv", engine = "hmx", {{.*}}#tile.box<[1] : 0 to 1, 16 i0 to min(64, 16 i0 + 16), 0 to 64, 0 to 128>]
// FOUR-NEXT: }
// FOUR: tile.for 4 {
// FOUR-NEXT: tile.compute {{.*}}kernel = "sin", engine = "hvx", {{.*}}#tile.box<[1] : 0 to 1, 16 i0 to min(64, 16 i0 + 16), 0 to 64, 0 to 128>]
// FOUR-NEXT: }
// FOUR: tile.for 4 {
// FOUR-NEXT: tile.compute {{.*}}kernel = "conv"

// Chosen is what makes HMX and HVX overlap for longest: more parts for what takes longer than a start of them.
// CHOSEN: tile.for 8 {
// CHOSEN-NEXT: tile.compute {{.*}}kernel = "conv"

// HVX follows HMX part by part. What needs rows of the next part too waits for all: a count is linear.
// WAITS: kernel = "conv", {{.*}}signal = [[C:[0-9]+]] : i64, {{.*}}loc("first")
// WAITS: kernel = "sin", {{.*}}signal = [[S:[0-9]+]] : i64, waits = #tile.waits<[[C]] at i0 + 1>
// WAITS: kernel = "conv", {{.*}}waits = #tile.waits<{{.*}}[[S]] at 4

// NONE: aic.tuning: ols is 0; it must be at least 1
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x64x64x128xf16> {aic.name = "x"}) -> (tensor<1x64x64x128xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x128x128xf16>>
    %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x64x64x128xf16>, tensor<3x3x128x128xf16>) -> tensor<1x64x64x128xf16> loc("first")
    %1 = graph.sin %0 : (tensor<1x64x64x128xf16>) -> tensor<1x64x64x128xf16> loc("middle")
    %y = graph.conv %1, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x64x64x128xf16>, tensor<3x3x128x128xf16>) -> tensor<1x64x64x128xf16> loc("last")
    func.return %y : tensor<1x64x64x128xf16>
  }
}
