// RUN: aic-opt %s --split-input-file -p 'convert-to-fp16{listed_only=true}' --validate-passes | filecheck %s

// What is listed computes in fp16, and what moves its results. All else stays: a constant that both read becomes two.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[C:.*]] = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>>
// CHECK-NEXT: %[[D:.*]] = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf16>>
// CHECK-NEXT: %[[A:.*]] = graph.add %x, %[[C]] : {{.*}} -> tensor<2x2xf32>
// CHECK-NEXT: %[[H:.*]] = graph.cast %[[A]] {to = f16}
// CHECK-NEXT: %[[E:.*]] = graph.exp %[[H]] : {{.*}} -> tensor<2x2xf16>
// CHECK-NEXT: %[[T:.*]] = graph.transpose %[[E]] {{.*}} -> tensor<2x2xf16>
// CHECK-NEXT: %[[M:.*]] = graph.mul %[[T]], %[[D]] : {{.*}} -> tensor<2x2xf16>
// CHECK-NEXT: %[[W:.*]] = graph.cast %[[M]] {to = f32}
// CHECK-NEXT: %[[S:.*]] = graph.sqrt %[[W]] : {{.*}} -> tensor<2x2xf32>
// CHECK-NEXT: %[[U:.*]] = graph.transpose %[[S]] {{.*}} -> tensor<2x2xf32>
// CHECK-NEXT: %[[V:.*]] = graph.cast %[[M]] {to = f32}
// CHECK-NEXT: return %[[U]], %[[V]]
builtin.module attributes {aic.quantization = {in_float = ["exp", "mul"], in_original = ["sqrt"]}} {
  func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
    %c = graph.constant #aic.dense<[1.0, 2.0] : tensor<2xf32>>
    %0 = graph.add %x, %c : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32> loc("add")
    %1 = graph.exp %0 : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("node"("exp":0:0))
    %2 = graph.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("moved")
    %3 = graph.mul %2, %c : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32> loc("mul")
    %4 = graph.sqrt %3 : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("sqrt")
    %5 = graph.transpose %4 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("sqrt")
    func.return %5, %3 : tensor<2x2xf32>, tensor<2x2xf32>
  }
}

// -----

// Nothing is listed: nothing happens.
// CHECK-LABEL: @main
// CHECK-NEXT: graph.exp {{.*}} -> tensor<2xf32>
// CHECK-NEXT: return
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = graph.exp %x : (tensor<2xf32>) -> tensor<2xf32> loc("exp")
  func.return %0 : tensor<2xf32>
}
