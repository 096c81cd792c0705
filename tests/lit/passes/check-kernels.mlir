// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-kernels | filecheck %s

// A convolution of 3 x 3, rows of each core with those around them.
// CHECK: func.func @main()
// CHECK: func.return
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 0 to 2>} : memref<1x6x10x2xf16, "vtcm">
    %w = tile.alloc {window = #tile.box<[2] : 0 to 3, 0 to 3, 0 to 2, 0 to 5>} : memref<3x3x2x5xf16, "vtcm">
    %y = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 5>} : memref<1x4x8x5xf16, "vtcm">
    tile.compute %x, %w, %y {kernel = "conv", engine = "hmx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 0 to 2>, #tile.box<[2] : 0 to 3, 0 to 3, 0 to 2, 0 to 5>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 5>], arguments = {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}} loc("conv")
    func.return
  }
}

// -----

// The second core has one row too few.
// CHECK: pass check-kernels: the program cannot run:
// CHECK-NEXT: tile.compute (conv), core 1: graph.conv: result type is tensor<1x4x8x5xf16>, but operands and properties give tensor<1x3x8x5xf16>
builtin.module attributes {aic.cores = 2 : i64} {
  func.func @main() {
    %x = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 0 to 2>} : memref<1x6x10x2xf16, "vtcm">
    %w = tile.alloc {window = #tile.box<[2] : 0 to 3, 0 to 3, 0 to 2, 0 to 5>} : memref<3x3x2x5xf16, "vtcm">
    %y = tile.alloc {window = #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 5>} : memref<1x4x8x5xf16, "vtcm">
    tile.compute %x, %w, %y {kernel = "conv", engine = "hmx", boxes = [#tile.box<[2] : 0 to 1, 4 m0 - 1 to min(4 m0 + 5, 8), -1 to 9, 0 to 2>, #tile.box<[2] : 0 to 3, 0 to 3, 0 to 2, 0 to 5>, #tile.box<[2] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 5>], arguments = {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}} loc("conv")
    func.return
  }
}

// -----

// Arguments: a stride of 0, an axis that is not there, one that the kernel does not have, and none at all.
// CHECK: pass check-kernels: the program cannot run:
// CHECK-NEXT: tile.compute (stride), core 0: graph.max_pool: window, strides and dilations are at least 1
// CHECK-NEXT: tile.compute (axis), core 0: graph.softmax: axes [-1] are not dimensions of tensor<1x8x8x2xf16>
// CHECK-NEXT: tile.compute (alpha), core 0: {{.*}}alpha
// CHECK-NEXT: tile.compute (none), core 0: {{.*}}axis
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>} : memref<1x8x8x2xf16, "vtcm">
    %y = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>} : memref<1x8x8x2xf16, "vtcm">
    tile.compute %x, %y {kernel = "max_pool", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>, #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>], arguments = {dilations = array<i64: 1, 1>, kernel_shape = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 0, 1>}} loc("stride")
    tile.compute %x, %y {kernel = "softmax", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>, #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>], arguments = {axis = -5 : i64}} loc("axis")
    tile.compute %x, %y {kernel = "relu", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>, #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>], arguments = {alpha = 1.0 : f64}} loc("alpha")
    tile.compute %x, %y {kernel = "softmax", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>, #tile.box<[1] : 0 to 1, 0 to 8, 0 to 8, 0 to 2>], arguments = {}} loc("none")
    func.return
  }
}

// -----

// Chunks of a sum, in the last of which one operand has another type.
// CHECK: pass check-kernels: the program cannot run:
// CHECK-NEXT: tile.compute (sum), core 0, iteration [0]: graph.add: operands have element types f16 and f32
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.alloc {window = #tile.box<[1] : 0 to 8>} : memref<8xf16, "vtcm">
    %y = tile.alloc {window = #tile.box<[1] : 0 to 8>} : memref<8xf32, "vtcm">
    tile.for 4 {
      tile.compute %x, %y, %x {kernel = "add", engine = "hvx", boxes = [#tile.box<[1] : 2 i0 to 2 i0 + 2>, #tile.box<[1] : 2 i0 to 2 i0 + 2>, #tile.box<[1] : 2 i0 to 2 i0 + 2>], arguments = {}} loc("sum")
    }
    func.return
  }
}

// -----

// A recurrence of a million steps, for every iteration of a loop: more than is run.
// CHECK: pass check-kernels: the program cannot run:
// CHECK-NEXT: its kernels take 102400000 NumPy calls on 104857600000000 elements, at most 8388608 on 4398046511104 are made
builtin.module attributes {aic.cores = 1 : i64} {
  func.func @main() {
    %g = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 1024000, 0 to 1, 0 to 1>} : memref<1x1024000x1x1xf16, "vtcm">
    %w = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1>} : memref<1x1x1xf16, "vtcm">
    %s = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1, 0 to 1, 0 to 1>} : memref<1x1x1x1x1xf16, "vtcm">
    %y = tile.alloc {window = #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1024000, 0 to 1, 0 to 1>} : memref<1x1x1024000x1x1xf16, "vtcm">
    tile.for 100 {
      tile.compute %g, %w, %w, %s, %s, %y {kernel = "rnn", engine = "hvx", boxes = [#tile.box<[1] : 0 to 1, 0 to 1024000, 0 to 1, 0 to 1>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1, 0 to 1, 0 to 1>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1, 0 to 1, 0 to 1>, #tile.box<[1] : 0 to 1, 0 to 1, 0 to 1024000, 0 to 1, 0 to 1>], arguments = {}} loc("rnn")
    }
    func.return
  }
}
