// RUN: aic-opt %s -p slice-tensors --split-input-file --verify-roundtrip | filecheck %s
// RUN: aic-opt %s -p slice-tensors,lower-uniform-types,shard-tensors,tile-operations,assign-addresses,insert-waits,check-bounds,check-initialized,check-races,check-signals --split-input-file | filecheck %s --check-prefix=SAFE
// RUN: aic-opt %s -p slice-tensors --split-input-file 2>&1 | filecheck %s --check-prefix=WARN

// Two layers of a perceptron: the first by its columns, with bias and GELU, the second by what it sums over, its bias
// added once. Both devices need the sum, which is sent around; only the first needs the last one.
// CHECK: builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 16 : i64, aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]}
// CHECK-NEXT: builtin.module @device_slice00 attributes {aic.device = 0 : i64, aic.cores = 16 : i64}
// CHECK-NEXT: func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"} {{.*}}) -> (tensor<8x1024xf16> {aic.name = "y"})
// CHECK: %[[UP:.*]] = graph.matmul %x, %w, %b {activation = "gelu"} : (tensor<8x1024xf16>, tensor<1024x2048xf16>, tensor<2048xf16>) -> tensor<8x2048xf16> loc("up")
// CHECK: %[[P:.*]] = graph.matmul %[[UP]], %v, %c : (tensor<8x2048xf16>, tensor<2048x1024xf16>, tensor<1024xf16>) -> tensor<8x1024xf16> loc("down")
// CHECK-NEXT: graph.send %[[P]] {channel = #aic.channel<0, "p2p", "device_slice01">} : tensor<8x1024xf16> loc("down")
// CHECK-NEXT: %[[Q:.*]] = graph.receive {channel = #aic.channel<1, "p2p", "device_slice01">} : tensor<8x1024xf16> loc("down")
// CHECK-NEXT: %[[SUM:.*]] = graph.add %[[P]], %[[Q]]
// CHECK-NEXT: graph.add %x, %[[SUM]] {{.*}} loc("residual")
// CHECK: %[[P:.*]] = graph.matmul {{.*}} loc("down 2")
// CHECK-NEXT: %[[Q:.*]] = graph.receive {channel = #aic.channel<2, "p2p", "device_slice01">}
// CHECK-NEXT: %[[SUM:.*]] = graph.add %[[P]], %[[Q]]
// CHECK-NEXT: func.return %[[SUM]]
// CHECK: builtin.module @device_slice01 attributes {aic.device = 2 : i64, aic.cores = 8 : i64}
// CHECK-NEXT: func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}{{[^>]*}}) {
// CHECK: %[[P:.*]] = graph.matmul %{{.*}}, %v : (tensor<8x2048xf16>, tensor<2048x1024xf16>) -> tensor<8x1024xf16> loc("down")
// CHECK-NEXT: graph.send %[[P]] {channel = #aic.channel<1, "p2p", "device_slice00">}
// CHECK-NEXT: %[[Q:.*]] = graph.receive {channel = #aic.channel<0, "p2p", "device_slice00">}
// CHECK-NEXT: graph.add %[[Q]], %[[P]]
// CHECK: graph.send {{.*}} {channel = #aic.channel<2, "p2p", "device_slice00">}
// CHECK-NEXT: func.return loc

// SAFE: builtin.module @device_slice00
// SAFE: tile.send
// SAFE: tile.receive
builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 16 : i64, aic.slices = {devices = array<i64: 0, 2>, cores = array<i64: 16, 8>, link = "p2p"}} {
  func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}) -> (tensor<8x1024xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<1024x4096xf16>>
    %b = graph.constant #aic.dense<0.25 : tensor<4096xf16>>
    %v = graph.constant #aic.dense<0.125 : tensor<4096x1024xf16>>
    %c = graph.constant #aic.dense<1.0 : tensor<1024xf16>>
    %0 = graph.matmul %x, %w, %b {activation = "gelu"} : (tensor<8x1024xf16>, tensor<1024x4096xf16>, tensor<4096xf16>) -> tensor<8x4096xf16> loc("up")
    %1 = graph.matmul %0, %v, %c : (tensor<8x4096xf16>, tensor<4096x1024xf16>, tensor<1024xf16>) -> tensor<8x1024xf16> loc("down")
    %2 = graph.add %x, %1 : (tensor<8x1024xf16>, tensor<8x1024xf16>) -> tensor<8x1024xf16> loc("residual")
    %3 = graph.matmul %2, %w, %b {activation = "gelu"} : (tensor<8x1024xf16>, tensor<1024x4096xf16>, tensor<4096xf16>) -> tensor<8x4096xf16> loc("up 2")
    %4 = graph.matmul %3, %v, %c : (tensor<8x4096xf16>, tensor<4096x1024xf16>, tensor<1024xf16>) -> tensor<8x1024xf16> loc("down 2")
    func.return %4 : tensor<8x1024xf16>
  }
}

