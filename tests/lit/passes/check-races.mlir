// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-races | filecheck %s

// Fetched, computed and stored in two slots each, as far apart as the slots allow. A fetch need not wait for the product
// that reads the slot before: the store before it in its queue has waited for it.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 0 : i64} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64, signal = 1 : i64} loc("next")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0, 3 at i0 - 1>} loc("relu")
      tile.store %b, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 3 : i64, waits = #tile.waits<2 at i0 + 1>} loc("part")
    }
    func.return
  }
}

// -----

// The store waits for one product less: it may read what is not made yet, and fetches come too early.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.load (next), core 0, iteration [2]: [2 to 3, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">: is written without waiting for the read by tile.compute (relu), core 0, iteration [0]: [0 to 1, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">
// CHECK-NEXT: tile.store (part), core 0, iteration [0]: [0 to 1, 0 to 4] of buffer %b memref<1x4xf16, "vtcm">: is read without waiting for the write by tile.compute (relu), core 0, iteration [0]: [0 to 1, 0 to 4] of buffer %b memref<1x4xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 0 : i64} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64, signal = 1 : i64} loc("next")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0, 3 at i0 - 1>} loc("relu")
      tile.store %b, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 3 : i64, waits = #tile.waits<2 at i0>} loc("part")
    }
    func.return
  }
}

// -----

// The product starts before its part is there.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.compute (relu), core 0, iteration [1]: [1 to 2, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">: is read without waiting for the write by tile.load (next), core 0, iteration [1]: [1 to 2, 0 to 4] of buffer %a memref<1x4xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 0 : i64} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64, signal = 1 : i64} loc("next")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0 - 1, 3 at i0 - 1>} loc("relu")
      tile.store %b, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 3 : i64, waits = #tile.waits<2 at i0 + 1>} loc("part")
    }
    func.return
  }
}

// -----

// Without the count of stores a product overtakes them.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.compute (relu), core 0, iteration [2]: [2 to 3, 0 to 4] of buffer %b memref<1x4xf16, "vtcm">: is written without waiting for the read by tile.store (part), core 0, iteration [0]: [0 to 1, 0 to 4] of buffer %b memref<1x4xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 0 : i64} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64, signal = 1 : i64} loc("next")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0>} loc("relu")
      tile.store %b, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 3 : i64, waits = #tile.waits<2 at i0 + 1>} loc("part")
    }
    func.return
  }
}

// -----

// A third slot, and it need not wait so long.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 3 : i64, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 0 : i64} loc("first")
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64, signal = 1 : i64} loc("next")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0, 3 at i0 - 2>} loc("relu")
      tile.store %b, %s {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, signal = 3 : i64, waits = #tile.waits<2 at i0 + 1>} loc("part")
    }
    func.return
  }
}

// -----

// Halos. A core may not write again what others still read.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1>} loc("again")
    func.return
  }
}

// -----

// The rows of the other core may not be there yet.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.exchange (halo), core 1: [3 to 4] of buffer %a memref<6xf16, "vtcm"> of core 0: is read without waiting for the write by tile.load (rows), core 0: [0 to 4] of buffer %a memref<6xf16, "vtcm">
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1>} loc("again")
    func.return
  }
}

// -----

// The other core may not have read yet.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.load (again), core 1: [4 to 8] of buffer %a memref<6xf16, "vtcm">: is written without waiting for the read by tile.exchange (halo), core 0: [4 to 5] of buffer %a memref<6xf16, "vtcm"> of core 1
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("again")
    func.return
  }
}

// -----

// Nobody reads the rows in the middle.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 + 1 to 4 m0 + 3>, signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("again")
    func.return
  }
}

// -----

// One row more, and the first core writes what the second may still read.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.load (again), core 0: [1 to 4] of buffer %a memref<6xf16, "vtcm">: is written without waiting for the read by tile.exchange (halo), core 1: [3 to 4] of buffer %a memref<6xf16, "vtcm"> of core 0
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 + 1 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("again")
    func.return
  }
}

// -----

// Cores that exchange in place write each other's source when one owns a position more.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.exchange (halo), core 1: [3 to 5] of buffer %a memref<6xf16, "vtcm">: is written without waiting for the read by tile.exchange (halo), core 0: [4 to 5] of buffer %a memref<6xf16, "vtcm"> of core 1
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to min(4 m0 + 5, 8)>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("window")
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1>} loc("again")
    func.return
  }
}

// -----

// Through DDR: all cores have stored before the first reads for all, and all have room.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[4] : 0 to 4>, signal = 0 : i64} loc("all")
    tile.store %a, %s {box = #tile.box<[4] : m0 to m0 + 1>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("ones")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("relu")
    tile.multicast %s, %b {box = #tile.box<[4] : 0 to 4>, axes = array<i64: 0>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1 all>} loc("cast")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 4 : i64, waits = #tile.waits<1 at 1, 3 at 1>} loc("use")
    func.return
  }
}

// -----

// The first core has stored, others may not have.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.multicast (cast), core 0: [0 to 4] of tensor %s memref<4xf16, "ddr">: is read without waiting for the write by tile.store (ones), core 1: [1 to 2] of tensor %s memref<4xf16, "ddr">
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[4] : 0 to 4>, signal = 0 : i64} loc("all")
    tile.store %a, %s {box = #tile.box<[4] : m0 to m0 + 1>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("ones")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("relu")
    tile.multicast %s, %b {box = #tile.box<[4] : 0 to 4>, axes = array<i64: 0>, signal = 3 : i64, waits = #tile.waits<1 at 1, 2 at 1 all>} loc("cast")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 4 : i64, waits = #tile.waits<1 at 1, 3 at 1>} loc("use")
    func.return
  }
}

