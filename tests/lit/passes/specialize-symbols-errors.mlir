// RUN: aic-opt %s -p specialize-symbols --split-input-file --verify-diagnostics | filecheck %s
// RUN: not aic-opt %S/specialize-symbols.mlir -p specialize-symbols --split-input-file --validate-passes 2>&1 | filecheck %s --check-prefix=NOTRUN

// NOTRUN: graph.model "bert.onnx": the network is not imported yet, nothing can run

// All that is wrong is told at once, and with which specializations.
// CHECK: pass specialize-symbols: aic.specializations:
// CHECK-NEXT: spec0 (btach=2): the model has no symbol 'btach'; did you mean 'batch'?; symbol 'batch' of input 'x', dimension 0, has no value
// CHECK-NEXT: spec1 (batch=0), spec3 (batch=0): symbol 'batch' is 0; sizes are positive
// CHECK-NEXT: spec2 (batch=1, seq=9): symbol 'seq' is 9, but 8 for all
// CHECK-NEXT: spec3 repeats spec1 (batch=0)
builtin.module attributes {aic.symbols = {seq = 8 : i64}, aic.specializations = [{symbols = {btach = 2 : i64}},
    {symbols = {batch = 0 : i64}}, {symbols = {batch = 1 : i64, seq = 9 : i64}}, {symbols = {batch = 0 : i64}}]} {
  func.func @main(%x: tensor<?x?xf32> {aic.name = "x", aic.dims = ["batch", "seq"]}) {
    graph.model "net.onnx"(%x) : tensor<?x?xf32>
    func.return
  }
}

// -----

// What is wrong with all of them names none.
// CHECK: aic.specializations: unknown size in input 'x', dimension 1, has no value
builtin.module attributes {aic.specializations = [{symbols = {batch = 1 : i64}}, {symbols = {batch = 2 : i64}}]} {
  func.func @main(%x: tensor<?x?xf32> {aic.name = "x", aic.dims = ["batch", ""]}) {
    graph.model "net.onnx"(%x) : tensor<?x?xf32>
    func.return
  }
}

// -----

// CHECK: pass specialize-symbols: symbol 'batch' of input 'x', dimension 0, has no value
builtin.module {
  func.func @main(%x: tensor<?xf32> {aic.name = "x", aic.dims = ["batch"]}) {
    graph.model "net.onnx"(%x) : tensor<?xf32>
    func.return
  }
}

// -----

// CHECK: aic.dims = ["batch"]: expected the names of the 2 dimensions of tensor<?x8xf32>
builtin.module attributes {aic.symbols = {batch = 2 : i64}} {
  func.func @main(%x: tensor<?x8xf32> {aic.name = "x", aic.dims = ["batch"]}) {
    graph.model "net.onnx"(%x) : tensor<?x8xf32>
    func.return
  }
}

// -----

// CHECK: aic.specializations = 2 : i64: expected [{symbols = {batch = 1 : i64, ..}, tuning = {..}}, ..]
builtin.module attributes {aic.specializations = 2 : i64} {
  func.func @main() {
    graph.model "net.onnx"() :
    func.return
  }
}

// -----

// CHECK: aic.specializations: {names = "a"}: expected [{symbols
builtin.module attributes {aic.specializations = [{names = "a"}]} {
  func.func @main() {
    graph.model "net.onnx"() :
    func.return
  }
}

// -----

// CHECK: aic.tuning: ols is 0; it must be at least 1
builtin.module attributes {aic.specializations = [{symbols = {}, tuning = {ols = 0 : i64}}]} {
  func.func @main() {
    graph.model "net.onnx"() :
    func.return
  }
}

// -----

// CHECK: aic.specializations: 0 of them; there must be 1 to 64
builtin.module attributes {aic.specializations = []} {
  func.func @main() {
    graph.model "net.onnx"() :
    func.return
  }
}

// -----

// CHECK: aic.specializations: the module holds specializations already
builtin.module attributes {aic.holds = "specializations", aic.specializations = [{symbols = {}}]} {
  builtin.module @spec0 {
    func.func @main() {
      func.return
    }
  }
}
