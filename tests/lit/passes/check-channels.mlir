// RUN: aic-opt %s -p check-channels --split-input-file --verify-diagnostics | filecheck %s

// Two parts that exchange tensors, each sends first.
// CHECK: builtin.module @safe
builtin.module @safe attributes {aic.holds = "partitions"} {
  builtin.module @p attributes {aic.device = 0 : i64} {
    func.func @main(%x: tensor<8xf16>) {
      graph.send %x {channel = #aic.channel<0, "p2p", "q">} : tensor<8xf16> loc("a")
      %0 = graph.receive {channel = #aic.channel<1, "p2p", "q">} : tensor<8xf16> loc("b")
      func.return
    }
  }
  builtin.module @q attributes {aic.device = 1 : i64} {
    func.func @main(%x: tensor<8xf16>) {
      graph.send %x {channel = #aic.channel<1, "p2p", "p">} : tensor<8xf16> loc("b")
      %0 = graph.receive {channel = #aic.channel<0, "p2p", "p">} : tensor<8xf16> loc("a")
      func.return
    }
  }
}

// -----

// The same, but both wait before they send what the other waits for.
// CHECK-NOT: builtin.module @stuck
// CHECK: deadlock: p (graph.receive (b)) waits for channel 1 of q, which first waits for another;
// CHECK-SAME: q (graph.receive (a)) waits for channel 0 of p, which first waits for another. Before that, p sends 2, q receives 2
builtin.module @stuck attributes {aic.holds = "partitions"} {
  builtin.module @p attributes {aic.device = 0 : i64} {
    func.func @main(%x: tensor<8xf16>) {
      graph.send %x {channel = #aic.channel<2, "p2p", "q">} : tensor<8xf16> loc("c")
      %0 = graph.receive {channel = #aic.channel<1, "p2p", "q">} : tensor<8xf16> loc("b")
      graph.send %x {channel = #aic.channel<0, "p2p", "q">} : tensor<8xf16> loc("a")
      func.return
    }
  }
  builtin.module @q attributes {aic.device = 1 : i64} {
    func.func @main(%x: tensor<8xf16>) {
      %1 = graph.receive {channel = #aic.channel<2, "p2p", "p">} : tensor<8xf16> loc("c")
      %0 = graph.receive {channel = #aic.channel<0, "p2p", "p">} : tensor<8xf16> loc("a")
      graph.send %x {channel = #aic.channel<1, "p2p", "p">} : tensor<8xf16> loc("b")
      func.return
    }
  }
}

// -----

// Everything that does not fit is told at once.
// CHECK: q and p are both on core 3 of device 0
// CHECK-NEXT: channel 0: p and q are on one card, which only ddr connects, but its link is p2p
// CHECK-NEXT: channel 1: p sends it to r, q receives it from p
// CHECK-NEXT: channel 1: p sends it by ddr, q receives it by host
// CHECK-NEXT: channel 1: p sends tensor<8xf16>, q receives tensor<4xf16>
// CHECK-NEXT: and more
builtin.module @misfit attributes {aic.holds = "partitions"} {
  builtin.module @p attributes {aic.cores = 4 : i64} {
    func.func @main(%x: tensor<8xf16>) {
      graph.send %x {channel = #aic.channel<0, "p2p", "q">} : tensor<8xf16> loc("a")
      graph.send %x {channel = #aic.channel<1, "ddr", "r">} : tensor<8xf16> loc("b")
      graph.send %x {channel = #aic.channel<2, "ddr", "q">} : tensor<8xf16> loc("c")
      func.return
    }
  }
  builtin.module @q attributes {aic.first_core = 3 : i64} {
    func.func @main() {
      %0 = graph.receive {channel = #aic.channel<0, "p2p", "p">} : tensor<8xf16> loc("a")
      %1 = graph.receive {channel = #aic.channel<1, "host", "p">} : tensor<4xf16> loc("b")
      func.return
    }
  }
}

// -----

// The program of a tile module, and its passing twin: one channel number apart.
// CHECK: builtin.module @tiles
builtin.module @tiles attributes {aic.holds = "partitions"} {
  builtin.module @p attributes {aic.first_core = 0 : i64} {
    func.func @main() {
      %0 = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
      %1 = tile.tensor {role = "send"} : memref<8xf16, "ddr">
      tile.send %1 {channel = #aic.channel<0, "ddr", "q">, box = #tile.box<[1] : 0 to 8>} loc("a")
      func.return
    }
  }
  builtin.module @q attributes {aic.first_core = 1 : i64} {
    func.func @main() {
      %0 = tile.tensor {role = "receive"} : memref<8xf16, "ddr">
      tile.receive %0 {channel = #aic.channel<0, "ddr", "p">, box = #tile.box<[1] : 0 to 8>} loc("a")
      func.return
    }
  }
}

// -----

// CHECK: channel 0 is sent 1 times and received 0 times
// CHECK-NEXT: channel 1 is sent 0 times and received 1 times
builtin.module @odd attributes {aic.holds = "partitions"} {
  builtin.module @p attributes {aic.first_core = 0 : i64} {
    func.func @main() {
      %0 = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
      %1 = tile.tensor {role = "send"} : memref<8xf16, "ddr">
      tile.send %1 {channel = #aic.channel<0, "ddr", "q">, box = #tile.box<[1] : 0 to 8>} loc("a")
      func.return
    }
  }
  builtin.module @q attributes {aic.first_core = 1 : i64} {
    func.func @main() {
      %0 = tile.tensor {role = "receive"} : memref<8xf16, "ddr">
      tile.receive %0 {channel = #aic.channel<1, "ddr", "p">, box = #tile.box<[1] : 0 to 8>} loc("a")
      func.return
    }
  }
}

// -----

// Parts of different specializations do not meet: each has its own channels.
// CHECK: in spec1: the program cannot run:
// CHECK-NEXT: channel 0 is sent 1 times and received 0 times
builtin.module @shapes attributes {aic.holds = "specializations"} {
  builtin.module @spec0 attributes {aic.holds = "partitions"} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<8xf16>) {
        graph.send %x {channel = #aic.channel<0, "p2p", "q">} : tensor<8xf16>
        func.return
      }
    }
    builtin.module @q attributes {aic.device = 1 : i64} {
      func.func @main() -> tensor<8xf16> {
        %0 = graph.receive {channel = #aic.channel<0, "p2p", "p">} : tensor<8xf16>
        func.return %0 : tensor<8xf16>
      }
    }
  }
  builtin.module @spec1 attributes {aic.holds = "partitions"} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<4xf16>) {
        graph.send %x {channel = #aic.channel<0, "p2p", "q">} : tensor<4xf16>
        func.return
      }
    }
    builtin.module @q attributes {aic.device = 1 : i64} {
      func.func @main() {
        func.return
      }
    }
  }
}
