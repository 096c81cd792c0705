// RUN: aic-opt %s -p assign-queues | filecheck %s --check-prefix=CHOSEN
// RUN: aic-opt %s -p 'set-tuning{use-producer-dma=true},assign-queues' | filecheck %s --check-prefix=ALL
// RUN: aic-opt %s -p 'set-tuning{use-producer-dma=false},assign-queues' | filecheck %s --check-prefix=NONE
// RUN: aic-opt %s -p 'set-tuning{use-producer-dma=true},assign-queues,assign-addresses,insert-waits,check-signals,check-races' | filecheck %s --check-prefix=WAITS
// RUN: aic-opt %s -p 'set-tuning{use-producer-dma=false},assign-queues,assign-addresses,insert-waits' | filecheck %s --check-prefix=SIGNALS

// Of itself only a store that fetches of the same loop would wait behind.
// CHOSEN: tile.exchange %a, %b {{.*}}own = {{[^q]*$}}
// CHOSEN: tile.store %c, %y {{.*}}queue = "hmx"
// CHOSEN: tile.store %b, %z
// CHOSEN-NOT: queue

// ALL: tile.exchange %a, %b {{.*}}queue = "hvx"
// ALL: tile.store %c, %y {{.*}}queue = "hmx"
// What was not made by a kernel, but came by a transfer, goes on from the DMA's queue.
// ALL: tile.store %b, %z
// ALL-NOT: queue

// NONE-NOT: queue

// A store behind its kernel in the same queue needs no signal of it; from the DMA's queue it does.
// WAITS: tile.store %c, %y {{.*}}queue = "hmx", signal = {{[0-9]+}} : i64}
// SIGNALS: tile.compute {{.*}}"hmx"{{.*}}signal = [[K:[0-9]+]] : i64
// SIGNALS: tile.store %c, %y {{.*}}waits = #tile.waits<[[K]] at i0 + 1>
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<64xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<64xf16, "ddr">
    %z = tile.tensor {role = "output", label = "z"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 8>} : memref<8xf16, "vtcm">
    %w = tile.alloc {window = #tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>} : memref<8xf16, "vtcm">
    %c = tile.alloc {window = #tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>}
    tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}}
    tile.exchange %a, %b {box = #tile.box<[2] : 0 to 8>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>}
    tile.for 4 {
      tile.load %x, %w {box = #tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>}
      tile.compute %w, %c {kernel = "relu", engine = "hmx", boxes = [#tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>, #tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>], arguments = {}}
      tile.store %c, %y {box = #tile.box<[2] : 32 m0 + 8 i0 to 32 m0 + 8 i0 + 8>}
    }
    tile.store %b, %z {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>}
    func.return
  }
}
