// RUN: AIC_DIAGNOSTICS

// CHECK: aic.channel: link 'wire' is none of ddr, p2p, host
func.func @link() {
  %0 = graph.receive {channel = #aic.channel<0, "wire", "other">} : tensor<4xf16>
  func.return
}

// -----

// CHECK: tile.tensor: what is sent or received, and nothing else, has a channel
func.func @channel() {
  %0 = tile.tensor {role = "receive"} : memref<4xf16, "ddr">
  func.return
}

// -----

// CHECK: tile.receive: the tensor of channel #aic.channel<0, "p2p", "other"> is there to send
func.func @direction() {
  %0 = tile.tensor {role = "send", channel = #aic.channel<0, "p2p", "other">} : memref<4xf16, "ddr">
  tile.receive %0 {box = #tile.box<[1] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.send: memref<8xf16, "ddr"> is sent as memref<4xf16, "ddr">
func.func @kind() {
  %0 = tile.tensor {role = "send", channel = #aic.channel<0, "p2p", "other">} : memref<4xf16, "ddr">
  %1 = tile.tensor {role = "scratch"} : memref<8xf16, "ddr">
  tile.send %1, %0 {box = #tile.box<[1] : 0 to 4>}
  func.return
}

// -----

// CHECK: tile.send: its last operand is no end of a channel
func.func @end() {
  %0 = tile.tensor {role = "scratch"} : memref<4xf16, "ddr">
  tile.send %0, %0 {box = #tile.box<[1] : 0 to 4>}
  func.return
}
