// RUN: aic-opt %s -p slice-tensors,check-channels --verify-roundtrip | filecheck %s

// For both shapes the devices have the same columns of the one weight and the same rows of the other. Each keeps the
// slice of the state that its columns make; the first adds up what leaves.
// CHECK: builtin.module @spec0 {{.*}}aic.retained = ["s"], aic.holds = "partitions", aic.inputs = ["x", "s"], aic.outputs = ["y", "s_RetainedState"]}
// CHECK: builtin.module @device_slice00 {{.*}}aic.retained = ["s"], aic.state_slices = {s = array<i64: 1, 0, 4096>}}
// CHECK: func.func @main(%x: tensor<16x1024xf16> {{.*}}, %s: tensor<1x2048xf16> {{.*}}) -> (tensor<16x1024xf16> {aic.name = "y"}, tensor<1x2048xf16> {aic.name = "s_RetainedState"})
// CHECK: graph.matmul {{.*}} -> tensor<16x2048xf16>
// CHECK: %[[P:.*]] = graph.matmul {{.*}}tensor<2048x1024xf16>) -> tensor<16x1024xf16>
// CHECK: %[[S:.*]] = graph.add {{.*}}, %s
// CHECK: %[[Y:.*]] = graph.add %[[P]], {{.*}} -> tensor<16x1024xf16>
// CHECK: func.return %[[Y]], %[[S]] : tensor<16x1024xf16>, tensor<1x2048xf16>
// CHECK: builtin.module @device_slice01 {{.*}}aic.retained = ["s"], aic.state_slices = {s = array<i64: 1, 2048, 4096>}}
// CHECK: func.func @main(%x: tensor<16x1024xf16> {{.*}}, %s: tensor<1x2048xf16> {{.*}}) -> (tensor<1x2048xf16> {aic.name = "s_RetainedState"})
// CHECK: func.return %{{.*}} : tensor<1x2048xf16>
// CHECK: builtin.module @spec1
// CHECK: builtin.module @device_slice00 {{.*}}aic.state_slices = {s = array<i64: 1, 0, 4096>}}
// CHECK: graph.matmul {{.*}}, tensor<1024x2048xf16>) -> tensor<1x2048xf16>
// CHECK: graph.matmul {{.*}}, tensor<2048x1024xf16>) -> tensor<1x1024xf16>
// CHECK: builtin.module @device_slice01 {{.*}}aic.state_slices = {s = array<i64: 1, 2048, 4096>}}
builtin.module @net attributes {aic.holds = "specializations", aic.target = #aic.target<"pro">, aic.cores = 16 : i64} {
  builtin.module @spec0 attributes {aic.retained = ["s"], aic.slices = {devices = array<i64: 0, 1>}} {
    func.func @main(%x: tensor<16x1024xf16> {aic.name = "x"}, %s: tensor<1x4096xf16> {aic.name = "s"}) -> (tensor<16x1024xf16> {aic.name = "y"}, tensor<1x4096xf16> {aic.name = "s_RetainedState"}) {
      %w = graph.constant #aic.dense<0.5 : tensor<1024x4096xf16>>
      %v = graph.constant #aic.dense<0.125 : tensor<4096x1024xf16>>
      %0 = graph.matmul %x, %w : (tensor<16x1024xf16>, tensor<1024x4096xf16>) -> tensor<16x4096xf16>
      %1 = graph.matmul %0, %v : (tensor<16x4096xf16>, tensor<4096x1024xf16>) -> tensor<16x1024xf16>
      %2 = graph.reduce_sum %0 {axes = array<i64: 0>, keepdims = true} : (tensor<16x4096xf16>) -> tensor<1x4096xf16>
      %3 = graph.add %2, %s : (tensor<1x4096xf16>, tensor<1x4096xf16>) -> tensor<1x4096xf16>
      func.return %1, %3 : tensor<16x1024xf16>, tensor<1x4096xf16>
    }
  }
  builtin.module @spec1 attributes {aic.retained = ["s"], aic.slices = {devices = array<i64: 0, 1>}} {
    func.func @main(%x: tensor<1x1024xf16> {aic.name = "x"}, %s: tensor<1x4096xf16> {aic.name = "s"}) -> (tensor<1x1024xf16> {aic.name = "y"}, tensor<1x4096xf16> {aic.name = "s_RetainedState"}) {
      %w = graph.constant #aic.dense<0.5 : tensor<1024x4096xf16>>
      %v = graph.constant #aic.dense<0.125 : tensor<4096x1024xf16>>
      %0 = graph.matmul %x, %w : (tensor<1x1024xf16>, tensor<1024x4096xf16>) -> tensor<1x4096xf16>
      %1 = graph.matmul %0, %v : (tensor<1x4096xf16>, tensor<4096x1024xf16>) -> tensor<1x1024xf16>
      %3 = graph.add %0, %s : (tensor<1x4096xf16>, tensor<1x4096xf16>) -> tensor<1x4096xf16>
      func.return %1, %3 : tensor<1x1024xf16>, tensor<1x4096xf16>
    }
  }
}
