// RUN: AIC_DIAGNOSTICS

// CHECK: changes more than the sharding
func.func @f(%x: tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>) {
  %0 = tile.reshard %x : tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>> to tensor<4x2xf32, #tile.sharding<vtcm [4] : *, *>>
  func.return
}

// -----

// CHECK: input tensor<8xf32> has no sharding
func.func @f(%x: tensor<8xf32>) {
  %0 = tile.reshard %x : tensor<8xf32> to tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>
  func.return
}

// -----

// CHECK: result tensor<8xf32> has no sharding
func.func @f(%x: tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>) {
  %0 = tile.reshard %x : tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>> to tensor<8xf32>
  func.return
}

// -----

// CHECK: 2 splits for 1 dimensions
func.func @f(%x: tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>) {
  %0 = tile.reshard %x : tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>> to tensor<8xf32, #tile.sharding<vtcm [4] : *, *>>
  func.return
}

// -----

// CHECK: two dimensions on one mesh axis
func.func @f(%x: tensor<8x8xf32, #tile.sharding<ddr>>) {
  %0 = tile.reshard %x : tensor<8x8xf32, #tile.sharding<ddr>> to tensor<8x8xf32, #tile.sharding<vtcm [4] : 0 by 2, 0 by 2>>
  func.return
}

// -----

// CHECK: dimension 0 lies on axis 1 of a mesh with 1
func.func @f(%x: tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>) {
  %0 = tile.reshard %x : tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>> to tensor<8xf32, #tile.sharding<vtcm [4] : 1 by 2>>
  func.return
}

// -----

// CHECK: dimension 0: 4 blocks of 1 do not cover 8
func.func @f(%x: tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>>) {
  %0 = tile.reshard %x : tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 2>> to tensor<8xf32, #tile.sharding<vtcm [4] : 0 by 1>>
  func.return
}

// -----

// CHECK: role 'weights' is none of input, output, constant, scratch
func.func @f() {
  %x = tile.tensor {role = "weights"} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: tile.tensor: only scratch has an address, and none below 0
func.func @f() {
  %x = tile.tensor {role = "output", label = "y", address = 0 : i64} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: tile.tensor: memref<8xf32, "vtcm"> does not lie in DDR
func.func @f() {
  %x = tile.tensor {role = "scratch"} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: neither "vtcm" nor "ddr"
func.func @f() {
  %x = tile.tensor {role = "scratch"} : memref<8xf32, "l2">
  func.return
}

// -----

// CHECK: a constant, and nothing else, has a value
func.func @f() {
  %x = tile.tensor {role = "constant"} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: inputs and outputs, and nothing else, have a label
func.func @f() {
  %x = tile.tensor {role = "input"} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: value of type tensor<4xf32> in memref<8xf32, "ddr">
func.func @f() {
  %x = tile.tensor {role = "constant", value = #aic.dense<0.0 : tensor<4xf32>>} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: tile.alloc: memref<8xf32, "ddr"> does not lie in VTCM
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 0 to 8>} : memref<8xf32, "ddr">
  func.return
}

// -----

// CHECK: window of 2 dimensions for memref<8xf32, "vtcm">
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 0 to 8, 0 to 1>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: a lower bound of the window is not a single form
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : max(m0, 0) to 8>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: tile.alloc: depth 0
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 0 to 8>, depth = 0 : i64} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: tile.for: 0 iterations
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.for 0 {
    tile.fill %a {shape = array<i64: 8, 4>, value = 0.0 : f64}
  }
  func.return
}

// -----

// CHECK: tile.load: moves from vtcm to ddr; it must be ddr to vtcm
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.load %a, %x {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: tile.store: moves from ddr to vtcm; it must be vtcm to ddr
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.store %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: tile.exchange: moves from ddr to vtcm; it must be vtcm to vtcm
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.exchange %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: tile.load: box of 1 dimensions for memref<8x4xf16, "ddr">
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.load %x, %a {box = #tile.box<[2] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.load: 1 offsets for 2 dimensions
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, offsets = array<i64: 1>}
  func.return
}

// -----

// CHECK: changes the element type
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf32, "vtcm">
  tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: receivers along mesh axis 0, but the box
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.multicast %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, axes = array<i64: 0>}
  func.return
}

// -----

// CHECK: receivers along mesh axis 1, but the box
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.multicast %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, axes = array<i64: 1>}
  func.return
}

