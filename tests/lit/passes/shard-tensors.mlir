// RUN: aic-opt %s --split-input-file -p shard-tensors | filecheck %s
// RUN: not aic-opt %s --split-input-file -p shard-tensors,shard-tensors 2>&1 | filecheck %s --check-prefix=TWICE

// TWICE: shard-tensors: the module is already sharded

// Rows and columns over four cores; the halo comes from other cores, padding is filled; weights go to every core.
// CHECK-LABEL: func.func @main(%x: tensor<1x64x56x64xf16, #tile.sharding<ddr>>
// CHECK: %[[W:.*]] = graph.constant #aic.weight<"w" : tensor<3x3x64x64xf16>> : tensor<3x3x64x64xf16, #tile.sharding<ddr>> loc("w")
// CHECK: %[[R:.*]] = graph.relu %{{.*}} -> tensor<1x64x56x64xf16, #tile.sharding<vtcm [2, 2] : *, 0 by 32, 1 by 28, *>> loc("relu")
// CHECK: %[[H:.*]] = tile.reshard %[[R]] {fill = 0.000000e+00 : f64} : {{.*}} to tensor<1x64x56x64xf16, #tile.sharding<vtcm [2, 2] : *, 0 by 32 halo 1 1, 1 by 28 halo 1 1, *>> loc("conv")
// CHECK: %[[V:.*]] = tile.reshard %[[W]] : {{.*}} to tensor<3x3x64x64xf16, #tile.sharding<vtcm [2, 2] : *, *, *, *>> loc("conv")
// CHECK: %[[Y:.*]] = graph.conv %[[H]], %[[V]] {{.*}} loc("conv")
// CHECK: %[[D:.*]] = tile.reshard %[[Y]] : {{.*}} to tensor<1x64x56x64xf16, #tile.sharding<ddr>>
// CHECK: func.return %[[D]]
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%x: tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x64x64xf16>> loc("w")
    %0 = graph.relu %x : (tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> loc("relu")
    %1 = graph.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x64x56x64xf16>, tensor<3x3x64x64xf16>) -> tensor<1x64x56x64xf16> loc("conv")
    func.return %1 : tensor<1x64x56x64xf16>
  }
}

// -----

// One core holds everything; without padding nothing is filled, and a value held as needed is not moved.
// CHECK-LABEL: func.func @main
// CHECK-NOT: fill
// CHECK: %[[R:.*]] = graph.relu {{.*}} -> tensor<1x8x8x4xf16, #tile.sharding<vtcm [1] : *, *, *, *>>
// CHECK-NOT: tile.reshard %[[R]]
// CHECK: graph.conv %[[R]]
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1x8x8x4xf16>) -> tensor<1x6x6x4xf16> {
    %w = graph.constant #aic.weight<"w" : tensor<3x3x4x4xf16>>
    %0 = graph.relu %x : (tensor<1x8x8x4xf16>) -> tensor<1x8x8x4xf16>
    %1 = graph.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x8x8x4xf16>, tensor<3x3x4x4xf16>) -> tensor<1x6x6x4xf16>
    func.return %1 : tensor<1x6x6x4xf16>
  }
}

// -----

// A strided convolution without padding reads less than its block, and fills nothing.
// CHECK-LABEL: func.func @main
// CHECK-NOT: fill
// CHECK: tile.reshard {{.*}} halo 0 -1
// CHECK-NOT: fill
// CHECK: graph.conv
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%x: tensor<1x64x64x256xf16>) -> tensor<1x32x32x256xf16> {
    %w = graph.constant #aic.weight<"w" : tensor<1x1x256x256xf16>>
    %0 = graph.relu %x : (tensor<1x64x64x256xf16>) -> tensor<1x64x64x256xf16>
    %1 = graph.conv %0, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x64x64x256xf16>, tensor<1x1x256x256xf16>) -> tensor<1x32x32x256xf16>
    func.return %1 : tensor<1x32x32x256xf16>
  }
}

// -----

// The table of a gather stays in DDR.
// CHECK-LABEL: func.func @main
// CHECK: %[[T:.*]] = graph.constant #aic.weight<"t" : tensor<1000x64xf16>>
// CHECK: graph.gather %[[T]], %{{.*}} {axis = 0 : i64} : (tensor<1000x64xf16, #tile.sharding<ddr>>
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  func.func @main(%i: tensor<128xi64>) -> tensor<128x64xf16> {
    %t = graph.constant #aic.weight<"t" : tensor<1000x64xf16>>
    %0 = graph.gather %t, %i {axis = 0 : i64} : (tensor<1000x64xf16>, tensor<128xi64>) -> tensor<128x64xf16>
    func.return %0 : tensor<128x64xf16>
  }
}

// -----

// 8 MB on one core: the value lives in DDR between the op that makes it and the op that reads it.
// CHECK-LABEL: func.func @main
// CHECK: %[[R:.*]] = graph.relu
// CHECK-NEXT: %[[D:.*]] = tile.reshard %[[R]] : {{.*}} to tensor<1024x4096xf16, #tile.sharding<ddr>> loc("relu")
// CHECK-NEXT: %[[B:.*]] = tile.reshard %[[D]] : {{.*}} loc("exp")
// CHECK-NEXT: graph.exp %[[B]]
builtin.module attributes {aic.target = #aic.target<"pro">, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<1024x4096xf16>) -> tensor<1024x4096xf16> {
    %0 = graph.relu %x : (tensor<1024x4096xf16>) -> tensor<1024x4096xf16> loc("relu")
    %1 = graph.exp %0 : (tensor<1024x4096xf16>) -> tensor<1024x4096xf16> loc("exp")
    func.return %1 : tensor<1024x4096xf16>
  }
}
