// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-bounds | filecheck %s

// What a program asks for beyond what is enumerated is refused before anything is, by every check.

// Six loops.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    tile.for 1 {
      tile.for 1 {
        tile.for 1 {
          tile.for 1 {
            tile.for 1 {
              tile.for 1 {
                %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
              } loc("loop5")
            } loc("loop4")
          } loc("loop3")
        } loc("loop2")
      } loc("loop1")
    } loc("loop0")
    func.return
  }
}

// -----

// One more.
// CHECK: pass check-bounds: the program cannot run:
// CHECK-NEXT: tile.for (loop6): loops are nested deeper than 6
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    tile.for 1 {
      tile.for 1 {
        tile.for 1 {
          tile.for 1 {
            tile.for 1 {
              tile.for 1 {
                tile.for 1 {
                  %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
                } loc("loop6")
              } loc("loop5")
            } loc("loop4")
          } loc("loop3")
        } loc("loop2")
      } loc("loop1")
    } loc("loop0")
    func.return
  }
}

// -----

// Waits of all runs together: 17 in each of 61681 runs.
// CHECK: the program cannot run:
// CHECK-NEXT: executes 1048577 waits, at most 1048576 are run
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.for 61681 {
      tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, waits = #tile.waits<0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0, 0 at 0>} loc("fetch")
    }
    func.return
  }
}

// -----

// A tensor of no size.
// CHECK: tile.tensor (x): memref<?x4xf16, "ddr"> has no fixed size
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<?x4xf16, "ddr"> loc("x")
    func.return
  }
}

// -----

// Numbers that are added and multiplied without care for 64 bits; no memory is taken.
// CHECK: tile.tensor (x): memref<0x1099511627777xf16, "ddr"> has numbers beyond 1099511627776
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<0x1099511627777xf16, "ddr"> loc("x")
    func.return
  }
}

// -----

// The largest of them.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<0x1099511627776xf16, "ddr"> loc("x")
    func.return
  }
}

// -----

// All of DDR.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<34359738368xi8, "ddr"> loc("x")
    func.return
  }
}

// -----

// A byte more.
// CHECK: takes 34359738369 bytes of DDR, the SKU pro has 34359738368: 0 of constants, 34359738369 of inputs and outputs, 0 of scratch
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<34359738369xi8, "ddr"> loc("x")
    func.return
  }
}

// -----

// Scratch that shares addresses: the simulator holds it apart.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<17179869184xi8, "ddr">
    %t = tile.tensor {role = "scratch", address = 0 : i64} : memref<17179869184xi8, "ddr">
    func.return
  }
}

// -----

// A byte more.
// CHECK: has scratch tensors of 34359738369 bytes, at most 34359738368 are held apart from each other
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %s = tile.tensor {role = "scratch", address = 0 : i64} : memref<17179869184xi8, "ddr">
    %t = tile.tensor {role = "scratch", address = 0 : i64} : memref<17179869185xi8, "ddr">
    func.return
  }
}

// -----

// A mesh of as many cores as the card has, whatever its first axis.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1, 16] : 0 to 4>} loc("fetch")
    func.return
  }
}

// -----

// One core more.
// CHECK: tile.load (fetch): a mesh of [1, 17] cores
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1, 17] : 0 to 4>} loc("fetch")
    func.return
  }
}

// -----

// Numbers in boxes.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to min(4, m0 + 1099511627776)>} loc("fetch")
    func.return
  }
}

// -----

// One more.
// CHECK: tile.load (fetch): the box <[1] : 0 to min(4, m0 + 1099511627777)> has numbers beyond 1099511627776
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to min(4, m0 + 1099511627777)>} loc("fetch")
    func.return
  }
}