// -----

// CHECK: own and needed box differ in rank
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.exchange %a, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, own = #tile.box<[2] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.fill: memref<8x4xf16, "ddr"> does not lie in VTCM
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  tile.fill %x {shape = array<i64: 8, 4>, value = 0.0 : f64}
  func.return
}

// -----

// CHECK: tile.fill: shape of 1 dimensions for memref<4x4xf16, "vtcm">
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.fill %a {shape = array<i64: 8>, value = 0.0 : f64}
  func.return
}

// -----

// CHECK: tile.compute: unknown kernel 'rely'
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.compute %a, %a {kernel = "rely", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}}
  func.return
}

// -----

// CHECK: tile.compute: engine 'dma' is neither "hmx" nor "hvx"
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.compute %a, %a {kernel = "relu", engine = "dma", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}}
  func.return
}

// -----

// CHECK: tile.compute: 1 boxes for 2 buffers
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}}
  func.return
}

// -----

// CHECK: tile.compute: box of 1 dimensions for memref<4x4xf16, "vtcm">
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.compute %a, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, #tile.box<[2] : 0 to 4>], arguments = {}}
  func.return
}

// -----

// CHECK: tile.compute: writes memref<8x4xf16, "ddr">, which does not lie in VTCM
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.compute %a, %x {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>], arguments = {}}
  func.return
}

// -----

// CHECK: operand is not defined before its use
func.func @f() {
  tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: expected a linear form or min(..)
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 0 to max(1, 2)>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: expected a term such as 7 m0
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : 0 to 1 + x>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: expected `*` or `<mesh axis> by <block>`
func.func @f(%x: tensor<8x8xf32, #tile.sharding<vtcm [4] : *, by 2>>) {
  func.return
}

// -----

// CHECK: tile.box<[2] : m1 to 8>: a coordinate that its mesh does not have
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2] : m1 to 8>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: tile.box<[2, 0] : 0 to 8>: a mesh axis without cores
func.func @f() {
  %a = tile.alloc {window = #tile.box<[2, 0] : 0 to 8>} : memref<8xf32, "vtcm">
  func.return
}

// -----

// CHECK: tile.waits: 3 at m0 + 1: a count is the same on all cores, it names no coordinate
func.func @f(%a: memref<4xf16, "ddr">, %b: memref<4xf16, "vtcm">) {
  tile.load %a, %b {box = #tile.box<[1] : 0 to 4>, waits = #tile.waits<3 at m0 + 1>}
  func.return
}

// -----

// CHECK: tile.waits: -1 at 1: signals are numbered from 0
func.func @f(%a: memref<4xf16, "ddr">, %b: memref<4xf16, "vtcm">) {
  tile.load %a, %b {box = #tile.box<[1] : 0 to 4>, waits = #tile.waits<-1 at 1>}
  func.return
}

// -----

// CHECK: tile.load: signal -2; signals are numbered from 0
func.func @f(%a: memref<4xf16, "ddr">, %b: memref<4xf16, "vtcm">) {
  tile.load %a, %b {box = #tile.box<[1] : 0 to 4>, signal = -2 : i64}
  func.return
}

// -----

// CHECK: tile.load: waits #tile.waits<0 at i0, 1 at i1 + 1> name i1, but 1 loops are around it
func.func @f(%a: memref<4xf16, "ddr">, %b: memref<4xf16, "vtcm">) {
  tile.for 2 {
    tile.load %a, %b {box = #tile.box<[1] : 0 to 4>, waits = #tile.waits<0 at i0, 1 at i1 + 1>}
  }
  func.return
}

// -----

// CHECK: tile.store: the tensor is input; only outputs, scratch and what is sent are written
func.func @f() {
  %x = tile.tensor {role = "input", label = "x"} : memref<8x4xf16, "ddr">
  %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>} : memref<4x4xf16, "vtcm">
  tile.store %a, %x {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>}
  func.return
}

// -----

// CHECK: tile.store: queue 'dma' is neither "hmx" nor "hvx"
func.func @f(%a: memref<4xf16, "vtcm">, %b: memref<4xf16, "ddr">) {
  tile.store %a, %b {box = #tile.box<[1] : 0 to 4>, queue = "dma"}
  func.return
}
