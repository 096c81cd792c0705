// RUN: AIC_ROUNDTRIP
// RUN: AIC_GENERIC

// Sharded tensors: rows over 8 cores with a halo, columns whole but padded, channels over 2.
// CHECK-LABEL: @reshard(%x: tensor<1x56x56x64xf16, #tile.sharding<ddr>>
// CHECK-NEXT: %0 = tile.reshard %x {fill = 0.000000e+00 : f64} : tensor<1x56x56x64xf16, #tile.sharding<ddr>> to tensor<1x56x56x64xf16, #tile.sharding<vtcm [8, 2] : *, 0 by 7 halo 1 1, * halo 1 2, 1 by 32>> loc("x")
// CHECK-NEXT: %1 = tile.reshard %0 : {{.*}} to tensor<1x56x56x64xf16, #tile.sharding<vtcm [16] : *, *, *, 0 by 4 halo 0 -1>> loc("conv"("y":0:0))
// GENERIC-LABEL: sym_name = "reshard"
// GENERIC: "tile.reshard"(%x) <{fill = 0.000000e+00 : f64}> : ({{.*}}) -> tensor<1x56x56x64xf16, #tile.sharding<vtcm [8, 2] : *, 0 by 7 halo 1 1, * halo 1 2, 1 by 32>> loc("x")
func.func @reshard(%x: tensor<1x56x56x64xf16, #tile.sharding<ddr>>) -> tensor<1x56x56x64xf16, #tile.sharding<vtcm [16] : *, *, *, 0 by 4 halo 0 -1>> {
  %0 = tile.reshard %x {fill = 0.0 : f64} : tensor<1x56x56x64xf16, #tile.sharding<ddr>> to tensor<1x56x56x64xf16, #tile.sharding<vtcm [8, 2] : *, 0 by 7 halo 1 1, * halo 1 2, 1 by 32>> loc("x")
  %1 = tile.reshard %0 : tensor<1x56x56x64xf16, #tile.sharding<vtcm [8, 2] : *, 0 by 7 halo 1 1, * halo 1 2, 1 by 32>> to tensor<1x56x56x64xf16, #tile.sharding<vtcm [16] : *, *, *, 0 by 4 halo 0 -1>> loc("conv"("y":0:0))
  func.return %1 : tensor<1x56x56x64xf16, #tile.sharding<vtcm [16] : *, *, *, 0 by 4 halo 0 -1>>
}

// -----

// A scalar has no dimension to split, but a home.
// CHECK-LABEL: @scalar
// CHECK: tensor<f32, #tile.sharding<vtcm [4] : >>
func.func @scalar(%x: tensor<f32, #tile.sharding<ddr>>) -> tensor<f32, #tile.sharding<vtcm [4] : >> {
  %0 = tile.reshard %x : tensor<f32, #tile.sharding<ddr>> to tensor<f32, #tile.sharding<vtcm [4] : >>
  func.return %0 : tensor<f32, #tile.sharding<vtcm [4] : >>
}

// -----

// The graph's own ops carry shardings in their types.
// CHECK-LABEL: @relu
// CHECK-NEXT: graph.relu %x : (tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>) -> tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>
func.func @relu(%x: tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>) -> tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>> {
  %0 = graph.relu %x : (tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>) -> tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>
  func.return %0 : tensor<8x4xf32, #tile.sharding<vtcm [4] : 0 by 2, *>>
}
