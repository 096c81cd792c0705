// RUN: aic-opt %s -p partition-devices --split-input-file --verify-roundtrip | filecheck %s
// RUN: aic-opt %s -p partition-devices,slice-tensors --split-input-file | filecheck %s --check-prefix=MIXED

// Nodes are listed by their names. The skip connection passes the second card by; cards 0 and 2 have no connection of
// their own, so that it goes by way of the host. The cast belongs to no node, and goes where it is used.
// CHECK: builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64, aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]}
// CHECK: builtin.module @first attributes {aic.cores = 16 : i64, aic.device = 0 : i64}
// CHECK: graph.cast %x
// CHECK-NEXT: %[[A:.*]] = graph.relu {{.*}} loc("a")
// CHECK-NEXT: graph.send %[[A]] {channel = #aic.channel<0, "p2p", "second">}
// CHECK-NEXT: graph.send %[[A]] {channel = #aic.channel<1, "host", "third">}
// CHECK: builtin.module @second attributes {aic.cores = 8 : i64, aic.device = 1 : i64}
// CHECK: %[[B:.*]] = graph.sigmoid {{.*}} loc("b")
// CHECK-NEXT: graph.send %[[B]] {channel = #aic.channel<2, "host", "third">}
// CHECK: builtin.module @third attributes {aic.cores = 4 : i64, aic.device = 2 : i64}
// CHECK: %[[C:.*]] = graph.receive {channel = #aic.channel<1, "host", "first">}
// CHECK-NEXT: %[[D:.*]] = graph.receive {channel = #aic.channel<2, "host", "second">}
// CHECK-NEXT: graph.add %[[C]], %[[D]]
// MIXED: builtin.module @third attributes {aic.cores = 4 : i64, aic.device = 2 : i64}
builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64, aic.partitions = {
  partitions = [{name = "first", devices = array<i64: 0>, cores = array<i64: 16>, nodes = ["a"]},
                {name = "second", devices = array<i64: 1>, cores = array<i64: 8>, nodes = ["b"]},
                {name = "third", devices = array<i64: 2>, cores = array<i64: 4>, nodes = ["c"]}],
  connections = [{devices = array<i64: 0, 1>, type = "p2p"}, {devices = array<i64: 1, 2>, type = "host"}]}} {
  func.func @main(%x: tensor<8x64xf32> {aic.name = "x"}) -> (tensor<8x64xf16> {aic.name = "y"}) {
    %0 = graph.cast %x {to = f16} : (tensor<8x64xf32>) -> tensor<8x64xf16> loc("x")
    %1 = graph.relu %0 : (tensor<8x64xf16>) -> tensor<8x64xf16> loc("a")
    %2 = graph.sigmoid %1 : (tensor<8x64xf16>) -> tensor<8x64xf16> loc("b")
    %3 = graph.add %1, %2 : (tensor<8x64xf16>, tensor<8x64xf16>) -> tensor<8x64xf16> loc("c")
    func.return %3 : tensor<8x64xf16>
  }
}

// -----

// A partition of two cards is left to slice-tensors, which gives each a part.
// CHECK: builtin.module @both attributes {aic.slices = {devices = array<i64: 0, 1>, cores = array<i64: 8, 8>, link = "p2p"}}
// CHECK: builtin.module @last attributes {aic.cores = 4 : i64, aic.device = 2 : i64}
// MIXED: builtin.module @both
// MIXED: builtin.module @both_slice00 attributes {aic.device = 0 : i64, aic.cores = 8 : i64}
// MIXED: graph.send {{.*}} {channel = #aic.channel<0, "host", "last">}
// MIXED: builtin.module @both_slice01 attributes {aic.device = 1 : i64, aic.cores = 8 : i64}
// MIXED: builtin.module @last
// MIXED: graph.receive {channel = #aic.channel<0, "host", "both_slice00">}
builtin.module @mixed attributes {aic.target = #aic.target<"pro">, aic.partitions = {
  partitions = [{name = "both", devices = array<i64: 0, 1>, cores = array<i64: 8, 8>, nodes = ["a"]},
                {name = "last", devices = array<i64: 2>, cores = array<i64: 4>, nodes = ["b"]}],
  connections = [{devices = array<i64: 0, 1>, type = "p2p"}]}} {
  func.func @main(%x: tensor<8x64xf16>) -> tensor<8x64xf16> {
    %0 = graph.relu %x : (tensor<8x64xf16>) -> tensor<8x64xf16> loc("a")
    %1 = graph.sigmoid %0 : (tensor<8x64xf16>) -> tensor<8x64xf16> loc("b")
    func.return %1 : tensor<8x64xf16>
  }
}

