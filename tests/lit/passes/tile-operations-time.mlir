// RUN: aic-opt %s --split-input-file -p 'set-tuning{ols=1},tile-operations' | filecheck %s

// Loops of least traffic are not always those of least time. The weights fit beside the result that stays, but would
// leave room for five rows at a time, and a product takes as long for five as for 64: columns and rows are cut instead,
// though the rows come several times.
// CHECK-LABEL: func.func @main()
// CHECK: %[[X:.*]] = tile.alloc {window = #tile.box<[1] : {{.*}}i0{{.*}}, 0 to 3072>}
// CHECK: %[[W:.*]] = tile.alloc {window = #tile.box<[1] : 0 to 3072, [[C:[0-9]+]] i1 to [[C]] i1 + [[C]]>}
// CHECK: tile.for
// CHECK: tile.for
// CHECK: tile.compute %[[X]], %[[W]], %{{.*}} {kernel = "matmul"
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1760x3072xf16, #tile.sharding<ddr>>) -> tensor<1760x768xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<3072x768xf16>> : tensor<3072x768xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<1760x3072xf16, #tile.sharding<ddr>> to tensor<1760x3072xf16, #tile.sharding<vtcm [1] : *, *>>
    %1 = tile.reshard %w : tensor<3072x768xf16, #tile.sharding<ddr>> to tensor<3072x768xf16, #tile.sharding<vtcm [1] : *, *>>
    %2 = graph.matmul %0, %1 : (tensor<1760x3072xf16, #tile.sharding<vtcm [1] : *, *>>, tensor<3072x768xf16, #tile.sharding<vtcm [1] : *, *>>) -> tensor<1760x768xf16, #tile.sharding<vtcm [1] : *, *>>
    %3 = graph.relu %2 : (tensor<1760x768xf16, #tile.sharding<vtcm [1] : *, *>>) -> tensor<1760x768xf16, #tile.sharding<vtcm [1] : *, *>>
    %4 = tile.reshard %3 : tensor<1760x768xf16, #tile.sharding<vtcm [1] : *, *>> to tensor<1760x768xf16, #tile.sharding<ddr>>
    func.return %4 : tensor<1760x768xf16, #tile.sharding<ddr>>
  }
}

// -----

// A depthwise convolution works on 64 channels of an fp16 vector at once: images are cut, not channels, though a part of
// an image needs rows that its neighbour brings as well.
// CHECK-LABEL: func.func @main()
// CHECK: tile.compute {{.*}} {kernel = "conv", {{.*}}, 0 to 96>], arguments
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<64x112x112x96xf16, #tile.sharding<ddr>>) -> tensor<64x56x56x96xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x1x96xf16>> : tensor<3x3x1x96xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x {fill = 0.0 : f64} : tensor<64x112x112x96xf16, #tile.sharding<ddr>> to tensor<64x112x112x96xf16, #tile.sharding<vtcm [1] : *, * halo 1 0, * halo 1 0, *>>
    %1 = tile.reshard %w : tensor<3x3x1x96xf16, #tile.sharding<ddr>> to tensor<3x3x1x96xf16, #tile.sharding<vtcm [1] : *, *, *, *>>
    %2 = graph.conv %0, %1 {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, group = 96 : i64} : (tensor<64x112x112x96xf16, #tile.sharding<vtcm [1] : *, * halo 1 0, * halo 1 0, *>>, tensor<3x3x1x96xf16, #tile.sharding<vtcm [1] : *, *, *, *>>) -> tensor<64x56x56x96xf16, #tile.sharding<vtcm [1] : *, *, *, *>>
    %3 = tile.reshard %2 : tensor<64x56x56x96xf16, #tile.sharding<vtcm [1] : *, *, *, *>> to tensor<64x56x56x96xf16, #tile.sharding<ddr>>
    func.return %3 : tensor<64x56x56x96xf16, #tile.sharding<ddr>>
  }
}
