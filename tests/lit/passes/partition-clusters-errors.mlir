// RUN: aic-opt %s -p partition-clusters --split-input-file --verify-diagnostics | filecheck %s

// A module that holds others says nothing of how they are to be divided; a module in it may be such a one, too.
// CHECK: aic.clusters: the module holds specializations, and no program that could be divided
builtin.module attributes {aic.holds = "specializations", aic.cores = 2 : i64, aic.clusters = {sizes = array<i64: 1, 1>}} {
  builtin.module @spec0 {
    func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
      func.return %x : tensor<8xf16>
    }
  }
}

// -----

// CHECK: in spec0: aic.clusters: the module holds partitions, and no program that could be divided
builtin.module attributes {aic.holds = "specializations", aic.cores = 2 : i64} {
  builtin.module @spec0 attributes {aic.holds = "partitions", aic.clusters = {sizes = array<i64: 1, 1>}} {
    builtin.module @cluster0 {
      func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
        func.return %x : tensor<8xf16>
      }
    }
  }
}
