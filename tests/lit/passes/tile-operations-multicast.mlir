// RUN: aic-opt %s -p tile-operations | filecheck %s
// RUN: aic-opt %s -p 'set-tuning{multicast-weights=true},tile-operations' | filecheck %s
// RUN: aic-opt %s -p 'set-tuning{multicast-weights=false},tile-operations' | filecheck %s --check-prefix=ALONE

// Both cores need all of the input and of the weights: one read of DDR serves both, unless weights are not to be
// multicast.
// CHECK: tile.multicast %0, %x
// CHECK: tile.multicast %2, %w
// ALONE: tile.multicast %0, %x
// ALONE-NOT: tile.multicast
// ALONE: tile.load %2, %w
// ALONE-NOT: tile.multicast
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64} {
  func.func @main(%x: tensor<8x64xf16, #tile.sharding<ddr>>) -> tensor<8x64xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<64x64xf16>> : tensor<64x64xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<8x64xf16, #tile.sharding<ddr>> to tensor<8x64xf16, #tile.sharding<vtcm [2] : *, *>>
    %1 = tile.reshard %w : tensor<64x64xf16, #tile.sharding<ddr>> to tensor<64x64xf16, #tile.sharding<vtcm [2] : *, *>>
    %2 = graph.matmul %0, %1 : (tensor<8x64xf16, #tile.sharding<vtcm [2] : *, *>>, tensor<64x64xf16, #tile.sharding<vtcm [2] : *, *>>) -> tensor<8x64xf16, #tile.sharding<vtcm [2] : *, *>>
    %3 = tile.reshard %2 : tensor<8x64xf16, #tile.sharding<vtcm [2] : *, *>> to tensor<8x64xf16, #tile.sharding<ddr>>
    func.return %3 : tensor<8x64xf16, #tile.sharding<ddr>>
  }
}