// -----

// Attention by heads, three of six on each device, with the one of keys and values that serves them; the projection
// behind it is summed over them.
// CHECK: builtin.module @device_slice01
// CHECK: %[[Q:.*]] = graph.matmul %x, %q : (tensor<1x8x768xf16>, tensor<768x384xf16>) -> tensor<1x8x384xf16> loc("queries")
// CHECK: %[[K:.*]] = graph.matmul %x, %k : (tensor<1x8x768xf16>, tensor<768x128xf16>) -> tensor<1x8x128xf16> loc("keys")
// CHECK: %[[V:.*]] = graph.matmul %x, %v : (tensor<1x8x768xf16>, tensor<768x128xf16>) -> tensor<1x8x128xf16> loc("values")
// CHECK-NEXT: %[[A:.*]] = graph.attention %[[Q]], %[[K]], %[[V]] {head_dim = 128 : i64, {{.*}} -> tensor<1x8x384xf16> loc("attention")
// CHECK: graph.matmul %[[A]], %o : (tensor<1x8x384xf16>, tensor<384x768xf16>) -> tensor<1x8x768xf16> loc("output")
// CHECK-NEXT: graph.send {{.*}} "host", "device_slice00"
// SAFE: builtin.module @device_slice01
builtin.module @heads attributes {aic.target = #aic.target<"pro", {ddr_bytes_per_second = 1.0e10 : f64}>, aic.cores = 4 : i64, aic.slices = {devices = array<i64: 0, 1>, link = "host"}} {
  func.func @main(%x: tensor<1x8x768xf16> {aic.name = "x"}) -> (tensor<1x8x768xf16> {aic.name = "y"}) {
    %q = graph.constant #aic.dense<0.5 : tensor<768x768xf16>>
    %k = graph.constant #aic.dense<0.5 : tensor<768x256xf16>>
    %v = graph.constant #aic.dense<0.5 : tensor<768x256xf16>>
    %o = graph.constant #aic.dense<0.5 : tensor<768x768xf16>>
    %0 = graph.matmul %x, %q : (tensor<1x8x768xf16>, tensor<768x768xf16>) -> tensor<1x8x768xf16> loc("queries")
    %1 = graph.matmul %x, %k : (tensor<1x8x768xf16>, tensor<768x256xf16>) -> tensor<1x8x256xf16> loc("keys")
    %2 = graph.matmul %x, %v : (tensor<1x8x768xf16>, tensor<768x256xf16>) -> tensor<1x8x256xf16> loc("values")
    %3 = graph.attention %0, %1, %2 {head_dim = 128 : i64, scale = 8.838800e-02 : f64} : (tensor<1x8x768xf16>, tensor<1x8x256xf16>, tensor<1x8x256xf16>) -> tensor<1x8x768xf16> loc("attention")
    %4 = graph.matmul %3, %o : (tensor<1x8x768xf16>, tensor<768x768xf16>) -> tensor<1x8x768xf16> loc("output")
    %5 = graph.add %4, %x : (tensor<1x8x768xf16>, tensor<1x8x768xf16>) -> tensor<1x8x768xf16> loc("residual")
    func.return %5 : tensor<1x8x768xf16>
  }
}

// -----

