// RUN: aic-opt %s --split-input-file -p tile-operations | filecheck %s
// RUN: not aic-opt %S/fuse-activations.mlir -p 'tile-operations' 2>&1 | filecheck %s --check-prefix=MAIN
// RUN: not aic-opt %S/shard-tensors.mlir --split-input-file -p tile-operations 2>&1 | filecheck %s --check-prefix=UNSHARDED

// MAIN: the module has no function @main
// UNSHARDED: tile-operations: a value of type {{.*}} has no sharding; run shard-tensors first

// One buffer serves the value and its halo: filled, computed into, exchanged in place. Weights are multicast.
// CHECK-LABEL: func.func @main()
// CHECK-NEXT: %[[X:.*]] = tile.tensor {role = "input", label = "image"} : memref<1x8x8x4xf16, "ddr">
// CHECK-NEXT: %[[Y:.*]] = tile.tensor {role = "output", label = "output0"} : memref<1x8x8x4xf16, "ddr">
// CHECK-NEXT: %[[W:.*]] = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<3x3x4x4xf16>>}
// CHECK-NEXT: %[[XB:.*]] = tile.alloc {window = #tile.box<[4] : 0 to 1, 2 m0 to 2 m0 + 2, 0 to 8, 0 to 4>} : memref<1x2x8x4xf16, "vtcm">
// CHECK-NEXT: tile.load %[[X]], %[[XB]] {box = #tile.box<[4] : 0 to 1, 2 m0 to min(2 m0 + 2, 8), 0 to 8, 0 to 4>} loc("relu")
// CHECK-NEXT: %[[R:.*]] = tile.alloc {window = #tile.box<[4] : 0 to 1, 2 m0 - 1 to 2 m0 + 3, -1 to 9, 0 to 4>} : memref<1x4x10x4xf16, "vtcm">
// CHECK-NEXT: tile.fill %[[R]] {shape = array<i64: 1, 8, 8, 4>, value = 0.000000e+00 : f64}
// CHECK-NEXT: tile.compute %[[XB]], %[[R]] {kernel = "relu", engine = "hvx"
// CHECK-NEXT: tile.exchange %[[R]], %[[R]] {box = #tile.box<[4] : 0 to 1, max(2 m0 - 1, 0) to min(2 m0 + 3, 8), 0 to 8, 0 to 4>, own = #tile.box<[4] : 0 to 1, 2 m0 to min(2 m0 + 2, 8), 0 to 8, 0 to 4>}
// CHECK-NEXT: %[[WB:.*]] = tile.alloc
// CHECK-NEXT: tile.multicast %[[W]], %[[WB]] {box = #tile.box<[4] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>, axes = array<i64: 0>}
// CHECK-NEXT: %[[C:.*]] = tile.alloc
// CHECK-NEXT: tile.compute %[[R]], %[[WB]], %[[C]] {kernel = "conv", engine = "hmx", boxes = [#tile.box<[4] : 0 to 1, 2 m0 - 1 to min(2 m0 + 3, 9), -1 to 9, 0 to 4>, {{.*}}pads = array<i64: 0, 0, 0, 0>{{.*}} loc("conv")
// CHECK-NEXT: tile.store %[[C]], %[[Y]] {box = #tile.box<[4] : 0 to 1, 2 m0 to min(2 m0 + 2, 8), 0 to 8, 0 to 4>}
// CHECK-NEXT: func.return
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%x: tensor<1x8x8x4xf16, #tile.sharding<ddr>> {aic.name = "image"}) -> tensor<1x8x8x4xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x4x4xf16>> : tensor<3x3x4x4xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<1x8x8x4xf16, #tile.sharding<ddr>> to tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>>
    %1 = graph.relu %0 : (tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>>) -> tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>> loc("relu")
    %2 = tile.reshard %1 {fill = 0.0 : f64} : tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>> to tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2 halo 1 1, * halo 1 1, *>>
    %3 = tile.reshard %w : tensor<3x3x4x4xf16, #tile.sharding<ddr>> to tensor<3x3x4x4xf16, #tile.sharding<vtcm [4] : *, *, *, *>>
    %4 = graph.conv %2, %3 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2 halo 1 1, * halo 1 1, *>>, tensor<3x3x4x4xf16, #tile.sharding<vtcm [4] : *, *, *, *>>) -> tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>> loc("conv")
    %5 = tile.reshard %4 : tensor<1x8x8x4xf16, #tile.sharding<vtcm [4] : *, 0 by 2, *, *>> to tensor<1x8x8x4xf16, #tile.sharding<ddr>>
    func.return %5 : tensor<1x8x8x4xf16, #tile.sharding<ddr>>
  }
}

// -----

