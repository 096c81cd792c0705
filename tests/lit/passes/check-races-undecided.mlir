// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-initialized | filecheck %s --check-prefixes=CELLS,BYTES-DECIDED
// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-buffers | filecheck %s --check-prefixes=CELLS,BYTES
// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-races | filecheck %s --check-prefixes=CELLS,BYTES

// What would take too long to decide is an error that names the memory. Rows and columns cut one tensor into cells.
// CELLS: the program cannot be checked: tensor %x memref<2897x2897xf16, "ddr"> is touched in more than 8388608 pieces
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "scratch"} : memref<2897x2897xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 2897>, address = 0 : i64} : memref<1x2897xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 2897, i0 to i0 + 1>, address = 8192 : i64} : memref<2897x1xf16, "vtcm">
    tile.for 2897 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 2897>} loc("rows")
      tile.load %x, %b {box = #tile.box<[1] : 0 to 2897, i0 to i0 + 1>} loc("columns")
    }
    func.return
  }
}

// -----

// Two buffers at one address, looked at byte by byte: a column is as many pieces as it has rows.
// BYTES: the program cannot be checked: buffer %a memref<1048577x2xf16, "vtcm"> is touched in more than 1048576 pieces
// BYTES-DECIDED: func.func @main()
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<1048577x2xf16, "ddr">
    %s = tile.tensor {role = "scratch"} : memref<1048577x2xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 1048577, 0 to 2>, address = 0 : i64} : memref<1048577x2xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 1048577, 0 to 2>, address = 0 : i64} : memref<1048577x2xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 1048577, 0 to 1>} loc("left")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 1048577, 1 to 2>} loc("right")
    tile.store %a, %s {box = #tile.box<[1] : 0 to 1048577, 0 to 1>} loc("out")
    func.return
  }
}
