// RUN: aic-opt %s --split-input-file --verify-roundtrip | filecheck %s
// RUN: aic-opt %s --split-input-file --print-op-generic | filecheck %s --check-prefix=GENERIC

// CHECK: %[[X:.*]] = graph.receive {channel = #aic.channel<0, "p2p", "Partition0">} : tensor<4x8xf16> loc("a")
// CHECK-NEXT: graph.send %[[X]] {channel = #aic.channel<1, "host", "Partition2">} : tensor<4x8xf16> loc("a")
// GENERIC: "graph.receive"() <{channel = #aic.channel<0, "p2p", "Partition0">}> : () -> tensor<4x8xf16>
// GENERIC: "graph.send"(%{{.*}}) <{channel = #aic.channel<1, "host", "Partition2">}> : (tensor<4x8xf16>) -> ()
builtin.module @Partition1 {
  func.func @main() {
    %0 = graph.receive {channel = #aic.channel<0, "p2p", "Partition0">} : tensor<4x8xf16> loc("a")
    graph.send %0 {channel = #aic.channel<1, "host", "Partition2">} : tensor<4x8xf16> loc("a")
    func.return
  }
}

// -----

// CHECK: %[[R:.*]] = tile.tensor {role = "receive"} : memref<4x8xf16, "ddr">
// CHECK: tile.receive %[[R]] {channel = #aic.channel<0, "ddr", "cluster0">, box = #tile.box<[2] : 4 m0 to min(4 m0 + 4, 4), 0 to 8>} loc("a")
// CHECK: %[[S:.*]] = tile.tensor {role = "send"} : memref<4x8xf16, "ddr">
// CHECK: tile.send %[[S]] {channel = #aic.channel<1, "ddr", "cluster2">, box = #tile.box<[2] : 4 m0 to min(4 m0 + 4, 4), 0 to 8>} loc("a")
builtin.module @cluster1 {
  func.func @main() {
    %0 = tile.tensor {role = "receive"} : memref<4x8xf16, "ddr">
    tile.receive %0 {channel = #aic.channel<0, "ddr", "cluster0">, box = #tile.box<[2] : 4 m0 to min(4 m0 + 4, 4), 0 to 8>} loc("a")
    %1 = tile.tensor {role = "send"} : memref<4x8xf16, "ddr">
    tile.send %1 {channel = #aic.channel<1, "ddr", "cluster2">, box = #tile.box<[2] : 4 m0 to min(4 m0 + 4, 4), 0 to 8>} loc("a")
    func.return
  }
}
