// RUN: aic-opt %s -p insert-waits | filecheck %s

// A part of 16 columns is fetched in two transfers: neither waits for the other, both for the product that has used the
// slot, and the product for both.
// CHECK: tile.for 64 {
// CHECK-NEXT: tile.load %x, %a {{.*}}signal = 0 : i64, waits = #tile.waits<2 at i0 - 1>} loc("top")
// CHECK-NEXT: tile.load %x, %a {{.*}}signal = 1 : i64} loc("bottom")
// CHECK-NEXT: tile.compute {{.*}}waits = #tile.waits<0 at i0 + 1, 1 at i0 + 1>} loc("use")
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x1024xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 8, 16 i0 to 16 i0 + 16>, depth = 2 : i64, address = 0 : i64} : memref<8x16xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 8, 0 to 16>, address = 4096 : i64} : memref<8x16xf16, "vtcm">
    tile.for 64 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4, 16 i0 to min(16 i0 + 16, 1024)>} loc("top")
      tile.load %x, %a {box = #tile.box<[1] : 4 to 8, 16 i0 to min(16 i0 + 16, 1024)>} loc("bottom")
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 8, 16 i0 to 16 i0 + 16>, #tile.box<[1] : 0 to 8, 0 to 16>], arguments = {}} loc("use")
    }
    func.return
  }
}
