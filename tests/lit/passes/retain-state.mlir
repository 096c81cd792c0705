// RUN: aic-opt %s --split-input-file --verify-diagnostics -p retain-state --verify-roundtrip | filecheck %s

// CHECK: builtin.module attributes {aic.retained = ["past"]}
// CHECK-NEXT: func.func @main(%x: tensor<2xf32> {aic.name = "x"} {{.*}}, %past: tensor<2xf32> {aic.name = "past"}
builtin.module {
  func.func @main(%x: tensor<2xf32> {aic.name = "x"}, %past: tensor<2xf32> {aic.name = "past"}) -> (tensor<2xf32> {aic.name = "past_RetainedState"}, tensor<2xf32> {aic.name = "y"}) {
    %0 = graph.add %x, %past : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("sum")
    func.return %0, %x : tensor<2xf32>, tensor<2xf32>
  }
}

// -----

// Of several specializations each says it for itself.
// CHECK: builtin.module @prefill attributes {aic.retained = ["past"]}
// CHECK: builtin.module @decode attributes {aic.retained = ["past"]}
builtin.module attributes {aic.holds = "specializations"} {
  builtin.module @prefill {
    func.func @main(%past: tensor<2xf32> {aic.name = "past"}, %x: tensor<8xf32> {aic.name = "x"}) -> (tensor<2xf32> {aic.name = "past_RetainedState"}, tensor<8xf32> {aic.name = "y"}) {
      func.return %past, %x : tensor<2xf32>, tensor<8xf32>
    }
  }
  builtin.module @decode {
    func.func @main(%past: tensor<2xf32> {aic.name = "past"}, %x: tensor<1xf32> {aic.name = "x"}) -> (tensor<2xf32> {aic.name = "past_RetainedState"}, tensor<1xf32> {aic.name = "y"}) {
      func.return %past, %x : tensor<2xf32>, tensor<1xf32>
    }
  }
}

// -----

// Another type, and no such input.
// CHECK: pass retain-state: retain-state: input 'past' is tensor<2xf32>, but output 'past_RetainedState', which is to become it, tensor<3xf32>; output 'pst_RetainedState' is for an input 'pst', which the network has not; did you mean 'past'?
builtin.module {
  func.func @main(%past: tensor<2xf32> {aic.name = "past"}, %x: tensor<3xf32> {aic.name = "x"}) -> (tensor<3xf32> {aic.name = "past_RetainedState"}, tensor<2xf32> {aic.name = "pst_RetainedState"}, tensor<3xf32> {aic.name = "y"}) {
    func.return %x, %past, %x : tensor<3xf32>, tensor<2xf32>, tensor<3xf32>
  }
}

// -----

// CHECK: pass retain-state: retain-state: no output is named X_RetainedState; there are 'y'
builtin.module {
  func.func @main(%x: tensor<2xf32> {aic.name = "x"}) -> (tensor<2xf32> {aic.name = "y"}) {
    func.return %x : tensor<2xf32>
  }
}

// -----

// CHECK: pass retain-state: retain-state: all outputs stay on the card: the host would get none
builtin.module {
  func.func @main(%x: tensor<2xf32> {aic.name = "x"}) -> (tensor<2xf32> {aic.name = "x_RetainedState"}) {
    func.return %x : tensor<2xf32>
  }
}
