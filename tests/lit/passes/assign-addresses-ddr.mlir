// RUN: not aic-opt %s --split-input-file -p assign-addresses 2>&1 | filecheck %s

// What the tensors of a network take of DDR; a constant counts once.
// CHECK: the network takes 1152 bytes of DDR, 152 more than the 1000 there are: 512 of constants, 640 of inputs and outputs, 0 of activations; the largest are 512 of input 'x', 512 of constant fc, 128 of output 'y'; less is taken with half precision (convert-to-fp16) or fewer samples (batchsize)
builtin.module attributes {aic.target = #aic.target<"pro", {ddr_bytes = 1000.0 : f64}>, aic.cores = 1 : i64} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<128xf32, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<32xf32, "ddr">
    %v = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<128xf32>>} : memref<128xf32, "ddr"> loc("fc")
    %w = tile.tensor {role = "constant", value = #aic.weight<"w" : tensor<128xf32>>} : memref<128xf32, "ddr"> loc("again")
    func.return
  }
}
