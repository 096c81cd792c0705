// RUN: aic-opt %s --split-input-file -p insert-waits | filecheck %s
// RUN: not aic-opt %S/assign-addresses.mlir --split-input-file -p insert-waits 2>&1 | filecheck %s --check-prefix=PLACE

// PLACE: insert-waits: a buffer has no address; run assign-addresses first

// On one core: transfers are awaited by who reads them, engines by each other, one's own engine not at all. The store
// raises a signal for the runtime, which awaits the totals.
// CHECK: aic.signals = array<i64: 1, 1, 1, 1, 1>
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %x, %a {box = {{.*}}, signal = 0 : i64} loc("x")
// CHECK-NEXT: tile.load %x, %b {box = {{.*}}, signal = 1 : i64} loc("z")
// CHECK-NEXT: tile.compute %a, %b, %c {{.*}}arguments = {}, waits = #tile.waits<0 at 1, 1 at 1>} loc("first")
// CHECK-NEXT: tile.compute %c, %c, %d {{.*}}signal = 2 : i64} loc("second")
// CHECK-NEXT: tile.compute %a, %d, %e {{.*}}signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("third")
// CHECK-NEXT: tile.store %e, %y {{.*}}signal = 4 : i64, waits = #tile.waits<3 at 1>}
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4x4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<4x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4, 0 to 4>, address = 0 : i64} : memref<4x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 4, 0 to 4>, address = 2048 : i64} : memref<4x4xf16, "vtcm">
    %c = tile.alloc {window = #tile.box<[1] : 0 to 4, 0 to 4>, address = 4096 : i64} : memref<4x4xf16, "vtcm">
    %d = tile.alloc {window = #tile.box<[1] : 0 to 4, 0 to 4>, address = 6144 : i64} : memref<4x4xf16, "vtcm">
    %e = tile.alloc {window = #tile.box<[1] : 0 to 4, 0 to 4>, address = 8192 : i64} : memref<4x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4, 0 to 4>} loc("x")
    tile.load %x, %b {box = #tile.box<[1] : 0 to 4, 0 to 4>} loc("z")
    tile.compute %a, %b, %c {kernel = "matmul", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>], arguments = {}} loc("first")
    tile.compute %c, %c, %d {kernel = "matmul", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>], arguments = {}} loc("second")
    tile.compute %a, %d, %e {kernel = "add", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>, #tile.box<[1] : 0 to 4, 0 to 4>], arguments = {}} loc("third")
    tile.store %e, %y {box = #tile.box<[1] : 0 to 4, 0 to 4>}
    func.return
  }
}

// -----

// Between cores: an exchange reads what every core has made, and writes what every core has read. A buffer at the
// address of another waits for those that use the other.
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %x, %a {{.*}}signal = 0 : i64}
// CHECK-NEXT: tile.exchange %a, %a {{.*}}signal = 1 : i64, waits = #tile.waits<0 at 1 all>}
// CHECK-NEXT: tile.compute %a, %b {{.*}}signal = 2 : i64, waits = #tile.waits<1 at 1{{.*}}>}
// CHECK-NEXT: tile.load %x, %c {{.*}}waits = #tile.waits<{{.*}}2 at 1{{.*}}>}
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    %c = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 2 m0 to 2 m0 + 2>}
    tile.exchange %a, %a {box = #tile.box<[2] : 0 to 4>, own = #tile.box<[2] : 2 m0 to 2 m0 + 2>}
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 0 to 4>, #tile.box<[2] : 0 to 4>], arguments = {}}
    tile.load %x, %c {box = #tile.box<[2] : 0 to 4>}
    func.return
  }
}

// -----

// Two slots: a fetch waits for the use of the slot's last content. The use waits for the first fetch, then for those of
// the iterations before: not for the one that runs ahead.
// CHECK: aic.signals = array<i64: 1, 8, 8>
// CHECK-LABEL: func.func @main()
// CHECK: tile.load %x, %a {{.*}}signal = 0 : i64}
// CHECK-NEXT: tile.for 8 {
// CHECK-NEXT: tile.load %x, %a {{.*}}ahead = 1 : i64, signal = 1 : i64, waits = #tile.waits<2 at i0>}
// CHECK-NEXT: tile.compute %a, %b {{.*}}signal = 2 : i64, waits = #tile.waits<0 at 1, 1 at i0>}
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, depth = 2 : i64, address = 0 : i64} : memref<1x4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, address = 4096 : i64} : memref<1x4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>}
    tile.for 8 {
      tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>, ahead = 1 : i64}
      tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : i0 to i0 + 1, 0 to 4>, #tile.box<[1] : i0 to i0 + 1, 0 to 4>], arguments = {}}
    }
    func.return
  }
}

// -----

// Counts follow from the loops: within one, after one, before the next iteration of an outer one, in a loop beside.
// CHECK: aic.signals = array<i64: 12, 3, 6, 1>
// CHECK: tile.for 3 {
// CHECK-NEXT: tile.for 4 {
// CHECK-NEXT: tile.load %x, %a {{.*}}signal = 0 : i64, waits = #tile.waits<0 at 4 i0 + i1, 2 at 2 i0>} loc("fetch")
// CHECK-NEXT: }
// CHECK-NEXT: tile.compute %a, %a {{.*}}signal = 1 : i64, waits = #tile.waits<0 at 4 i0 + 4>} loc("after")
// CHECK-NEXT: tile.for 2 {
// CHECK-NEXT: tile.compute %a, %b {{.*}}signal = 2 : i64, waits = #tile.waits<1 at i0 + 1>} loc("beside")
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: tile.store %a, %y {{.*}}signal = 3 : i64, waits = #tile.waits<1 at 3>} loc("end")
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.for 3 {
      tile.for 4 {
        tile.load %x, %a {box = #tile.box<[1] : 0 to 4>} loc("fetch")
      }
      tile.compute %a, %a {kernel = "relu", engine = "hmx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}} loc("after")
      tile.for 2 {
        tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}} loc("beside")
      }
    }
    tile.store %a, %y {box = #tile.box<[1] : 0 to 4>} loc("end")
    func.return
  }
}

// -----

// Scratch that takes the place of other scratch in DDR waits, on every core, for those that use the other.
// CHECK: func.func @main()
// CHECK: tile.load %s, %b {{.*}}signal = [[READ:[0-9]+]] : i64{{.*}} loc("last")
// CHECK-NEXT: tile.store %a, %t {{.*}}waits = #tile.waits<{{.*}}[[READ]] at 1 all>} loc("apart")
// CHECK-NEXT: tile.store %a, %u {{.*}}signal = 4 : i64} loc("behind")
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<4xf16, "ddr">
    %t = tile.tensor {role = "scratch", address = 0 : i64} : memref<4xf16, "ddr">
    %u = tile.tensor {role = "scratch", address = 2048 : i64} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 0 to 4>}
    tile.store %a, %s {box = #tile.box<[2] : 2 m0 to 2 m0 + 2>}
    tile.load %s, %b {box = #tile.box<[2] : 0 to 4>} loc("last")
    tile.store %a, %t {box = #tile.box<[2] : 2 m0 to 2 m0 + 2>} loc("apart")
    tile.store %a, %u {box = #tile.box<[2] : 2 m0 to 2 m0 + 2>} loc("behind")
    func.return
  }
}
