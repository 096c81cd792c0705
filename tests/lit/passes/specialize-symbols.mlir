// RUN: aic-opt %s -p specialize-symbols --split-input-file --verify-roundtrip | filecheck %s

// A module for each specialization, with its sizes and what tunes it; what holds for all is bound in each.
// CHECK: builtin.module @bert attributes {aic.cores = 2 : i64, aic.holds = "specializations"} {
// CHECK-NEXT: builtin.module @spec0 attributes {aic.symbols = {seq = 128 : i64}} {
// CHECK-NEXT: func.func @main(%ids: tensor<4x128xi64> {aic.name = "ids"} {{.*}}, %cache: tensor<4x12x128x64xf32> {aic.name = "cache"} {{.*}}, %scale: tensor<f32>
// CHECK-NEXT: graph.model "bert.onnx"(%ids, %cache, %scale) : tensor<4x128xi64>, tensor<4x12x128x64xf32>, tensor<f32>
// CHECK-NEXT: func.return
// CHECK: builtin.module @spec1 attributes {aic.symbols = {seq = 1 : i64}, aic.tuning = {ols = 2 : i64}} {
// CHECK-NEXT: func.func @main(%ids: tensor<4x1xi64>
// CHECK-NEXT: graph.model "bert.onnx"(%ids, %cache, %scale) : tensor<4x1xi64>, tensor<4x12x1x64xf32>, tensor<f32>
// CHECK-NOT: aic.dims
builtin.module @bert attributes {aic.cores = 2 : i64, aic.symbols = {batch = 4 : i64}, aic.specializations = [
    {symbols = {seq = 128 : i64}}, {symbols = {seq = 1 : i64}, tuning = {ols = 2 : i64}}]} {
  func.func @main(%ids: tensor<?x?xi64> {aic.name = "ids", aic.dims = ["batch", "seq"]},
      %cache: tensor<?x12x?x64xf32> {aic.name = "cache", aic.dims = ["batch", "", "seq", ""]},
      %scale: tensor<f32> {aic.name = "scale"}) {
    graph.model "bert.onnx"(%ids, %cache, %scale) : tensor<?x?xi64>, tensor<?x12x?x64xf32>, tensor<f32>
    func.return
  }
}

// -----

// Without a list, the sizes are those of the module's own symbols.
// CHECK: builtin.module {
// CHECK-NEXT: func.func @main(%x: tensor<2x8xf32> {aic.name = "x"}
// CHECK-NEXT: graph.model "net.onnx"(%x) : tensor<2x8xf32>
builtin.module attributes {aic.symbols = {batch = 2 : i64}} {
  func.func @main(%x: tensor<?x8xf32> {aic.name = "x", aic.dims = ["batch", ""]}) {
    graph.model "net.onnx"(%x) : tensor<?x8xf32>
    func.return
  }
}

// -----

// What has its sizes stays as it is, whether in one program or several.
// CHECK: builtin.module attributes {aic.holds = "specializations"} {
// CHECK-NEXT: builtin.module @spec0 attributes {aic.symbols = {batch = 1 : i64}} {
// CHECK-NEXT: func.func @main(%x: tensor<1xf32> {{.*}}) -> tensor<1xf32> {
builtin.module attributes {aic.holds = "specializations"} {
  builtin.module @spec0 attributes {aic.symbols = {batch = 1 : i64}} {
    func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
      func.return %x : tensor<1xf32>
    }
  }
}