// -----

// The first core sends into buffers that others may still write.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.multicast (cast), core 1: [0 to 4] of buffer %b memref<4xf16, "vtcm">: is written without waiting for the write by tile.compute (relu), core 1: [0 to 4] of buffer %b memref<4xf16, "vtcm">
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[4] : 0 to 4>, signal = 0 : i64} loc("all")
    tile.store %a, %s {box = #tile.box<[4] : m0 to m0 + 1>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("ones")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("relu")
    tile.multicast %s, %b {box = #tile.box<[4] : 0 to 4>, axes = array<i64: 0>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1>} loc("cast")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 4 : i64, waits = #tile.waits<1 at 1, 3 at 1>} loc("use")
    func.return
  }
}

// -----

// Cores store to different places.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[4] : 0 to 4>, signal = 0 : i64} loc("all")
    tile.store %a, %s {box = #tile.box<[4] : m0 to min(m0 + 1, 4)>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("ones")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("relu")
    tile.multicast %s, %b {box = #tile.box<[4] : 0 to 4>, axes = array<i64: 0>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1 all>} loc("cast")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 4 : i64, waits = #tile.waits<1 at 1, 3 at 1>} loc("use")
    func.return
  }
}

// -----

// Two store to one.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.store (ones), core 1: [1 to 3] of tensor %s memref<4xf16, "ddr">: is written without waiting for the write by tile.store (ones), core 0: [0 to 2] of tensor %s memref<4xf16, "ddr">
builtin.module attributes {aic.cores = 4 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[4] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[4] : 0 to 4>, signal = 0 : i64} loc("all")
    tile.store %a, %s {box = #tile.box<[4] : m0 to min(m0 + 2, 4)>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("ones")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("relu")
    tile.multicast %s, %b {box = #tile.box<[4] : 0 to 4>, axes = array<i64: 0>, signal = 3 : i64, waits = #tile.waits<1 at 1 all, 2 at 1 all>} loc("cast")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4] : 0 to 4>, #tile.box<[4] : 0 to 4>], arguments = {}, signal = 4 : i64, waits = #tile.waits<1 at 1, 3 at 1>} loc("use")
    func.return
  }
}

// -----

// Two buffers at one address, and columns that do not meet: transfers in any order.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 16, 0 to 32>, signal = 0 : i64} loc("left")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 16, 32 to 64>, signal = 1 : i64} loc("right")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 32>, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("later")
    func.return
  }
}

// -----

// They meet in one column.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.load (right), core 0: [0 to 16, 32 to 64] of buffer %b memref<16x64xf16, "vtcm">: is written without waiting for the write by tile.load (left), core 0: [0 to 16, 0 to 33] of buffer %a memref<16x64xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16x64xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<16x64xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 64>, address = 0 : i64} : memref<16x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 16, 0 to 33>, signal = 0 : i64} loc("left")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 16, 32 to 64>, signal = 1 : i64} loc("right")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 16, 0 to 32>, signal = 2 : i64, waits = #tile.waits<0 at 1>} loc("later")
    func.return
  }
}

// -----

// What comes first in the text may not come last: the fetch waits for what should read it.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.compute (relu), core 0: [0 to 8] of buffer %a memref<8xf16, "vtcm">: is read without waiting for the write by tile.load (fetch), core 0: [0 to 8] of buffer %a memref<8xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 2048 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 8>, signal = 0 : i64, waits = #tile.waits<1 at 1>} loc("fetch")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 8>, #tile.box<[1] : 0 to 8>], arguments = {}, signal = 1 : i64} loc("relu")
    func.return
  }
}

// -----

// Two transfers raise one signal. When both have, both are complete.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 2048 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("front")
    tile.load %x, %a {box = #tile.box<[1] : 4 to 8>, signal = 0 : i64} loc("back")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, waits = #tile.waits<0 at 2>} loc("relu")
    func.return
  }
}

// -----

// When one has, that may be either: a program that is not decided is refused.
// CHECK: pass check-races: the program cannot be checked:
// CHECK-NEXT: tile.compute (relu), core 0: waits until signal 0 is at 1, but tile.load (front) and tile.load (back) raise it, and in which order they do is not fixed: give each a signal of its own
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 2048 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("front")
    tile.load %x, %a {box = #tile.box<[1] : 4 to 8>, signal = 0 : i64} loc("back")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, waits = #tile.waits<0 at 1>} loc("relu")
    func.return
  }
}

// -----

// Of its own signal can be said what it counts.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 2048 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64} loc("front")
    tile.load %x, %a {box = #tile.box<[1] : 4 to 8>, signal = 1 : i64} loc("back")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}, waits = #tile.waits<0 at 1>} loc("relu")
    func.return
  }
}

// -----

// What never starts has no order.
// CHECK: pass check-races: the program stops before its end; check-signals tells where
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 8>, signal = 0 : i64, waits = #tile.waits<0 at 1>} loc("fetch")
    func.return
  }
}

// -----

// Who reads through a buffer before it is written there meets what the other buffer's transfer writes.
// CHECK: pass check-races: the program has races:
// CHECK-NEXT: tile.store (early), core 0: [0 to 8] of buffer %b memref<8xf16, "vtcm">: is read without waiting for the write by tile.load (fetch), core 0: [0 to 8] of buffer %a memref<8xf16, "vtcm">
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8>, address = 0 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 8>, signal = 0 : i64} loc("fetch")
    tile.store %b, %s {box = #tile.box<[1] : 0 to 8>, signal = 1 : i64} loc("early")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 8>, signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at 1>} loc("late")
    func.return
  }
}
