// RUN: aic-opt %s -p 'shard-tensors' | filecheck %s --check-prefix=COST
// RUN: aic-opt %s -p 'set-tuning{mos=1},shard-tensors' | filecheck %s --check-prefix=MOS1
// RUN: aic-opt %s -p 'set-tuning{mos=2},shard-tensors' | filecheck %s --check-prefix=MOS2
// RUN: aic-opt %s -p 'set-tuning{mos=8},shard-tensors' | filecheck %s --check-prefix=MOS8
// RUN: aic-opt %s -p 'set-tuning{multicast-weights=false},shard-tensors' | filecheck %s --check-prefix=ALONE
// RUN: not aic-opt %s -p 'set-tuning{mos=16},shard-tensors' 2>&1 | filecheck %s --check-prefix=CORES

// CORES: shard-tensors: mos is 16, but there are 8 cores to split channels over

// Output channels, the last dimension, and the weights with them lie on as many cores as `mos` says and whole tiles of
// 32 channels allow. The other cores split other dimensions, and hold replicas where there are none.
// COST: graph.conv {{.*}} -> tensor<1x56x56x128xf16, #tile.sharding<vtcm [2, 4] : *, *, 0 by 28, 1 by 32>>
// COST: graph.matmul {{.*}} -> tensor<1x512xf16, #tile.sharding<vtcm [8] : *, 0 by 64>>
// COST: graph.matmul {{.*}} -> tensor<1x16xf16, #tile.sharding<vtcm [8] : *, *>>
// MOS1: graph.conv {{.*}} -> tensor<1x56x56x128xf16, #tile.sharding<vtcm [8] : *, 0 by 7, *, *>>
// MOS1: graph.matmul {{.*}} -> tensor<1x512xf16, #tile.sharding<vtcm [8] : *, *>>
// MOS2: graph.conv {{.*}} -> tensor<1x56x56x128xf16, #tile.sharding<vtcm [4, 2] : *, 0 by 14, *, 1 by 64>>
// MOS2: graph.matmul {{.*}} -> tensor<1x512xf16, #tile.sharding<vtcm [4, 2] : *, 1 by 256>>
// MOS8: graph.conv {{.*}} -> tensor<1x56x56x128xf16, #tile.sharding<vtcm [2, 4] : *, *, 0 by 28, 1 by 32>>
// MOS8: graph.matmul {{.*}} -> tensor<1x512xf16, #tile.sharding<vtcm [8] : *, 0 by 64>>
// MOS8: graph.matmul {{.*}} -> tensor<1x16xf16, #tile.sharding<vtcm [8] : *, *>>

// Where every core is to read its weights from DDR by itself, it costs less that each reads others.
// ALONE: graph.matmul {{.*}} -> tensor<1x16xf16, #tile.sharding<vtcm [8] : *, 0 by 2>>
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 8 : i64} {
  func.func @main(%x: tensor<1x56x56x128xf16>, %y: tensor<1x512xf16>) -> (tensor<1x56x56x128xf16>, tensor<1x512xf16>, tensor<1x16xf16>) {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x128x128xf16>>
    %v = graph.constant #aic.weight<"v" : tensor<512x512xf16>>
    %u = graph.constant #aic.weight<"u" : tensor<512x16xf16>>
    %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x56x56x128xf16>, tensor<3x3x128x128xf16>) -> tensor<1x56x56x128xf16>
    %1 = graph.matmul %y, %v : (tensor<1x512xf16>, tensor<512x512xf16>) -> tensor<1x512xf16>
    %2 = graph.matmul %y, %u : (tensor<1x512xf16>, tensor<512x16xf16>) -> tensor<1x16xf16>
    func.return %0, %1, %2 : tensor<1x56x56x128xf16>, tensor<1x512xf16>, tensor<1x16xf16>
  }
}
