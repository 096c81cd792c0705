// RUN: AIC_DIAGNOSTICS

// CHECK: aic.channel: link 'wire' is none of ddr, p2p, host
func.func @link() {
  %0 = graph.receive {channel = #aic.channel<0, "wire", "other">} : tensor<4xf16>
  func.return
}

// -----

// CHECK: tile.receive: its tensor has none of the roles receive
func.func @direction() {
  %0 = tile.tensor {role = "send"} : memref<4xf16, "ddr">
  tile.receive %0 {channel = #aic.channel<0, "p2p", "other">, box = #tile.box<[1] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.send: its tensor has none of the roles send, output
func.func @role() {
  %0 = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
  tile.send %0 {channel = #aic.channel<0, "p2p", "other">, box = #tile.box<[1] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.send: box of 2 dimensions for memref<4xf16, "ddr">
func.func @rank() {
  %0 = tile.tensor {role = "send"} : memref<4xf16, "ddr">
  tile.send %0 {channel = #aic.channel<0, "p2p", "other">, box = #tile.box<[1] : 0 to 4, 0 to 1>}
  func.return
}
