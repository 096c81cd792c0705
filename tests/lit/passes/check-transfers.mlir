// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-transfers | filecheck %s

// Rows that lie 65534 bytes apart are one two-dimensional descriptor, however many.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<129x32767xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 129, 0 to 64>, address = 0 : i64} : memref<129x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 129, 0 to 64>} loc("columns")
    func.return
  }
}

// -----

// With one element more to a row the stride has no place in a descriptor, and each row takes one.
// CHECK: pass check-transfers: the program cannot run:
// CHECK-NEXT: tile.load (columns), core 0: memref<129x32768xf16, "ddr"> to memref<129x64xf16, "vtcm"> takes 129 descriptors, a transfer may have 128
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<129x32768xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 129, 0 to 64>, address = 0 : i64} : memref<129x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 129, 0 to 64>} loc("columns")
    func.return
  }
}

// -----

// One row less.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<129x32768xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 129, 0 to 64>, address = 0 : i64} : memref<129x64xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 128, 0 to 64>} loc("columns")
    func.return
  }
}

// -----

// Each iteration is a chain of its own. Whole rows follow each other, and are one descriptor.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 2, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<12x8xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<12x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 6 m0 to 6 m0 + 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 6 m0 to 6 m0 + 6, 0 to 8>} loc("whole")
    tile.for 3 {
      tile.store %a, %y {box = #tile.box<[2] : 6 m0 + 2 i0 to 6 m0 + 2 i0 + 2, 0 to 4>} loc("half")
    }
    func.return
  }
}

// -----

// The first iteration of the second core has a row more.
// CHECK: tile.store (half), core 1, iteration [0]: memref<6x8xf16, "vtcm"> to memref<12x8xf16, "ddr"> takes 3 descriptors, a transfer may have 2
builtin.module attributes {aic.cores = 2 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 2, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<12x8xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<12x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 6 m0 to 6 m0 + 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 6 m0 to 6 m0 + 6, 0 to 8>} loc("whole")
    tile.for 3 {
      tile.store %a, %y {box = #tile.box<[2] : 6 m0 + 2 i0 to min(6 m0 + 2 i0 + 3, 8 m0 + 2 i0 + 2), 0 to 4>} loc("half")
    }
    func.return
  }
}

// -----

// What a core fetches from all others is one chain: two rows of one, one of the other.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 3 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 3, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<6x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[3] : 0 to 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[3] : 2 m0 to 2 m0 + 2, 0 to 8>} loc("own")
    tile.exchange %a, %a {box = #tile.box<[3] : 1 to 5, 0 to 4>, own = #tile.box<[3] : 2 m0 to 2 m0 + 2, 0 to 8>} loc("others")
    func.return
  }
}

// -----

// One row more.
// CHECK: tile.exchange (others), core 0: memref<6x8xf16, "vtcm"> to memref<6x8xf16, "vtcm"> takes 4 descriptors, a transfer may have 3
builtin.module attributes {aic.cores = 3 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 3, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<6x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[3] : 0 to 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[3] : 2 m0 to 2 m0 + 2, 0 to 8>} loc("own")
    tile.exchange %a, %a {box = #tile.box<[3] : 1 to 6, 0 to 4>, own = #tile.box<[3] : 2 m0 to 2 m0 + 2, 0 to 8>} loc("others")
    func.return
  }
}

// -----

// A multicast is issued by its sender alone: rows to both cores take two descriptors, not four.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 2, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<6x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.multicast %x, %a {box = #tile.box<[2] : 0 to 2, 0 to 4>, axes = array<i64: 0>} loc("rows")
    func.return
  }
}

// -----

// One row more.
// CHECK: tile.multicast (rows), core 0: memref<6x8xf16, "ddr"> to memref<6x8xf16, "vtcm"> takes 3 descriptors, a transfer may have 2
builtin.module attributes {aic.cores = 2 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 2, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<6x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 6, 0 to 8>, address = 0 : i64} : memref<6x8xf16, "vtcm">
    tile.multicast %x, %a {box = #tile.box<[2] : 0 to 3, 0 to 4>, axes = array<i64: 0>} loc("rows")
    func.return
  }
}
