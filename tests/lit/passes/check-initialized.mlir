// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-initialized | filecheck %s

// A window of rows with padding at both ends of the tensor: filled, loaded row by row, completed by the other core.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 8, 4>, value = 0.0 : f64} loc("padding")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("result")
    func.return
  }
}

// -----

// One row less is loaded, and the other core wants it.
// CHECK: pass check-initialized: the program cannot run:
// CHECK-NEXT: tile.compute (window), core 1: [0 to 1, 3 to 9, 0 to 4] of buffer %a memref<1x6x4xf16, "vtcm">: position [0, 7, 0] was never written
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 8, 4>, value = 0.0 : f64} loc("padding")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to min(4 m0 + i0 + 1, 7), 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("result")
    func.return
  }
}

// -----

// One iteration less.
// CHECK: tile.exchange (halo), core 1: [0 to 1, 3 to 4, 0 to 4] of buffer %a memref<1x6x4xf16, "vtcm"> of core 0: position [0, 3, 0] was never written
// CHECK-NEXT: tile.compute (window), core 0: [0 to 1, -1 to 5, 0 to 4] of buffer %a memref<1x6x4xf16, "vtcm">: position [0, 3, 0] was never written
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 8, 4>, value = 0.0 : f64} loc("padding")
    tile.for 3 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("result")
    func.return
  }
}

// -----

// A halo without the row above. The first core has padding there.
// CHECK: tile.compute (window), core 1: [0 to 1, 3 to 9, 0 to 4] of buffer %a memref<1x6x4xf16, "vtcm">: position [0, 3, 0] was never written
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 8, 4>, value = 0.0 : f64} loc("padding")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, 4 m0 to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("result")
    func.return
  }
}

// -----

// Padding for a tensor that is one row longer leaves out row 8.
// CHECK: tile.compute (window), core 1: [0 to 1, 3 to 9, 0 to 4] of buffer %a memref<1x6x4xf16, "vtcm">: position [0, 8, 0] was never written
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 9, 4>, value = 0.0 : f64} loc("padding")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("result")
    func.return
  }
}

// -----

// The host reads the outputs.
// CHECK: output 'y': position [0, 0, 3] was never written
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1x8x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<1x8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<1x6x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>, address = 2048 : i64} : memref<1x4x4xf16, "vtcm">
    tile.fill %a {shape = array<i64: 1, 8, 4>, value = 0.0 : f64} loc("padding")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 0 to 1, 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 4>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}} loc("window")
    tile.store %b, %y {box = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 3>} loc("result")
    func.return
  }
}

// -----

// Two slots in turn: each part is fetched while the one before is used. Nobody reads the whole of a scratch tensor.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64} loc("next")
      tile.store %a, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("part")
    }
    func.return
  }
}

// -----

// Two parts ahead, the slot already holds the part after the next one.
// CHECK: tile.store (part), core 0, iteration [0]: [0 to 1, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">: position [0, 0] holds what was written for another window by tile.load (next), core 0, iteration [2]: [2 to 3, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 2 : i64} loc("next")
      tile.store %a, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("part")
    }
    func.return
  }
}

// -----

// Three slots have room for that, but the second part is never fetched.
// CHECK: tile.store (part), core 0, iteration [1]: [1 to 2, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">: position [1, 0] was never written
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 3 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 2 : i64} loc("next")
      tile.store %a, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>} loc("part")
    }
    func.return
  }
}

// -----

// What cores store, others read.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2, 2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2>, address = 2048 : i64} : memref<2xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2, 2] : 0 to 4>} loc("all")
    tile.store %a, %s {box = #tile.box<[2, 2] : m0 + 2 m1 to m0 + 2 m1 + 1>} loc("ones")
    tile.multicast %s, %b {box = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2>, axes = array<i64: 1>} loc("pairs")
    func.return
  }
}

// -----

// One element less.
// CHECK: tile.multicast (pairs), core 2: [2 to 4] of tensor %s memref<4xf16, "ddr">: position [3] was never written
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2, 2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2>, address = 2048 : i64} : memref<2xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2, 2] : 0 to 4>} loc("all")
    tile.store %a, %s {box = #tile.box<[2, 2] : m0 + 2 m1 to min(m0 + 2 m1 + 1, 3)>} loc("ones")
    tile.multicast %s, %b {box = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2>, axes = array<i64: 1>} loc("pairs")
    func.return
  }
}
