// RUN: aic-opt %s -p partition-devices --split-input-file --verify-diagnostics | filecheck %s

// Everything that is wrong with a configuration is told at once.
// CHECK: pass partition-devices: aic.partitions: 2 partitions are called 'p';
// CHECK-SAME: partition 'p': device 0 is to have 17 cores; a card has 1 to 16;
// CHECK-SAME: partition 'p' has no nodeList, which only a partition of all nodes may leave out;
// CHECK-SAME: device 0 is used 2 times;
// CHECK-SAME: connection of devices 0, 3: type 'wire' is none of p2p, host;
// CHECK-SAME: connection of devices 0, 3: no partition is on device 3; there are 0
builtin.module attributes {aic.target = #aic.target<"pro">, aic.partitions = {
  partitions = [{name = "p", devices = array<i64: 0>, cores = array<i64: 17>, nodes = ["a"]},
                {name = "p", devices = array<i64: 0>, cores = array<i64: 1>}],
  connections = [{devices = array<i64: 0, 3>, type = "wire"}]}} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16> loc("a")
    func.return %0 : tensor<8xf16>
  }
}

// -----

// CHECK: partitions wait for each other in a circle: 'q' needs 'a' of 'p', 'p' needs 'b' of 'q'
builtin.module attributes {aic.partitions = {
  partitions = [{name = "p", devices = array<i64: 0>, cores = array<i64: 1>, nodes = ["a", "c"]},
                {name = "q", devices = array<i64: 1>, cores = array<i64: 1>, nodes = ["b"]}], connections = []}} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16> loc("a")
    %1 = graph.sigmoid %0 : (tensor<8xf16>) -> tensor<8xf16> loc("b")
    %2 = graph.relu %1 : (tensor<8xf16>) -> tensor<8xf16> loc("c")
    func.return %2 : tensor<8xf16>
  }
}

// -----

// CHECK: nothing of 'q' is left to compute
builtin.module attributes {aic.partitions = {
  partitions = [{name = "p", devices = array<i64: 0>, cores = array<i64: 1>, nodes = ["a"]},
                {name = "q", devices = array<i64: 1>, cores = array<i64: 1>, nodes = ["gone"]}], connections = []}} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16> loc("a")
    func.return %0 : tensor<8xf16>
  }
}

// -----

// CHECK: aic.partitions: 3 : i64 is no dictionary of partitions, connections
builtin.module attributes {aic.partitions = 3 : i64} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    func.return %x : tensor<8xf16>
  }
}

// -----

// CHECK: aic.auto_partition = 65 : i64: the number of cards is needed, 2 to 64
builtin.module attributes {aic.auto_partition = 65 : i64} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16>
    func.return %0 : tensor<8xf16>
  }
}

// -----

// CHECK: aic.auto_partition: 1 operations for 2 cards: too few for a pipeline, and slices would not be faster
builtin.module attributes {aic.auto_partition = 2 : i64} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    %0 = graph.relu %x : (tensor<8xf16>) -> tensor<8xf16>
    func.return %0 : tensor<8xf16>
  }
}

// -----

// CHECK: aic.auto_partition and aic.partitions each say which card has what
builtin.module attributes {aic.auto_partition = 2 : i64, aic.partitions = {partitions = [], connections = []}} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    func.return %x : tensor<8xf16>
  }
}

// -----

// State is read where it is computed.
// CHECK: aic.partitions: state stays on the card that computes it, and is read there: 's' is computed by 'q', and read by 'p' (node 'a')
builtin.module attributes {aic.retained = ["s"], aic.partitions = {
  partitions = [{name = "p", devices = array<i64: 0>, cores = array<i64: 1>, nodes = ["a"]},
                {name = "q", devices = array<i64: 1>, cores = array<i64: 1>, nodes = ["b"]}], connections = []}} {
  func.func @main(%s: tensor<8xf16> {aic.name = "s"}) -> (tensor<8xf16> {aic.name = "y"}, tensor<8xf16> {aic.name = "s_RetainedState"}) {
    %0 = graph.relu %s : (tensor<8xf16>) -> tensor<8xf16> loc("a")
    %1 = graph.sigmoid %0 : (tensor<8xf16>) -> tensor<8xf16> loc("b")
    func.return %0, %1 : tensor<8xf16>, tensor<8xf16>
  }
}

// -----

// CHECK: aic.auto_partition: the module holds specializations, and no program that could be divided
builtin.module attributes {aic.holds = "specializations", aic.auto_partition = 2 : i64} {
  builtin.module @spec0 {
    func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
      func.return %x : tensor<8xf16>
    }
  }
}

// -----


// CHECK: aic.auto_objective = "energy": it is none of throughput, latency
builtin.module attributes {aic.auto_partition = 2 : i64, aic.auto_objective = "energy"} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    func.return %x : tensor<8xf16>
  }
}

// -----


// CHECK: aic.auto_objective needs aic.auto_partition, the number of cards
builtin.module attributes {aic.auto_objective = "latency"} {
  func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
    func.return %x : tensor<8xf16>
  }
}
