// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-buffers | filecheck %s

// Two buffers next to each other.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8, 0 to 64>, address = 2048 : i64} : memref<8x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("long")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("short")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("later")
    tile.store %b, %s {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("last")
    func.return
  }
}

// -----

// The first is one row longer, and ends in the second.
// CHECK: pass check-buffers: the program cannot run:
// CHECK-NEXT: tile.store (later), core 0: [0 to 17, 0 to 64] of buffer %a memref<17x64xf16, "vtcm">: position [16, 0] was overwritten by tile.load (short), core 0: [0 to 8, 0 to 64] of buffer %b memref<8x64xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<17x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<17x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 17, 0 to 64>, address = 0 : i64} : memref<17x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8, 0 to 64>, address = 2048 : i64} : memref<8x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 17, 0 to 64>} loc("long")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("short")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 17, 0 to 64>} loc("later")
    tile.store %b, %s {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("last")
    func.return
  }
}

// -----

// Its last row may be overwritten when nobody reads it any more.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<17x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<17x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 17, 0 to 64>, address = 0 : i64} : memref<17x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8, 0 to 64>, address = 2048 : i64} : memref<8x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 17, 0 to 64>} loc("long")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("short")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("later")
    tile.store %b, %s {box = #tile.box<[1] : 0 to 8, 0 to 64>} loc("last")
    func.return
  }
}

// -----

// One address, columns that do not meet.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 16, 0 to 31>} loc("left")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 16, 31 to 64>} loc("right")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 31>} loc("later")
    func.return
  }
}

// -----

// They meet in one column.
// CHECK: tile.store (later), core 0: [0 to 16, 0 to 31] of buffer %a memref<16x64xf16, "vtcm">: position [0, 30] was overwritten by tile.load (right), core 0: [0 to 16, 30 to 64] of buffer %b memref<16x64xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 16, 0 to 31>} loc("left")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 16, 30 to 64>} loc("right")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 31>} loc("later")
    func.return
  }
}

// -----

// A slot of one buffer in another, in every second iteration.
// CHECK: tile.store (out), core 0, iteration [1]: [1 to 2, 0 to 64] of buffer %a memref<1x64xf16, "vtcm">: position [1, 0] was overwritten by tile.load (other), core 0, iteration [1]: [1 to 2, 0 to 64] of buffer %b memref<1x64xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 64>, depth = 2 : i64, address = 0 : i64} : memref<1x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 64>, address = 2048 : i64} : memref<1x64xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("in")
      tile.load %x, %b {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("other")
      tile.store %a, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("out")
    }
    func.return
  }
}

// -----

// Behind its slots.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 64>, depth = 2 : i64, address = 0 : i64} : memref<1x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 64>, address = 4096 : i64} : memref<1x64xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("in")
      tile.load %x, %b {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("other")
      tile.store %a, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 64>} loc("out")
    }
    func.return
  }
}

// -----

// Buffers start at multiples of 2048 bytes.
// CHECK: buffer %a memref<16xf16, "vtcm">: address 1024 is no multiple of 2048
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16>, address = 1024 : i64} : memref<16xf16, "vtcm">
    func.return
  }
}

// -----

// They have an address.
// CHECK: buffer %a memref<16xf16, "vtcm"> has no address; run assign-addresses first
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16>} : memref<16xf16, "vtcm">
    func.return
  }
}

// -----

// The last 2 KiB that may be used.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16>, address = 8321024 : i64} : memref<16xf16, "vtcm">
    func.return
  }
}

// -----

// The rest is the runtime's.
// CHECK: tile.alloc: lies at 8323072 to 8323104 of 8323072 bytes of VTCM
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16>, address = 8323072 : i64} : memref<16xf16, "vtcm">
    func.return
  }
}

// -----

// Scratch in DDR: the first sixteen rows of %s are %t's then, and nobody reads them.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<32x64xf16, "ddr">
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<32x64xf16, "ddr">
    %t = tile.tensor {role = "scratch", address = 0 : i64} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 0 : i64} : memref<32x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 4096 : i64} : memref<32x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("in")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("kept")
    tile.store %a, %t {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("other")
    tile.load %s, %b {box = #tile.box<[1] : 16 to 32, 0 to 64>} loc("later")
    func.return
  }
}

// -----

// One row of them is read.
// CHECK: tile.load (later), core 0: [15 to 32, 0 to 64] of tensor %s memref<32x64xf16, "ddr">: position [15, 0] was overwritten by tile.store (other), core 0: [0 to 16, 0 to 64] of tensor %t memref<16x64xf16, "ddr">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<32x64xf16, "ddr">
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<32x64xf16, "ddr">
    %t = tile.tensor {role = "scratch", address = 0 : i64} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 0 : i64} : memref<32x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 4096 : i64} : memref<32x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("in")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("kept")
    tile.store %a, %t {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("other")
    tile.load %s, %b {box = #tile.box<[1] : 15 to 32, 0 to 64>} loc("later")
    func.return
  }
}

// -----

// Scratch starts at multiples of 2048 bytes.
// CHECK: tensor %t memref<16x64xf16, "ddr">: address 1024 is no multiple of 2048
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<32x64xf16, "ddr">
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<32x64xf16, "ddr">
    %t = tile.tensor {role = "scratch", address = 1024 : i64} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 0 : i64} : memref<32x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 32, 0 to 64>, address = 4096 : i64} : memref<32x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("in")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 32, 0 to 64>} loc("kept")
    tile.store %a, %t {box = #tile.box<[1] : 0 to 16, 0 to 64>} loc("other")
    tile.load %s, %b {box = #tile.box<[1] : 16 to 32, 0 to 64>} loc("later")
    func.return
  }
}
