// RUN: aic-opt %s -p 'set-tuning{allocator-dealloc-delay=0},assign-addresses,insert-waits' | filecheck %s --check-prefix=NONE
// RUN: aic-opt %s -p 'assign-addresses,insert-waits' | filecheck %s --check-prefix=ONE
// RUN: aic-opt %s -p 'set-tuning{allocator-dealloc-delay=1},assign-addresses,insert-waits' | filecheck %s --check-prefix=ONE
// RUN: aic-opt %s -p 'set-tuning{allocator-dealloc-delay=9},assign-addresses' 2>&1 | filecheck %s --check-prefix=ROOM

// %c takes the place of %a as soon as nobody reads that any more, and so its load waits for the reader. With a delay of
// one instruction, which is chosen where none is given, it does not; %d, one later, takes that place.
// NONE: %c = tile.alloc {{.*}}address = 0 : i64
// NONE: tile.load %x, %c {{.*}}waits = #tile.waits<
// ONE: aic.dealloc_delay = 1 : i64
// ONE: %c = tile.alloc {{.*}}address = [[C:[1-9][0-9]*]] : i64
// ONE: %d = tile.alloc {{.*}}address = 0 : i64
// ONE-NOT: tile.load %x, %c {{.*}}waits

// Four buffers of 2 MiB do not fit, three do: a delay of one.
// ROOM: allocator-dealloc-delay: VTCM has room for a delay of 1, not of 9
// ROOM: %d = tile.alloc {{.*}}address = 0 : i64
func.func @main() {
  %x = tile.tensor {role = "input", label = "x"} : memref<2097152xi8, "ddr">
  %a = tile.alloc {window = #tile.box<[1] : 0 to 2097152>} : memref<2097152xi8, "vtcm">
  %b = tile.alloc {window = #tile.box<[1] : 0 to 2097152>} : memref<2097152xi8, "vtcm">
  %c = tile.alloc {window = #tile.box<[1] : 0 to 2097152>} : memref<2097152xi8, "vtcm">
  %d = tile.alloc {window = #tile.box<[1] : 0 to 2097152>} : memref<2097152xi8, "vtcm">
  tile.load %x, %a {box = #tile.box<[1] : 0 to 2097152>}
  tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.load %x, %c {box = #tile.box<[1] : 0 to 2097152>}
  tile.compute %b, %d {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  tile.compute %c, %d {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {}}
  func.return
}
