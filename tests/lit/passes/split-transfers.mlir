// RUN: aic-opt %s --split-input-file --verify-diagnostics -p split-transfers | filecheck %s

// 256 rows that lie too far apart for one descriptor are two chains. The parts run ahead like the whole.
// Rows that lie 65534 bytes apart stay together, and so does what spans its tensor.
// CHECK: tile.for 4 {
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[1] : 0 to 128, 64 i0 to 64 i0 + 64>, ahead = 1 : i64} loc("far")
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[1] : 128 to 256, 64 i0 to 64 i0 + 64>, ahead = 1 : i64} loc("far")
// CHECK-NEXT: tile.load %z, %a {box = #tile.box<[1] : 0 to 256, 64 i0 to 64 i0 + 64>} loc("near")
// CHECK-NEXT: }
// CHECK-NEXT: tile.load %w, %b {box = #tile.box<[1] : 0 to 16, 0 to 32768>} loc("whole")
// CHECK-NEXT: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<256x32768xf16, "ddr">
    %z = tile.tensor {role = "input", label = "z"} : memref<256x32767xf16, "ddr">
    %w = tile.tensor {role = "input", label = "w"} : memref<16x32768xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 256, 64 i0 to 64 i0 + 64>} : memref<256x64xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 16, 0 to 32768>} : memref<16x32768xf16, "vtcm">
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 256, 64 i0 to 64 i0 + 64>, ahead = 1 : i64} loc("far")
      tile.load %z, %a {box = #tile.box<[1] : 0 to 256, 64 i0 to 64 i0 + 64>} loc("near")
    }
    tile.load %w, %b {box = #tile.box<[1] : 0 to 16, 0 to 32768>} loc("whole")
    func.return
  }
}

// -----

// Halos: the box has no single lower end, so parts follow the window of the buffer that is written. Two rows are few
// enough.
// CHECK: tile.load %x, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 1, 8), 0 to 4>} loc("halo")
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[2] : max(4 m0 + 1, 0) to min(4 m0 + 3, 8), 0 to 4>} loc("halo")
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[2] : max(4 m0 + 3, 0) to min(4 m0 + 5, 8), 0 to 4>} loc("halo")
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[2] : max(4 m0, 2) to min(4 m0 + 2, 8), 0 to 4>} loc("short")
builtin.module attributes {aic.cores = 2 : i64, aic.target = #aic.target<"pro", {dma_chain_descriptors = 2, dma_stride_bytes = 8}>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>} : memref<6x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>} loc("halo")
    tile.load %x, %a {box = #tile.box<[2] : max(4 m0, 2) to min(4 m0 + 2, 8), 0 to 4>} loc("short")
    func.return
  }
}

// -----

// Columns of one item each, for which no cut is enough.
// CHECK: pass split-transfers: DMA transfers take too many descriptors:
// CHECK-NEXT: tile.load (table): memref<32769x32768xf16, "ddr"> to memref<32769x1xf16, "vtcm"> takes 32769 descriptors (rows of one lie at most 65535 bytes apart); a transfer may have 128, and is cut into at most 256 parts, here 257; split the operation into smaller tiles (size-split-granularity), or its tensor in the model
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<32769x32768xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 32769, 0 to 1>} : memref<32769x1xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 32769, 0 to 1>} loc("table")
    func.return
  }
}

// -----

// One row less.
// CHECK-COUNT-256: tile.load %x, %a
// CHECK-NEXT: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<32769x32768xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 32769, 0 to 1>} : memref<32769x1xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 32768, 0 to 1>} loc("table")
    func.return
  }
}