// Another split of the same value: an exchange into a buffer of its own. Of replicas, core 0 stores.
// CHECK-LABEL: func.func @main()
// CHECK: tile.exchange %[[A:.*]], %[[B:.*]] {box = #tile.box<[2] : 0 to 8, 0 to 4>, own = #tile.box<[2] : 4 m0 to min(4 m0 + 4, 8), 0 to 4>}
// CHECK: tile.store %{{.*}}, %{{.*}} {box = #tile.box<[2] : 8 m0 to min(8 m0 + 8, 8), 0 to 4>}
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64} {
  func.func @main(%x: tensor<8x4xf32, #tile.sharding<ddr>>) -> tensor<8x4xf32, #tile.sharding<ddr>> {
    %0 = tile.reshard %x : tensor<8x4xf32, #tile.sharding<ddr>> to tensor<8x4xf32, #tile.sharding<vtcm [2] : 0 by 4, *>>
    %1 = graph.exp %0 : (tensor<8x4xf32, #tile.sharding<vtcm [2] : 0 by 4, *>>) -> tensor<8x4xf32, #tile.sharding<vtcm [2] : 0 by 4, *>>
    %2 = tile.reshard %1 : tensor<8x4xf32, #tile.sharding<vtcm [2] : 0 by 4, *>> to tensor<8x4xf32, #tile.sharding<vtcm [2] : *, *>>
    %3 = graph.exp %2 : (tensor<8x4xf32, #tile.sharding<vtcm [2] : *, *>>) -> tensor<8x4xf32, #tile.sharding<vtcm [2] : *, *>>
    %4 = tile.reshard %3 : tensor<8x4xf32, #tile.sharding<vtcm [2] : *, *>> to tensor<8x4xf32, #tile.sharding<ddr>>
    func.return %4 : tensor<8x4xf32, #tile.sharding<ddr>>
  }
}

// -----

// 32 MB of weights stream through VTCM by columns; the activations are brought once.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %{{.*}}, %[[X:.*]] {box = #tile.box<[1] : 0 to 1, 0 to 4096>}
// CHECK: tile.for [[TRIPS:[0-9]+]] {
// CHECK-NEXT: tile.load %{{.*}}, %[[W:.*]] {box = #tile.box<[1] : 0 to 4096, [[C:[0-9]+]] i0 to min({{.*}}[[C]] i0 + [[C]]{{.*}})>}
// CHECK-NEXT: tile.compute %[[X]], %[[W]], %[[Y:.*]] {kernel = "matmul", engine = "hmx"
// CHECK-NEXT: tile.store %[[Y]], %{{.*}} {box = #tile.box<[1] : {{.*}}, [[C]] i0 to min(4096, [[C]] i0 + [[C]])>}
// CHECK-NEXT: }
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x4096xf16, #tile.sharding<ddr>>) -> tensor<1x4096xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<4096x4096xf16>> : tensor<4096x4096xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<1x4096xf16, #tile.sharding<ddr>> to tensor<1x4096xf16, #tile.sharding<vtcm [1] : *, *>>
    %1 = tile.reshard %w : tensor<4096x4096xf16, #tile.sharding<ddr>> to tensor<4096x4096xf16, #tile.sharding<vtcm [1] : *, *>>
    %2 = graph.matmul %0, %1 : (tensor<1x4096xf16, #tile.sharding<vtcm [1] : *, *>>, tensor<4096x4096xf16, #tile.sharding<vtcm [1] : *, *>>) -> tensor<1x4096xf16, #tile.sharding<vtcm [1] : *, *>>
    %3 = tile.reshard %2 : tensor<1x4096xf16, #tile.sharding<vtcm [1] : *, *>> to tensor<1x4096xf16, #tile.sharding<ddr>>
    func.return %3 : tensor<1x4096xf16, #tile.sharding<ddr>>
  }
}

// -----

// A sequence that is too long is gone through part by part; the state after each part is where the next begins.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %{{.*}}, %[[S:.*]] {box = #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1, 0 to 1, 0 to 16>}
// CHECK: tile.for 12 {
// CHECK-NEXT: tile.load %{{.*}}, %[[X:.*]] {box = #tile.box<[1] : 0 to 1, 84 i0 to min(84 i0 + 84, 1000), {{.*}}>}
// CHECK-NEXT: tile.compute %[[X]], %{{.*}}, %{{.*}}, %[[S]], %[[S]], %[[Y:.*]] {kernel = "gru", {{.*}}, arguments = {}}
// CHECK-NEXT: tile.compute %[[Y]], %[[S]] {kernel = "reshape", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 1, 84 i0 + 83 to min(1000, 84 i0 + 84), 0 to 1, 0 to 16>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to min(1, -84 i0 + 917), 0 to 1, 0 to 16>]
// CHECK-NEXT: tile.store %[[Y]], %{{.*}}
// CHECK-NEXT: }
builtin.module attributes {aic.target = #aic.target<"pro", {vtcm_bytes = 34000.0 : f64, vtcm_reserved_bytes = 0.0 : f64}>, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x1000x1x48xf16, #tile.sharding<ddr>>) -> tensor<1x1x1000x1x16xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<1x16x48xf16>> : tensor<1x16x48xf16, #tile.sharding<ddr>>
    %b = graph.constant #aic.weight<"b" : tensor<1x1x48xf16>> : tensor<1x1x48xf16, #tile.sharding<ddr>>
    %s = graph.constant #aic.weight<"s" : tensor<1x1x1x1x16xf16>> : tensor<1x1x1x1x16xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<1x1000x1x48xf16, #tile.sharding<ddr>> to tensor<1x1000x1x48xf16, #tile.sharding<vtcm [1] : *, *, *, *>>
    %1 = tile.reshard %w : tensor<1x16x48xf16, #tile.sharding<ddr>> to tensor<1x16x48xf16, #tile.sharding<vtcm [1] : *, *, *>>
    %2 = tile.reshard %b : tensor<1x1x48xf16, #tile.sharding<ddr>> to tensor<1x1x48xf16, #tile.sharding<vtcm [1] : *, *, *>>
    %3 = tile.reshard %s : tensor<1x1x1x1x16xf16, #tile.sharding<ddr>> to tensor<1x1x1x1x16xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>
    %4 = graph.gru %0, %1, %2, %3, %3 : (tensor<1x1000x1x48xf16, #tile.sharding<vtcm [1] : *, *, *, *>>, tensor<1x16x48xf16, #tile.sharding<vtcm [1] : *, *, *>>, tensor<1x1x48xf16, #tile.sharding<vtcm [1] : *, *, *>>, tensor<1x1x1x1x16xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>, tensor<1x1x1x1x16xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>) -> tensor<1x1x1000x1x16xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>
    %5 = tile.reshard %4 : tensor<1x1x1000x1x16xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>> to tensor<1x1x1000x1x16xf16, #tile.sharding<ddr>>
    func.return %5 : tensor<1x1x1000x1x16xf16, #tile.sharding<ddr>>
  }
}

// -----

// Weights that are too large go through VTCM step by step, in parts of some elements.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %{{.*}}, %[[S:.*]] {box = #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1, 0 to 1, 0 to 64>}
// CHECK: tile.for 10 {
// CHECK-NEXT: tile.for 2 {
// CHECK: tile.load %{{.*}}, %[[W:.*]] {box = #tile.box<[1] : 0 to 1, 0 to 64, 96 i1 to min(96 i1 + 96, 192)>}
// CHECK: tile.compute %{{.*}}, %[[W]], %{{.*}}, %[[S]], %[[S]], %[[Y:.*]] {kernel = "gru"
// CHECK-NEXT: }
// CHECK-NEXT: tile.compute %[[Y]], %[[S]] {kernel = "reshape", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 1, i0 to min(10, i0 + 1), 0 to 1, 0 to 64>, {{.*}}]
builtin.module attributes {aic.target = #aic.target<"pro", {vtcm_bytes = 20000.0 : f64, vtcm_reserved_bytes = 0.0 : f64}>, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x10x1x192xf16, #tile.sharding<ddr>>) -> tensor<1x1x10x1x64xf16, #tile.sharding<ddr>> {
    %w = graph.constant #aic.weight<"w" : tensor<1x64x192xf16>> : tensor<1x64x192xf16, #tile.sharding<ddr>>
    %b = graph.constant #aic.weight<"b" : tensor<1x2x192xf16>> : tensor<1x2x192xf16, #tile.sharding<ddr>>
    %s = graph.constant #aic.weight<"s" : tensor<1x1x1x1x64xf16>> : tensor<1x1x1x1x64xf16, #tile.sharding<ddr>>
    %0 = tile.reshard %x : tensor<1x10x1x192xf16, #tile.sharding<ddr>> to tensor<1x10x1x192xf16, #tile.sharding<vtcm [1] : *, *, *, *>>
    %1 = tile.reshard %w : tensor<1x64x192xf16, #tile.sharding<ddr>> to tensor<1x64x192xf16, #tile.sharding<vtcm [1] : *, *, *>>
    %2 = tile.reshard %b : tensor<1x2x192xf16, #tile.sharding<ddr>> to tensor<1x2x192xf16, #tile.sharding<vtcm [1] : *, *, *>>
    %3 = tile.reshard %s : tensor<1x1x1x1x64xf16, #tile.sharding<ddr>> to tensor<1x1x1x1x64xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>
    %4 = graph.gru %0, %1, %2, %3, %3 : (tensor<1x10x1x192xf16, #tile.sharding<vtcm [1] : *, *, *, *>>, tensor<1x64x192xf16, #tile.sharding<vtcm [1] : *, *, *>>, tensor<1x2x192xf16, #tile.sharding<vtcm [1] : *, *, *>>, tensor<1x1x1x1x64xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>, tensor<1x1x1x1x64xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>) -> tensor<1x1x10x1x64xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>>
    %5 = tile.reshard %4 : tensor<1x1x10x1x64xf16, #tile.sharding<vtcm [1] : *, *, *, *, *>> to tensor<1x1x10x1x64xf16, #tile.sharding<ddr>>
    func.return %5 : tensor<1x1x10x1x64xf16, #tile.sharding<ddr>>
  }
}
