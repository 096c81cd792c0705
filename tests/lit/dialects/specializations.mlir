// RUN: aic-opt %s -p set-tuning{mos=2} --verify-roundtrip | filecheck %s
// RUN: aic-opt %s -p lower-uniform-types,shard-tensors,tile-operations | filecheck %s --check-prefix=TILE
// RUN: not aic-opt %s -p shard-tensors,shard-tensors 2>&1 | filecheck %s --check-prefix=TWICE

// Programs of which one runs. What tunes them all is said once; what one has of its own stands before it.
// CHECK: builtin.module @net attributes {aic.holds = "specializations", {{.*}}aic.tuning = {ols = 1 : i64}}
// CHECK-NEXT: builtin.module @spec0 attributes {aic.symbols = {batch = 1 : i64}, aic.tuning = {mos = 2 : i64, ols = 1 : i64}}
// CHECK: builtin.module @spec1 attributes {aic.symbols = {batch = 2 : i64}, aic.tuning = {mos = 2 : i64, ols = 4 : i64}}

// TILE: builtin.module @spec0
// TILE-NOT: tile.for
// TILE: builtin.module @spec1
// TILE: tile.for 2 {
// TILE: tile.for 2 {

// TWICE: pass shard-tensors: shard-tensors: in spec0 (batch=1): the module is already sharded
builtin.module @net attributes {aic.holds = "specializations", aic.target = #aic.target<"pro">, aic.tuning = {ols = 1 : i64}} {
  builtin.module @spec0 attributes {aic.symbols = {batch = 1 : i64}} {
    func.func @main(%x: tensor<1x256x56x64xf16>) -> tensor<1x256x56x64xf16> {
      %0 = graph.relu %x : (tensor<1x256x56x64xf16>) -> tensor<1x256x56x64xf16> loc("relu")
      func.return %0 : tensor<1x256x56x64xf16>
    }
  }
  builtin.module @spec1 attributes {aic.symbols = {batch = 2 : i64}, aic.tuning = {ols = 4 : i64}} {
    func.func @main(%x: tensor<2x256x56x64xf16>) -> tensor<2x256x56x64xf16> {
      %0 = graph.relu %x : (tensor<2x256x56x64xf16>) -> tensor<2x256x56x64xf16> loc("relu")
      func.return %0 : tensor<2x256x56x64xf16>
    }
  }
}
