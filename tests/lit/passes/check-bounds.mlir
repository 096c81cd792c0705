// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-bounds | filecheck %s

// Rows of each core one by one, then the rows around them that others hold.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// The same, two rows at a time: the last of the second core are rows 7 and 8.
// CHECK: pass check-bounds: the program cannot run:
// CHECK-NEXT: tile.load (rows), core 1, iteration [3]: [7 to 9, 0 to 4] of tensor %x memref<8x4xf16, "ddr">: leaves the tensor [0 to 8, 0 to 4]
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 2, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// Cut at the end of the tensor, they are fine.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to min(4 m0 + i0 + 2, 8), 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// A core may say that it owns what its buffer holds.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 5, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// One row more it does not hold.
// CHECK: tile.exchange (halo), core 0: [0 to 6, 0 to 4] of buffer %a memref<6x4xf16, "vtcm">: leaves the window [-1 to 5, 0 to 4]
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 6, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// The window is a row smaller than the buffer: what is outside of it means other rows.
// CHECK: tile.exchange (halo), core 0: [0 to 5, 0 to 4] of buffer %a memref<6x4xf16, "vtcm">: leaves the window [-1 to 4, 0 to 4]
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 4, 0 to 4>, address = 0 : i64} : memref<6x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// The buffer is a row smaller than the window. The second core, at the end of the tensor, needs no row more.
// CHECK: tile.exchange (halo), core 0: [0 to 5, 0 to 4] of buffer %a memref<5x4xf16, "vtcm">: leaves the room of the buffer [-1 to 4, 0 to 4]
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>, address = 0 : i64} : memref<5x4xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[2] : 4 m0 + i0 to 4 m0 + i0 + 1, 0 to 4>} loc("rows")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} loc("halo")
    func.return
  }
}

// -----

// Offsets move what is written.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 8, 0 to 6>, address = 0 : i64} : memref<8x6xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 0 to 8, 0 to 4>, offsets = array<i64: 0, 2>} loc("columns")
    func.return
  }
}

// -----

// One column further.
// CHECK: tile.load (columns), core 0: [0 to 8, 3 to 7] of buffer %a memref<8x6xf16, "vtcm">: leaves the window [0 to 8, 0 to 6]
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 8, 0 to 6>, address = 0 : i64} : memref<8x6xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 0 to 8, 0 to 4>, offsets = array<i64: 0, 3>} loc("columns")
    func.return
  }
}

// -----

// What runs ahead runs for its own iteration, and not beyond the last one.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[2] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64} loc("next")
    }
    func.return
  }
}

// -----

// A tensor of seven rows has no eighth.
// CHECK: tile.load (next), core 0, iteration [7]: [7 to 8, 0 to 4] of tensor %x
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<7x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[2] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64} loc("next")
    }
    func.return
  }
}
