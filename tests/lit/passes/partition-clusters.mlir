// RUN: aic-opt %s -p partition-clusters --split-input-file --verify-roundtrip | filecheck %s
// RUN: aic-opt %s -p partition-clusters,shard-tensors,tile-operations --split-input-file | filecheck %s --check-prefix=TILE
// RUN: aic-opt %s -p partition-clusters,shard-tensors,tile-operations,assign-addresses,insert-waits,check-bounds,check-initialized,check-races,check-signals --split-input-file | filecheck %s --check-prefix=SAFE

// RUN: not aic-opt %s -p 'set-target{cores=5},partition-clusters' --split-input-file 2>&1 | filecheck %s --check-prefix=SUM

// SUM: aic.clusters: clusters of 2, 2 cores have 4, the network is for 5

// Two clusters of two cores: each computes two of the four ops; what passes is sent and received, constants are not.
// The input goes to the cluster that uses it, and the result is the last one's.
// CHECK: builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64, aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["output0"]}
// CHECK: builtin.module @cluster0 attributes {aic.cores = 2 : i64, aic.first_core = 0 : i64}
// CHECK: func.func @main(%x: tensor<64x512xf16> {aic.name = "x"}
// CHECK: graph.constant #aic.weight<"w" : tensor<512x512xf16>>
// CHECK: graph.matmul %x
// CHECK: %[[A:.*]] = graph.matmul
// CHECK-NEXT: graph.send %[[A]] {channel = #aic.channel<0, "ddr", "cluster1">} : tensor<64x512xf16> loc("second")
// CHECK-NEXT: func.return
// CHECK: builtin.module @cluster1 attributes {aic.cores = 2 : i64, aic.first_core = 2 : i64}
// CHECK: func.func @main() -> tensor<64x512xf16>
// CHECK-NEXT: %[[B:.*]] = graph.receive {channel = #aic.channel<0, "ddr", "cluster0">} : tensor<64x512xf16> loc("second")
// CHECK-NEXT: graph.constant #aic.weight<"w" : tensor<512x512xf16>>
// CHECK-NEXT: graph.matmul %[[B]]
// CHECK: graph.matmul
// CHECK-NEXT: func.return

// The first core sends from DDR, and receives into DDR.
// TILE: builtin.module @cluster0
// TILE: %[[S:.*]] = tile.tensor {role = "send"} : memref<64x512xf16, "ddr">
// TILE: tile.store %{{.*}}, %[[S]] {
// TILE: tile.send %[[S]] {channel = #aic.channel<0, "ddr", "cluster1">, box = #tile.box<[2] : 64 m0 to min(64 m0 + 64, 64)
// TILE: builtin.module @cluster1
// TILE: %[[R:.*]] = tile.tensor {role = "receive"} : memref<64x512xf16, "ddr">
// TILE: tile.receive %[[R]] {channel = #aic.channel<0, "ddr", "cluster0">, box =
// TILE: tile.{{load|multicast}} %[[R]]

// What is sent has been stored on every core before; what is received is waited for.
// SAFE: tile.store {{.*}}signal = [[S:[0-9]+]] : i64
// SAFE: tile.send {{.*}}waits = #tile.waits<[[S]] at 1 all>
// SAFE: tile.receive {{.*}}signal = [[N:[0-9]+]] : i64
// SAFE: tile.{{load|multicast}} {{.*}}waits = #tile.waits<[[N]] at 1 all>
builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64, aic.clusters = {sizes = array<i64: 2, 2>}} {
  func.func @main(%x: tensor<64x512xf16> {aic.name = "x"}) -> tensor<64x512xf16> {
    %w = graph.constant #aic.weight<"w" : tensor<512x512xf16>> loc("w")
    %0 = graph.matmul %x, %w : (tensor<64x512xf16>, tensor<512x512xf16>) -> tensor<64x512xf16> loc("first")
    %1 = graph.matmul %0, %w : (tensor<64x512xf16>, tensor<512x512xf16>) -> tensor<64x512xf16> loc("second")
    %2 = graph.matmul %1, %w : (tensor<64x512xf16>, tensor<512x512xf16>) -> tensor<64x512xf16> loc("third")
    %3 = graph.matmul %2, %w : (tensor<64x512xf16>, tensor<512x512xf16>) -> tensor<64x512xf16> loc("fourth")
    func.return %3 : tensor<64x512xf16>
  }
}

// -----

// Nothing is asked for, nothing happens.
// CHECK: builtin.module @whole
// CHECK-NOT: builtin.module
// CHECK: func.func @main
builtin.module @whole attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%x: tensor<64x512xf16>) -> tensor<64x512xf16> {
    %0 = graph.relu %x : (tensor<64x512xf16>) -> tensor<64x512xf16>
    func.return %0 : tensor<64x512xf16>
  }
}
