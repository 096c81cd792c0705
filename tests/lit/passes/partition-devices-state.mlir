// RUN: aic-opt %s -p partition-devices,match-inputs,check-channels --verify-roundtrip | filecheck %s

// Specializations are cut at the same node, by the costs of the one that takes longer. State stays with the part that
// makes it, the change of its type, too; the mask, which only the second shape needs on the first card, is an input there
// for both.
// CHECK: builtin.module @spec0 {{.*}}aic.retained = ["s", "t"], aic.holds = "partitions"
// CHECK: builtin.module @Partition0 attributes {aic.cores = 4 : i64, aic.device = 0 : i64, aic.retained = ["s"]}
// CHECK: func.func @main(%x: tensor<8x1024xf16> {{.*}}, %{{.*}}: tensor<1024xf16> {aic.name = "mask"} {{.*}}, %s: {{.*}}) -> (tensor<8x1024xf16> {aic.name = "s_RetainedState"})
// CHECK: graph.matmul
// CHECK: builtin.module @Partition1 attributes {aic.cores = 4 : i64, aic.device = 1 : i64, aic.retained = ["t"]}
// CHECK: func.func @main(%t: {{.*}}) -> (tensor<8x1024xf16> {aic.name = "y"}, tensor<8x1024xf32> {aic.name = "t_RetainedState"})
// CHECK: graph.cast %t
// CHECK: builtin.module @spec1
// CHECK: builtin.module @Partition0 attributes {{.*}}aic.retained = ["s"]}
// CHECK: func.func @main(%x: tensor<8x1024xf16> {{.*}}, %mask: tensor<1024xf16> {{.*}}, %s: {{.*}}) -> (tensor<8x1024xf16> {aic.name = "s_RetainedState"})
// CHECK: builtin.module @Partition1 attributes {{.*}}aic.retained = ["t"]}
// CHECK: graph.receive
builtin.module @net attributes {aic.holds = "specializations", aic.target = #aic.target<"pro">, aic.cores = 4 : i64} {
  builtin.module @spec0 attributes {aic.retained = ["s", "t"], aic.auto_partition = 2 : i64} {
    func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}, %mask: tensor<1024xf16> {aic.name = "mask"}, %s: tensor<8x1024xf16> {aic.name = "s"}, %t: tensor<8x1024xf32> {aic.name = "t"}) -> (tensor<8x1024xf16> {aic.name = "y"}, tensor<8x1024xf16> {aic.name = "s_RetainedState"}, tensor<8x1024xf32> {aic.name = "t_RetainedState"}) {
      %w = graph.constant #aic.dense<0.5 : tensor<1024x1024xf16>>
      %0 = graph.cast %t {to = f16} : (tensor<8x1024xf32>) -> tensor<8x1024xf16> loc("t")
      %1 = graph.matmul %x, %w : (tensor<8x1024xf16>, tensor<1024x1024xf16>) -> tensor<8x1024xf16> loc("a")
      %2 = graph.add %1, %s : (tensor<8x1024xf16>, tensor<8x1024xf16>) -> tensor<8x1024xf16> loc("b")
      %3 = graph.matmul %2, %w : (tensor<8x1024xf16>, tensor<1024x1024xf16>) -> tensor<8x1024xf16> loc("c")
      %4 = graph.add %3, %0 : (tensor<8x1024xf16>, tensor<8x1024xf16>) -> tensor<8x1024xf16> loc("d")
      %5 = graph.cast %4 {to = f32} : (tensor<8x1024xf16>) -> tensor<8x1024xf32> loc("d")
      func.return %4, %2, %5 : tensor<8x1024xf16>, tensor<8x1024xf16>, tensor<8x1024xf32>
    }
  }
  builtin.module @spec1 attributes {aic.retained = ["s", "t"], aic.auto_partition = 2 : i64} {
    func.func @main(%x: tensor<8x1024xf16> {aic.name = "x"}, %mask: tensor<1024xf16> {aic.name = "mask"}, %s: tensor<8x1024xf16> {aic.name = "s"}, %t: tensor<8x1024xf32> {aic.name = "t"}) -> (tensor<8x1024xf16> {aic.name = "y"}, tensor<8x1024xf16> {aic.name = "s_RetainedState"}, tensor<8x1024xf32> {aic.name = "t_RetainedState"}) {
      %0 = graph.add %x, %mask : (tensor<8x1024xf16>, tensor<1024xf16>) -> tensor<8x1024xf16> loc("a")
      %1 = graph.add %0, %s : (tensor<8x1024xf16>, tensor<8x1024xf16>) -> tensor<8x1024xf16> loc("b")
      %2 = graph.cast %1 {to = f32} : (tensor<8x1024xf16>) -> tensor<8x1024xf32> loc("d")
      %3 = graph.add %2, %t : (tensor<8x1024xf32>, tensor<8x1024xf32>) -> tensor<8x1024xf32> loc("d")
      %4 = graph.relu %1 : (tensor<8x1024xf16>) -> tensor<8x1024xf16> loc("c")
      func.return %4, %1, %3 : tensor<8x1024xf16>, tensor<8x1024xf16>, tensor<8x1024xf32>
    }
  }
}
