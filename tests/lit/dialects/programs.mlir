// RUN: aic-opt %s -p shard-tensors --verify-roundtrip | filecheck %s
// RUN: not aic-opt %s -p shard-tensors,shard-tensors 2>&1 | filecheck %s --check-prefix=TWICE

// A module of modules is compiled program by program. What a module does not say, the one around it says.
// CHECK: builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64}
// CHECK: builtin.module @first
// CHECK: graph.relu {{.*}} -> tensor<1x64x56x64xf16, #tile.sharding<vtcm [4] :
// CHECK: builtin.module @second attributes {aic.cores = 1 : i64}
// CHECK: graph.relu {{.*}} -> tensor<1x64x56x64xf16, #tile.sharding<vtcm [1] :

// TWICE: pass shard-tensors: shard-tensors: in first: the module is already sharded
builtin.module @net attributes {aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  builtin.module @first {
    func.func @main(%x: tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> {
      %0 = graph.relu %x : (tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> loc("relu")
      func.return %0 : tensor<1x64x56x64xf16>
    }
  }
  builtin.module @second attributes {aic.cores = 1 : i64} {
    func.func @main(%x: tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> {
      %0 = graph.relu %x : (tensor<1x64x56x64xf16>) -> tensor<1x64x56x64xf16> loc("relu")
      func.return %0 : tensor<1x64x56x64xf16>
    }
  }
}
