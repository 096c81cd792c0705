// RUN: not aic-opt %s --split-input-file -p shard-tensors,tile-operations 2>&1 | filecheck %s

// A softmax cannot be cut along its row: demand, bound, gap, the node, and what would help.
// CHECK: graph.softmax (scores) does not fit into VTCM: in chunks of [1, 3000] it streams through 24000 bytes of VTCM per core beside 0 bytes of live values, where there are 14745: 9255 too few; less is taken with more cores (aic-num-cores) than 1 or half precision (convert-to-fp16)
builtin.module attributes {aic.target = #aic.target<"pro", {vtcm_bytes = 16384.0 : f64, vtcm_reserved_bytes = 0.0 : f64}>, aic.cores = 1 : i64} {
  func.func @main(%x: tensor<4x3000xf32> {aic.name = "x"}) -> (tensor<4x3000xf32> {aic.name = "y"}) {
    %y = graph.softmax %x {axis = 1 : i64} : (tensor<4x3000xf32>) -> tensor<4x3000xf32> loc("scores")
    func.return %y : tensor<4x3000xf32>
  }
}
