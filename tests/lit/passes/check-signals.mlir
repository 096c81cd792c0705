// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-signals | filecheck %s

// A product per fetch; the next fetch waits until the product has read.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// A fetch may come one product earlier.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0 - 1>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// One count too high: the last product waits for a fifth fetch, which never comes.
// CHECK: pass check-signals: the program deadlocks on every core after tile.load (fetch) [0], tile.load (fetch) [1], tile.compute (product) [0], tile.load (fetch) [2], tile.compute (product) [1], tile.load (fetch) [3], tile.compute (product) [2]:
// CHECK-NEXT: hmx: tile.compute (product) [3] waits until signal 0 is at 5; it stays at 4, which is its total
// CHECK-NOT: waits until
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0 - 1>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 2>} loc("product")
    }
    func.return
  }
}

// -----

// The same count with a fetch more: its waits reach beyond what program order has issued, and yet all goes on.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 5, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0 - 1>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 2>} loc("product")
    }
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("more")
    func.return
  }
}

// -----

// Two engines wait for each other: the fetch for the product of its own iteration.
// CHECK: the program deadlocks on every core before anything runs:
// CHECK-NEXT: dma: tile.load (fetch) [0] waits until signal 1 is at 1; it stays at 0, next would be tile.compute (product) [0] in the queue of hmx
// CHECK-NEXT: hmx: tile.compute (product) [0] waits until signal 0 is at 1; it stays at 0, next would be tile.load (fetch) [0] in the queue of dma
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0 + 1>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// A wait for a signal that nobody raises.
// CHECK: the program deadlocks
// CHECK-NEXT: dma: tile.load (fetch) [0] waits until signal 2 is at 1; it stays at 0, no instruction raises it
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4, 0>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<2 at 1>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// What is at most 0 holds from the start, whoever raises the signal.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4, 0>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<2 at 0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// Three instructions: what is fetched first is needed first.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 1, 1, 1>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("first")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64, waits = #tile.waits<2 at 1 all>} loc("second")
    tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("use")
    func.return
  }
}

// -----

// The fetches swapped in the queue of DMA: the one in front waits for what needs the one behind it.
// CHECK: the program deadlocks on every core before anything runs:
// CHECK-NEXT: dma: tile.load (second) waits until signal 2 is at 1; it stays at 0, next would be tile.compute (use) in the queue of hvx
// CHECK-NEXT: hvx: tile.compute (use) waits until signal 0 is at 1; it stays at 0, next would be tile.load (first) in the queue of dma
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 1, 1, 1>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64, waits = #tile.waits<2 at 1 all>} loc("second")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("first")
    tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("use")
    func.return
  }
}

// -----

// A long way is shortened.
// CHECK: after tile.load (fetch) [0], tile.compute (product) [0], .. 54 more .., tile.load (fetch) [28], tile.compute (product) [28], tile.load (fetch) [29], tile.compute (product) [29], tile.load (fetch) [30], tile.compute (product) [30]:
// CHECK-NEXT: dma: tile.load (fetch) [31] waits until signal 1 is at 32; it stays at 31, next would be tile.compute (product) [31] in the queue of hmx
// CHECK-NEXT: hmx: tile.compute (product) [31] waits
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 32, 32>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 32 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0, 1 at 32 i0 - 960>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// Totals too high, and too low.
// CHECK: pass check-signals: the program does not quiesce:
// CHECK-NEXT: signal 0 is declared to end at 5, too high: it is raised 4 times by tile.load (fetch)
// CHECK-NEXT: signal 1 is declared to end at 3, too low: it is raised 4 times by tile.compute (product)
// CHECK-NEXT: signal 2 is declared to end at 1, too high: it is raised 0 times
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 5, 3, 1>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// A run ahead of the last iteration raises its signal like any other.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, ahead = 1 : i64, signal = 0 : i64, waits = #tile.waits<1 at i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// An iteration more than the totals are for.
// CHECK: the program does not quiesce:
// CHECK-NEXT: signal 0 is declared to end at 4, too low: it is raised 5 times by tile.load (fetch)
// CHECK-NEXT: signal 1 is declared to end at 4, too low: it is raised 5 times by tile.compute (product)
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 5 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// Signals that nobody declares; a transfer of which nobody learns whether it is complete.
// CHECK: the program does not quiesce:
// CHECK-NEXT: tile.load (silent): a transfer that raises no signal; nothing tells when it is complete
// CHECK-NEXT: signal 1, raised by tile.load (first) and tile.load (second), is not declared; aic.signals has 1
// CHECK-NEXT: tile.load (second) waits for signal 7, which is not declared; aic.signals has 1
// CHECK-NEXT: signal 0 is declared to end at 2, too high: it is raised 0 times
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 2>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64} loc("first")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64, waits = #tile.waits<7 at 0>} loc("second")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>} loc("silent")
    func.return
  }
}

// -----

// Signals may be shared.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 0, 2>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64} loc("first")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64, waits = #tile.waits<1 at 1>} loc("second")
    func.return
  }
}

// -----

// One signal less: of the second it is not told when it is complete.
// CHECK: pass check-signals: the program does not quiesce:
// CHECK-NEXT: tile.load (second): a transfer that raises no signal; nothing tells when it is complete
// CHECK-NEXT: signal 1 is declared to end at 2, too high: it is raised 1 times by tile.load (first)
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 0, 2>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 1 : i64} loc("first")
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, waits = #tile.waits<1 at 1>} loc("second")
    func.return
  }
}

// -----

// More than can be enumerated is not tried.
// CHECK: the program cannot run:
// CHECK-NEXT: executes 131074 instructions, at most 131072 are run
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 65537 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}

// -----

// A count that no program can reach.
// CHECK: tile.load (fetch): waits for signal 1 to reach a count beyond 1099511627776
builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 4, 4>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64, waits = #tile.waits<1 at 1099511627777 i0>} loc("fetch")
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, signal = 1 : i64, waits = #tile.waits<0 at i0 + 1>} loc("product")
    }
    func.return
  }
}
