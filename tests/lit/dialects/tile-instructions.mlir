// RUN: AIC_ROUNDTRIP
// RUN: AIC_GENERIC

// Every instruction, with everything that a schedule adds.
// CHECK-LABEL: @program
// CHECK-NEXT: %x = tile.tensor {role = "input", label = "image"} : memref<1x16x8x4xf16, "ddr"> loc("image")
// CHECK-NEXT: %y = tile.tensor {role = "output", label = "y"} : memref<1x16x8x4xf16, "ddr">
// CHECK-NEXT: %w = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<3x3x4x4xf16>>} : memref<3x3x4x4xf16, "ddr"> loc("w")
// CHECK-NEXT: %t = tile.tensor {role = "scratch"} : memref<f32, "ddr">
// CHECK-NEXT: %a = tile.alloc {window = #tile.box<[4, 2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 2 m1 to 2 m1 + 2>, depth = 2 : i64, address = 2048 : i64} : memref<1x6x10x2xf16, "vtcm">
// CHECK: tile.load %x, %a {box = #tile.box<[4, 2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 16), 0 to 8, 2 m1 to min(2 m1 + 2, 4)>, signal = 3 : i64} loc("image")
// CHECK-NEXT: tile.multicast %w, %b {box = #tile.box<[4, 2] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>, axes = array<i64: 0, 1>, signal = 4 : i64, waits = #tile.waits<3 at 1, 5 at 2 all>}
// CHECK-NEXT: tile.exchange %a, %a {box = {{.*}}, own = {{.*}}}
// CHECK-NEXT: tile.fill %a {shape = array<i64: 1, 16, 8, 4>, value = 0xfff0000000000000 : f64}
// CHECK-NEXT: tile.for 8 {
// CHECK-NEXT: tile.load %x, %a {box = {{.*}}3 m0 - i0 + 2 i1{{.*}}, offsets = array<i64: 0, 1, 0, 0>, ahead = 1 : i64, waits = #tile.waits<3 at 2 i0 - 1, 7 at i0 all>}
// CHECK-NEXT: }
// CHECK-NEXT: tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [{{.*}}], arguments = {}} loc("relu"("r":0:0))
// CHECK-NEXT: tile.store %a, %y {box = {{.*}}}
// GENERIC-LABEL: sym_name = "program"
// GENERIC: %a = "tile.alloc"() <{window = {{.*}}, depth = 2 : i64, address = 2048 : i64}> : () -> memref<1x6x10x2xf16, "vtcm">
// GENERIC: "tile.for"() <{trips = 8 : i64}> ({
// GENERIC-NEXT: "tile.load"(%x, %a)
// GENERIC: }) : () -> ()
func.func @program() {
  %x = tile.tensor {role = "input", label = "image"} : memref<1x16x8x4xf16, "ddr"> loc("image")
  %y = tile.tensor {role = "output", label = "y"} : memref<1x16x8x4xf16, "ddr">
  %w = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<3x3x4x4xf16>>} : memref<3x3x4x4xf16, "ddr"> loc("w")
  %t = tile.tensor {role = "scratch"} : memref<f32, "ddr">
  %a = tile.alloc {window = #tile.box<[4, 2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 2 m1 to 2 m1 + 2>, depth = 2 : i64, address = 2048 : i64} : memref<1x6x10x2xf16, "vtcm">
  %b = tile.alloc {window = #tile.box<[4, 2] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>} : memref<3x3x4x4xf16, "vtcm">
  tile.load %x, %a {box = #tile.box<[4, 2] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 16), 0 to 8, 2 m1 to min(2 m1 + 2, 4)>, signal = 3 : i64} loc("image")
  tile.multicast %w, %b {box = #tile.box<[4, 2] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>, axes = array<i64: 0, 1>, signal = 4 : i64, waits = #tile.waits<3 at 1, 5 at 2 all>}
  tile.exchange %a, %a {box = #tile.box<[4, 2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, 0 to 8, 2 m1 to 2 m1 + 2>, own = #tile.box<[4, 2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 2 m1 to 2 m1 + 2>}
  tile.fill %a {shape = array<i64: 1, 16, 8, 4>, value = 0xfff0000000000000 : f64}
  tile.for 8 {
    tile.load %x, %a {box = #tile.box<[4, 2] : 0 to 1, 3 m0 - i0 + 2 i1 to 16, 0 to 8, 0 to 4>, offsets = array<i64: 0, 1, 0, 0>, ahead = 1 : i64, waits = #tile.waits<3 at 2 i0 - 1, 7 at i0 all>}
  }
  tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[4, 2] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>, #tile.box<[4, 2] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>], arguments = {}} loc("relu"("r":0:0))
  tile.store %a, %y {box = #tile.box<[4, 2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 2 m1 to 2 m1 + 2>}
  func.return
}

// -----

// Forms are put in order; signs and coefficients of one are as people write them.
// CHECK-LABEL: @forms
// CHECK: #tile.box<[2, 2] : -m0 + 2 m1 - 3 to 5, 0 to m1 + i0>
// CHECK: #tile.box<[] : >
func.func @forms() {
  %a = tile.alloc {window = #tile.box<[2, 2] : 2 m1 - 3 - 1 m0 to 5, 0 m0 to i0 + 1 m1>} : memref<8x8xf32, "vtcm">
  %b = tile.alloc {window = #tile.box<[] : >} : memref<f32, "vtcm">
  func.return
}