// Among four devices each adds up a part of a large sum, here some of the rows, and sends that to all others. Sends come
// first, to the next device before the one after it.
// CHECK: builtin.module @device_slice01
// CHECK: %[[P:.*]] = graph.matmul {{.*}} -> tensor<512x1024xf16> loc("down")
// CHECK-NEXT: %[[C:.*]] = graph.slice %[[P]] {starts = array<i64: 256, 0>, stops = array<i64: 384, 1024>, steps = array<i64: 1, 1>}
// CHECK-NEXT: graph.send %[[C]] {{.*}}"device_slice02"
// CHECK-NEXT: graph.slice
// CHECK-NEXT: graph.send {{.*}}"device_slice03"
// CHECK-NEXT: graph.slice
// CHECK-NEXT: graph.send {{.*}}"device_slice00"
// CHECK-NEXT: %[[B:.*]] = graph.slice %[[P]] {starts = array<i64: 128, 0>, stops = array<i64: 256, 1024>
// CHECK-NEXT: %[[A:.*]] = graph.receive {{.*}}"device_slice00">} : tensor<128x1024xf16>
// CHECK-NEXT: %[[D:.*]] = graph.receive {{.*}}"device_slice03">
// CHECK-NEXT: %[[C:.*]] = graph.receive {{.*}}"device_slice02">
// CHECK-NEXT: %[[S:.*]] = graph.add %[[A]], %[[B]]
// CHECK-NEXT: %[[T:.*]] = graph.add %[[S]], %[[C]]
// CHECK-NEXT: %[[U:.*]] = graph.add %[[T]], %[[D]]
// CHECK: graph.send
// CHECK: graph.concat {{.*}} {axis = 0 : i64} : (tensor<128x1024xf16>, tensor<128x1024xf16>, tensor<128x1024xf16>, tensor<128x1024xf16>) -> tensor<512x1024xf16>
// CHECK-NEXT: graph.matmul {{.*}} -> tensor<512x1024xf16> loc("up 2")
builtin.module @four attributes {aic.target = #aic.target<"pro", {ddr_bytes_per_second = 1.0e9 : f64}>, aic.cores = 16 : i64, aic.slices = {devices = array<i64: 0, 1, 2, 3>}} {
  func.func @main(%x: tensor<512x1024xf16> {aic.name = "x"}) -> (tensor<512x1024xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<1024x4096xf16>>
    %v = graph.constant #aic.dense<0.125 : tensor<4096x1024xf16>>
    %0 = graph.matmul %x, %w : (tensor<512x1024xf16>, tensor<1024x4096xf16>) -> tensor<512x4096xf16> loc("up")
    %1 = graph.matmul %0, %v : (tensor<512x4096xf16>, tensor<4096x1024xf16>) -> tensor<512x1024xf16> loc("down")
    %3 = graph.matmul %1, %w {activation = "gelu"} : (tensor<512x1024xf16>, tensor<1024x4096xf16>) -> tensor<512x4096xf16> loc("up 2")
    %4 = graph.matmul %3, %v : (tensor<512x4096xf16>, tensor<4096x1024xf16>) -> tensor<512x1024xf16> loc("down 2")
    func.return %4 : tensor<512x1024xf16>
  }
}

// -----

