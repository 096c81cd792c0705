// RUN: not aic-opt %s --split-input-file -p 'set-tuning{allocator-dealloc-delay=0},assign-addresses' 2>&1 | filecheck %s

// Multiples of 2 KiB, a rotating buffer's slots behind each other. The last buffer takes the place of the first, which
// nobody reads any more; a loop keeps what it uses until it ends.
// CHECK-LABEL: func.func @main()
// CHECK-DAG: %a = tile.alloc {{.*}}address = [[A:[0-9]+]] : i64} : memref<2050xi8, "vtcm">
// CHECK-DAG: %b = tile.alloc {{.*}}depth = 2 : i64, address = 0 : i64} : memref<4096xi8, "vtcm">
// CHECK-DAG: %c = tile.alloc {{.*}}address = [[A]] : i64} : memref<100xi8, "vtcm">
func.func @main() {
  %a = tile.alloc {window = #tile.box<[1] : 0 to 2050>} : memref<2050xi8, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 4096>, depth = 2 : i64} : memref<4096xi8, "vtcm">
  %c = tile.alloc {window = #tile.box<[1] : 0 to 100>} : memref<100xi8, "vtcm">
  tile.for 4 {
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : i0 to i0 + 4>], arguments = {}}
  }
  tile.compute %b, %c {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  func.return
}

// -----

// Scratch tensors share DDR likewise: %t needs its place while %s has its own, %u comes when nobody reads %s any more.
// CHECK-LABEL: func.func @main()
// CHECK-DAG: %s = tile.tensor {role = "scratch", address = 0 : i64}
// CHECK-DAG: %t = tile.tensor {role = "scratch", address = 4096 : i64}
// CHECK-DAG: %u = tile.tensor {role = "scratch", address = 0 : i64}
// CHECK-DAG: %y = tile.tensor {role = "output", label = "y"}
func.func @main() {
  %s = tile.tensor {role = "scratch"} : memref<4096xi8, "ddr">
  %t = tile.tensor {role = "scratch"} : memref<100xi8, "ddr">
  %u = tile.tensor {role = "scratch"} : memref<4000xi8, "ddr">
  %y = tile.tensor {role = "output", label = "y"} : memref<4xi8, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xi8, "vtcm">
  tile.store %a, %s {box = #tile.box<[1] : 0 to 4>}
  tile.store %a, %t {box = #tile.box<[1] : 0 to 4>}
  tile.load %s, %a {box = #tile.box<[1] : 0 to 4>}
  tile.store %a, %u {box = #tile.box<[1] : 0 to 4>}
  tile.load %t, %a {box = #tile.box<[1] : 0 to 4>}
  tile.store %a, %y {box = #tile.box<[1] : 0 to 4>}
  func.return
}

// -----

// What does not fit says how much is missing, who is live where most is, and what would help.
// CHECK: the buffers take 8390656 bytes of VTCM per core, 67584 more than the 8323072 there are (0.0% above the bound); most are live at tile.compute (sum), 8390656 bytes at once: 4196352 of fc, 4194304 of buffers of no node; less is taken with more cores (aic-num-cores) than 1 or half precision (convert-to-fp16) or smaller chunks (size-split-granularity, vtcm-working-set-limit-ratio)
func.func @main() {
  %a = tile.alloc {window = #tile.box<[1] : 0 to 4194304>} : memref<4194304xi8, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 0 to 1049088>} : memref<1049088xf32, "vtcm"> loc("fc")
  tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}} loc("sum")
  func.return
}
