// RUN: aic-opt %s -p match-inputs --split-input-file --verify-diagnostics | filecheck %s

// On card 1 the first shape does not need the mask, and the second one does not need x: both programs there take both, in
// the order of the network, and the slice of state that they keep.
// CHECK: builtin.module @spec0
// CHECK: builtin.module @p
// CHECK: func.func @main(%x: tensor<8xf16> {aic.name = "x"}{{[^>]*}}, %mask: tensor<2xi1> {aic.name = "mask"}{{[^>]*}}) -> (tensor<8xf16> {aic.name = "y"})
// CHECK: builtin.module @q
// CHECK: func.func @main(%x: tensor<8xf16> {{.*}}%{{.*}}: tensor<2xi1> {aic.name = "mask"}{{[^>]*}}, %s: tensor<4xf16> {aic.name = "s"}
// CHECK: builtin.module @spec1
// CHECK: builtin.module @q
// CHECK: func.func @main(%{{.*}}: tensor<4xf16> {aic.name = "x"}{{[^>]*}}, %mask: tensor<1xi1> {aic.name = "mask"}{{[^>]*}}, %s: tensor<4xf16> {aic.name = "s"}
builtin.module @net attributes {aic.holds = "specializations"} {
  builtin.module @spec0 attributes {aic.holds = "partitions", aic.inputs = ["x", "mask", "s"], aic.outputs = ["y", "s_RetainedState"]} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<8xf16> {aic.name = "x"}, %mask: tensor<2xi1> {aic.name = "mask"}) -> (tensor<8xf16> {aic.name = "y"}) {
        func.return %x : tensor<8xf16>
      }
    }
    builtin.module @q attributes {aic.device = 1 : i64, aic.retained = ["s"]} {
      func.func @main(%x: tensor<8xf16> {aic.name = "x"}, %s: tensor<4xf16> {aic.name = "s"}) -> (tensor<4xf16> {aic.name = "s_RetainedState"}) {
        func.return %s : tensor<4xf16>
      }
    }
  }
  builtin.module @spec1 attributes {aic.holds = "partitions", aic.inputs = ["x", "mask", "s"], aic.outputs = ["y", "s_RetainedState"]} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<4xf16> {aic.name = "x"}) -> (tensor<4xf16> {aic.name = "y"}) {
        func.return %x : tensor<4xf16>
      }
    }
    builtin.module @q attributes {aic.device = 1 : i64, aic.retained = ["s"]} {
      func.func @main(%mask: tensor<1xi1> {aic.name = "mask"}, %s: tensor<4xf16> {aic.name = "s"}) -> (tensor<4xf16> {aic.name = "s_RetainedState"}) {
        func.return %s : tensor<4xf16>
      }
    }
  }
}

// -----

// Outputs must come from the same card.
// CHECK: pass match-inputs: spec1/p and spec0/p give nothing and y
builtin.module @net attributes {aic.holds = "specializations"} {
  builtin.module @spec0 attributes {aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<8xf16> {aic.name = "x"}) -> (tensor<8xf16> {aic.name = "y"}) {
        func.return %x : tensor<8xf16>
      }
    }
  }
  builtin.module @spec1 attributes {aic.holds = "partitions", aic.inputs = ["x"], aic.outputs = ["y"]} {
    builtin.module @p attributes {aic.device = 0 : i64} {
      func.func @main(%x: tensor<4xf16> {aic.name = "x"}) {
        func.return
      }
    }
  }
}