// Integers are not added up in part: their sums are rescaled. Columns go with those of the table and with their scales.
// CHECK: builtin.module @device_slice01
// CHECK: graph.constant #aic.dense<1 : tensor<512x256x!quantized.uniform<i8, axis 1, #aic.dense<0.5 : tensor<256xf32>>, #aic.dense<0 : tensor<256xi32>>>>>
// CHECK-NEXT: graph.constant #aic.dense<1 : tensor<4x256xi32>>
// CHECK-NEXT: %[[Y:.*]] = quantized.matmul %x, {{.*}} -> tensor<8x256x!quantized.uniform<i8, 0.25 : 0>> loc("first")
// CHECK-NEXT: graph.send %[[Y]]
// CHECK-NEXT: %[[X:.*]] = graph.receive
// CHECK-NEXT: %[[Z:.*]] = graph.concat %[[X]], %[[Y]] {axis = 1 : i64}
// CHECK-NEXT: quantized.matmul %[[Z]], {{.*}} -> tensor<8x256x!quantized.uniform<i8, 0.25 : 0>> loc("second")
!x = tensor<8x512x!quantized.uniform<i8, 0.25 : 0>>
!w = tensor<512x512x!quantized.uniform<i8, axis 1, #aic.dense<0.5 : tensor<512xf32>>, #aic.dense<0 : tensor<512xi32>>>>
builtin.module @integers attributes {aic.target = #aic.target<"pro", {ddr_bytes_per_second = 1.0e9 : f64}>, aic.cores = 4 : i64, aic.slices = {devices = array<i64: 0, 1>}} {
  func.func @main(%x: !x {aic.name = "x"}) -> (!x {aic.name = "y"}) {
    %w = graph.constant #aic.dense<1 : !w>
    %t = graph.constant #aic.dense<1 : tensor<4x512xi32>>
    %0 = quantized.matmul %x, %w, %t {input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, to = !quantized.uniform<i8, 0.25 : 0>} : (!x, !w, tensor<4x512xi32>) -> !x loc("first")
    %1 = quantized.matmul %0, %w, %t {input_offset = 0 : i64, limits = array<i64: -128, 127>, output_offset = 0 : i64, to = !quantized.uniform<i8, 0.25 : 0>} : (!x, !w, tensor<4x512xi32>) -> !x loc("second")
    func.return %1 : !x
  }
}

// -----

// A convolution by rows: each device pads where the image ends, and has the rows of its neighbour that its windows reach.
// CHECK: builtin.module @device_slice00
// CHECK: graph.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 17, 32, 256>
// CHECK: graph.conv {{.*}}pads = array<i64: 1, 1, 0, 1>, {{.*}} -> tensor<1x16x32x256xf16> loc("first")
// CHECK-NEXT: %[[S:.*]] = graph.slice %{{.*}} {starts = array<i64: 0, 15, 0, 0>, stops = array<i64: 1, 16, 32, 256>
// CHECK-NEXT: graph.send %[[S]]
// CHECK-NEXT: %[[H:.*]] = graph.receive {{.*}} : tensor<1x1x32x256xf16>
// CHECK-NEXT: graph.concat %{{.*}}, %[[H]] {axis = 1 : i64} : (tensor<1x16x32x256xf16>, tensor<1x1x32x256xf16>) -> tensor<1x17x32x256xf16>
// CHECK: graph.conv {{.*}}pads = array<i64: 1, 1, 0, 1>, {{.*}} -> tensor<1x16x32x256xf16> loc("second")
// CHECK: builtin.module @device_slice01
// CHECK: graph.conv {{.*}}pads = array<i64: 0, 1, 1, 1>, {{.*}} -> tensor<1x16x32x256xf16> loc("second")
builtin.module @rows attributes {aic.target = #aic.target<"pro", {pcie_latency_seconds = 0.0 : f64}>, aic.cores = 1 : i64, aic.slices = {devices = array<i64: 0, 1>}} {
  func.func @main(%x: tensor<1x32x32x256xf16> {aic.name = "x"}) -> (tensor<1x32x32x256xf16> {aic.name = "y"}) {
    %w = graph.constant #aic.dense<0.5 : tensor<3x3x256x256xf16>>
    %0 = graph.conv %x, %w {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x32x32x256xf16>, tensor<3x3x256x256xf16>) -> tensor<1x32x32x256xf16> loc("first")
    %1 = graph.conv %0, %w {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x32x32x256xf16>, tensor<3x3x256x256xf16>) -> tensor<1x32x32x256xf16> loc("second")
    func.return %1 : tensor<1x32x32x256xf16>
  }
}

// -----