// -----

// One partition on one card is the network itself, on the cores that it says.
// CHECK: builtin.module @alone attributes {aic.target = #aic.target<"pro">, aic.cores = 8 : i64} {
// CHECK-NEXT: func.func @main
builtin.module @alone attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64, aic.partitions = {
  partitions = [{name = "all", devices = array<i64: 0>, cores = array<i64: 8>}], connections = []}} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16> loc("a")
    func.return %0 : tensor<8xf16>
  }
}

// -----

// By cost: three products of the same size and one as large as they are together, over two cards.
// CHECK: builtin.module @balanced attributes {{.*}}aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]}
// CHECK: builtin.module @Partition0 attributes {aic.cores = 4 : i64, aic.device = 0 : i64}
// CHECK: graph.matmul
// CHECK: graph.matmul
// CHECK: graph.matmul
// CHECK-NEXT: graph.send {{.*}} {channel = #aic.channel<0, "p2p", "Partition1">}
// CHECK: builtin.module @Partition1 attributes {aic.cores = 4 : i64, aic.device = 1 : i64}
// CHECK: graph.receive
// CHECK: graph.matmul
// CHECK-NEXT: func.return
builtin.module @balanced attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64,
    aic.auto_partition = 2 : i64} {
  func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}) -> (tensor<8x3072xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<1024x1024xf16>>
    %v = graph.constant #aic.dense<0.5 : tensor<1024x3072xf16>>
    %0 = graph.matmul %x, %w : (tensor<8x1024xf16>, tensor<1024x1024xf16>) -> tensor<8x1024xf16>
    %1 = graph.matmul %0, %w : (tensor<8x1024xf16>, tensor<1024x1024xf16>) -> tensor<8x1024xf16>
    %2 = graph.matmul %1, %w : (tensor<8x1024xf16>, tensor<1024x1024xf16>) -> tensor<8x1024xf16>
    %3 = graph.matmul %2, %v : (tensor<8x1024xf16>, tensor<1024x3072xf16>) -> tensor<8x3072xf16>
    func.return %3 : tensor<8x3072xf16>
  }
}

// -----

// Two products on four cards are too few for a pipeline of four. Where the link between stages is fast, two stages give
// most, in each of which two cards share the product.
// CHECK: builtin.module @mixed
// CHECK: builtin.module @Partition0 attributes {aic.slices = {devices = array<i64: 0, 1>, cores = array<i64: 4, 4>, link = "p2p"}}
// CHECK: graph.matmul
// CHECK-NEXT: graph.send {{.*}} {channel = #aic.channel<0, "p2p", "Partition1">}
// CHECK: builtin.module @Partition1 attributes {aic.slices = {devices = array<i64: 2, 3>, cores = array<i64: 4, 4>, link = "p2p"}}
// CHECK: graph.receive
// CHECK: graph.matmul
builtin.module @mixed attributes {aic.cores = 4 : i64, aic.auto_partition = 4 : i64,
    aic.target = #aic.target<"pro", {p2p_bytes_per_second = 1.0e11, p2p_latency_seconds = 1.0e-7}>} {
  func.func @main(%x: tensor<8x2048xf16> {aic.name = "x"}) -> (tensor<8x2048xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<2048x2048xf16>>
    %0 = graph.matmul %x, %w : (tensor<8x2048xf16>, tensor<2048x2048xf16>) -> tensor<8x2048xf16>
    %1 = graph.matmul %0, %w : (tensor<8x2048xf16>, tensor<2048x2048xf16>) -> tensor<8x2048xf16>
    func.return %1 : tensor<8x2048xf16>
  }
}

// -----

// Soonest is an inference when all four share both.
// CHECK: builtin.module @sliced
// CHECK: builtin.module @Partition0 attributes {aic.slices = {devices = array<i64: 0, 1, 2, 3>, cores = array<i64: 4, 4, 4, 4>, link = "p2p"}}
// CHECK: graph.matmul
// CHECK-NEXT: graph.matmul
// CHECK-NOT: builtin.module
builtin.module @sliced attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64, aic.auto_partition = 4 : i64,
    aic.auto_objective = "latency"} {
  func.func @main(%x: tensor<8x2048xf16> {aic.name = "x"}) -> (tensor<8x2048xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<2048x2048xf16>>
    %0 = graph.matmul %x, %w : (tensor<8x2048xf16>, tensor<2048x2048xf16>) -> tensor<8x2048xf16>
    %1 = graph.matmul %0, %w : (tensor<8x2048xf16>, tensor<2048x2048xf16>) -> tensor<8x2048xf16>
    func.return %1 : tensor<8x2048xf16>
  }
}
