// RUN: aic-opt %s --split-input-file -p 'set-tuning{allocator-dealloc-delay=0},fetch-ahead' | filecheck %s

// Constants come first, in the order of their use; an input, and what is read again, stay where they are.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %v, %a {{.*}} loc("v")
// CHECK-NEXT: tile.multicast %w, %b {{.*}} loc("w")
// CHECK-NEXT: tile.load %x, %c {{.*}} loc("x")
// CHECK-NEXT: tile.compute %a, %c
// CHECK-NEXT: tile.load %x, %c {{.*}} loc("again")
// CHECK-NEXT: tile.compute %b, %c
// CHECK-NEXT: tile.load %v, %b {{.*}} loc("reused")
// CHECK-NEXT: tile.compute %b, %c
func.func @main() {
  %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
  %v = tile.tensor {role = "constant", value = #aic.dense<1.0 : tensor<4xf16>>} : memref<4xf16, "ddr">
  %w = tile.tensor {role = "constant", value = #aic.dense<2.0 : tensor<4xf16>>} : memref<4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  %c = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  tile.load %x, %c {box = #tile.box<[1] : 0 to 4>} loc("x")
  tile.load %v, %a {box = #tile.box<[1] : 0 to 4>} loc("v")
  tile.compute %a, %c {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %x, %c {box = #tile.box<[1] : 0 to 4>} loc("again")
  tile.multicast %w, %b {box = #tile.box<[1] : 0 to 4>, axes = array<i64: 0>} loc("w")
  tile.compute %b, %c {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %v, %b {box = #tile.box<[1] : 0 to 4>} loc("reused")
  tile.compute %b, %c {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  func.return
}

// -----

// Three times 3 MB do not fit into VTCM: the third is fetched when the first is done with.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %w, %a {{.*}} loc("first")
// CHECK-NEXT: tile.load %w, %b {{.*}} loc("second")
// CHECK-NEXT: tile.compute %a, %y
// CHECK-NEXT: tile.load %w, %c {{.*}} loc("third")
// CHECK-NEXT: tile.compute %b, %y
// CHECK-NEXT: tile.compute %c, %y
func.func @main() {
  %w = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<3145728xi8>>} : memref<3145728xi8, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 0 to 3145728>} : memref<3145728xi8, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 0 to 3145728>} : memref<3145728xi8, "vtcm">
  %c = tile.alloc {window = #tile.box<[1] : 0 to 3145728>} : memref<3145728xi8, "vtcm">
  %y = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xi8, "vtcm">
  tile.load %w, %a {box = #tile.box<[1] : 0 to 3145728>} loc("first")
  tile.compute %a, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %w, %b {box = #tile.box<[1] : 0 to 3145728>} loc("second")
  tile.compute %b, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %w, %c {box = #tile.box<[1] : 0 to 3145728>} loc("third")
  tile.compute %c, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  func.return
}

// -----

// What another part sends is waited for once: it is fetched again right behind the first fetch of it.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %w, %b {{.*}} loc("w")
// CHECK-NEXT: tile.receive %r
// CHECK-NEXT: tile.load %r, %a {{.*}} loc("mask")
// CHECK-NEXT: tile.load %r, %c {{.*}} loc("again")
// CHECK-NEXT: tile.compute %a, %y
// CHECK-NEXT: tile.compute %b, %y
// CHECK-NEXT: tile.compute %c, %y
func.func @main() {
  %r = tile.tensor {role = "receive"} : memref<4xf16, "ddr">
  %w = tile.tensor {role = "constant", value = #aic.dense<2.0 : tensor<4xf16>>} : memref<4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  %c = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  %y = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf16, "vtcm">
  tile.receive %r {channel = #aic.channel<0, "p2p", "other">, box = #tile.box<[1] : 0 to 4>}
  tile.load %r, %a {box = #tile.box<[1] : 0 to 4>} loc("mask")
  tile.compute %a, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %w, %b {box = #tile.box<[1] : 0 to 4>} loc("w")
  tile.compute %b, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %r, %c {box = #tile.box<[1] : 0 to 4>} loc("again")
  tile.compute %c, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  func.return
}
