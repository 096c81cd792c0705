// RUN: aic-opt %s -p 'set-tuning{ols=1},shard-tensors,tile-operations' | filecheck %s
// RUN: aic-opt %s -p 'set-tuning{ols=1 size-split-granularity=2048},shard-tensors,tile-operations' | filecheck %s --check-prefix=LARGE
// RUN: aic-opt %s -p 'set-tuning{ols=1 size-split-granularity=512},shard-tensors,tile-operations' | filecheck %s --check-prefix=PART
// RUN: aic-opt %s -p 'set-tuning{ols=1 vtcm-working-set-limit-ratio=0.125},shard-tensors,tile-operations' | filecheck %s --check-prefix=RATIO
// RUN: not aic-opt %s -p 'set-tuning{ols=1 vtcm-working-set-limit-ratio=0.0001},shard-tensors,tile-operations' 2>&1 | filecheck %s --check-prefix=NONE

// 32 MB of weights stream through VTCM in parts of up to a quarter of it. The convolution, whose operands fit, runs in one
// piece.
// CHECK: tile.for 22 {
// CHECK-NEXT: tile.load {{.*}}192 i0 to
// CHECK-NOT: tile.for
// CHECK: kernel = "conv"

// Parts of 2 MiB at most: 256 columns of 4096 fp16 values. And of 512 KiB.
// LARGE: tile.for 16 {
// LARGE-NEXT: tile.load {{.*}}256 i0 to
// PART: tile.for 64 {
// PART-NEXT: tile.load {{.*}}64 i0 to

// No kernel touches more than an eighth of VTCM at once, whether it fits or not: the convolution is cut as well.
// RATIO: tile.for 43 {
// RATIO: tile.for 2 {
// RATIO: kernel = "relu"
// RATIO: tile.for 2 {
// RATIO-NEXT: tile.compute {{.*}}kernel = "conv"

// What does not fit says what it takes, what there is, and what it would take.
// NONE: graph.matmul (fc) does not fit into VTCM: in chunks of [1, 1] it touches 16386 bytes of VTCM per core at once, where the limit of the working set allows 832: 15554 too few; a vtcm-working-set-limit-ratio of 0.01 would allow it
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x4096xf16>, %i: tensor<1x64x64x64xf16>) -> (tensor<1x4096xf16>, tensor<1x64x64x64xf16>) {
    %w = graph.constant #aic.weight<"w" : tensor<4096x4096xf16>>
    %v = graph.constant #aic.weight<"v" : tensor<3x3x64x64xf16>>
    %0 = graph.matmul %x, %w : (tensor<1x4096xf16>, tensor<4096x4096xf16>) -> tensor<1x4096xf16> loc("fc")
    %1 = graph.relu %i : (tensor<1x64x64x64xf16>) -> tensor<1x64x64x64xf16> loc("relu")
    %2 = graph.conv %1, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x64x64x64xf16>, tensor<3x3x64x64xf16>) -> tensor<1x64x64x64xf16> loc("conv")
    %3 = graph.exp %2 : (tensor<1x64x64x64xf16>) -> tensor<1x64x64x64xf16> loc("exp")
    func.return %0, %3 : tensor<1x4096xf16>, tensor<1x64x64x64xf16>
  }
}