// A part of a network: its first device gets what comes and passes it on, and sends what leaves.
// CHECK: builtin.module @first {
// CHECK: graph.send %{{.*}} {channel = #aic.channel<0, "p2p", "middle_slice00">}
// CHECK: builtin.module @middle attributes {aic.holds = "partitions", aic.inputs = [], aic.outputs = []} {
// CHECK-NEXT: builtin.module @middle_slice00 attributes {aic.device = 1 : i64, aic.cores = 4 : i64}
// CHECK: %[[X:.*]] = graph.receive {channel = #aic.channel<0, "p2p", "first">}
// CHECK-NEXT: graph.send %[[X]] {channel = #aic.channel<2, "p2p", "middle_slice01">}
// CHECK: graph.receive {channel = #aic.channel<3, "p2p", "middle_slice01">}
// CHECK: graph.send %{{.*}} {channel = #aic.channel<1, "p2p", "last">}
// CHECK: builtin.module @middle_slice01 attributes {aic.device = 2 : i64, aic.cores = 4 : i64}
// CHECK-NEXT: func.func @main() {
// CHECK-NEXT: graph.receive {channel = #aic.channel<2, "p2p", "middle_slice00">}
// CHECK: graph.send %{{.*}} {channel = #aic.channel<3, "p2p", "middle_slice00">}
// CHECK: builtin.module @last {
// CHECK: graph.receive {channel = #aic.channel<1, "p2p", "middle_slice00">}
builtin.module @mixed attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64, aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]} {
  builtin.module @first {
    func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}) {
      %0 = graph.relu %x : (tensor<8x1024xf16>) -> tensor<8x1024xf16>
      graph.send %0 {channel = #aic.channel<0, "p2p", "middle">} : tensor<8x1024xf16>
      func.return
    }
  }
  builtin.module @middle attributes {aic.slices = {devices = array<i64: 1, 2>}} {
    func.func @main() {
      %0 = graph.receive {channel = #aic.channel<0, "p2p", "first">} : tensor<8x1024xf16>
      %w = graph.constant #aic.dense<0.5 : tensor<1024x4096xf16>>
      %1 = graph.matmul %0, %w {activation = "relu"} : (tensor<8x1024xf16>, tensor<1024x4096xf16>) -> tensor<8x4096xf16>
      %v = graph.constant #aic.dense<0.125 : tensor<4096x1024xf16>>
      %2 = graph.matmul %1, %v : (tensor<8x4096xf16>, tensor<4096x1024xf16>) -> tensor<8x1024xf16>
      graph.send %2 {channel = #aic.channel<1, "p2p", "last">} : tensor<8x1024xf16>
      func.return
    }
  }
  builtin.module @last {
    func.func @main() -> (tensor<8x1024xf16> {aic.name = "y"}) {
      %0 = graph.receive {channel = #aic.channel<1, "p2p", "middle">} : tensor<8x1024xf16>
      %1 = graph.relu %0 : (tensor<8x1024xf16>) -> tensor<8x1024xf16>
      func.return %1 : tensor<8x1024xf16>
    }
  }
}

// -----

// What cannot be sliced, or would only take longer, the first device does alone.
// CHECK: builtin.module @device_slice00
// CHECK-NEXT: func.func @main(%x: tensor<4096xf16> {{.*}}%unused: tensor<4xf16>
// CHECK-NEXT: graph.softmax
// CHECK: builtin.module @device_slice01
// CHECK-NEXT: func.func @main() {
// CHECK-NEXT: func.return loc
// SAFE: builtin.module @alone
// WARN: aic.slices: 2 devices would be slower than one; device 0 does it all
builtin.module @alone attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64, aic.slices = {devices = array<i64: 0, 1>}} {
  func.func @main(%x: tensor<4096xf16> {aic.name = "x"}, %unused: tensor<4xf16> {aic.name = "unused"}) -> (tensor<4096xf16> {aic.name = "y"}) {
    %0 = graph.softmax %x {axis = 0 : i64} : (tensor<4096xf16>) -> tensor<4096xf16>
    func.return %0 : tensor<4096xf16>
  }
}

// -----

// Nothing is asked for, nothing happens.
// CHECK: builtin.module @whole
// CHECK-NOT: builtin.module
// CHECK: func.func @main
builtin.module @whole attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%x: tensor<64x512xf16>) -> tensor<64x512xf16> {
    %0 = graph.relu %x : (tensor<64x512xf16>) -> tensor<64x512xf16>
    func.return %0 : tensor<64x512xf16>
  }
}
