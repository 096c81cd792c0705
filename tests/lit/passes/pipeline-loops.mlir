// RUN: aic-opt %s --split-input-file -p pipeline-loops | filecheck %s

// What moves with the loop is fetched one iteration ahead, padding included, into two slots; results take two in turn.
// What is the same in every iteration stays.
// CHECK-LABEL: func.func @main()
// CHECK: %a = tile.alloc {{.*}}depth = 2 : i64
// CHECK: %b = tile.alloc {{.*}}depth = 2 : i64
// CHECK: %w = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
// CHECK-NEXT: tile.fill %a {{.*}} loc("pad")
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[1] : max(2 i0 - 1, 0) to min(2 i0 + 3, 16)>} loc("fetch")
// CHECK-NEXT: tile.for 8 {
// CHECK-NEXT: tile.fill %a {{.*}}ahead = 1 : i64} loc("pad")
// CHECK-NEXT: tile.load %x, %a {{.*}}ahead = 1 : i64} loc("fetch")
// CHECK-NEXT: tile.load %k, %w {box = #tile.box<[1] : 0 to 4>}
// CHECK-NEXT: tile.compute %w, %a, %b
// CHECK-NEXT: tile.store %b, %y
// CHECK-NEXT: }
func.func @main() {
  %x = tile.tensor {role = "input", label = "x"} : memref<16xf16, "ddr">
  %y = tile.tensor {role = "output", label = "y"} : memref<16xf16, "ddr">
  %k = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 2 i0 - 1 to 2 i0 + 3>} : memref<4xf16, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 2 i0 to 2 i0 + 2>} : memref<2xf16, "vtcm">
  %w = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  tile.for 8 {
    tile.fill %a {shape = array<i64: 16>, value = 0.0 : f64} loc("pad")
    tile.load %k, %w {box = #tile.box<[1] : 0 to 4>}
    tile.load %x, %a {box = #tile.box<[1] : max(2 i0 - 1, 0) to min(2 i0 + 3, 16)>} loc("fetch")
    tile.compute %w, %a, %b {kernel = "add", engine = "hvx", boxes = [#tile.box<[1] : 0 to 2>, #tile.box<[1] : 2 i0 to 2 i0 + 2>, #tile.box<[1] : 2 i0 to 2 i0 + 2>], arguments = {}}
    tile.store %b, %y {box = #tile.box<[1] : 2 i0 to 2 i0 + 2>}
  }
  func.return
}

// -----

// Of two loops, the inner one is pipelined anew in every iteration of the outer one: its first part is needed at once, so
// it comes before what the next iteration of the outer one needs.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %x, %o {box = #tile.box<[1] : 8 i0 to 8 i0 + 8>} loc("outer")
// CHECK-NEXT: tile.for 2 {
// CHECK-NEXT: tile.load %x, %a {box = #tile.box<[1] : 8 i0 + 2 i1 to 8 i0 + 2 i1 + 2>} loc("inner")
// CHECK-NEXT: tile.load %x, %o {box = {{.*}}, ahead = 1 : i64} loc("outer")
// CHECK-NEXT: tile.for 4 {
// CHECK-NEXT: tile.load %x, %a {box = {{.*}}, ahead = 1 : i64} loc("inner")
func.func @main() {
  %x = tile.tensor {role = "input", label = "x"} : memref<16xf16, "ddr">
  %o = tile.alloc {window = #tile.box<[1] : 8 i0 to 8 i0 + 8>} : memref<8xf16, "vtcm">
  %a = tile.alloc {window = #tile.box<[1] : 8 i0 + 2 i1 to 8 i0 + 2 i1 + 2>} : memref<2xf16, "vtcm">
  tile.for 2 {
    tile.load %x, %o {box = #tile.box<[1] : 8 i0 to 8 i0 + 8>} loc("outer")
    tile.for 4 {
      tile.load %x, %a {box = #tile.box<[1] : 8 i0 + 2 i1 to 8 i0 + 2 i1 + 2>} loc("inner")
      tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 8 i0 + 2 i1 to 8 i0 + 2 i1 + 2>, #tile.box<[1] : 8 i0 + 2 i1 to 8 i0 + 2 i1 + 2>], arguments = {}}
    }
  }
  func.return
}
