// RUN: aic-opt %s -p slice-tensors --split-input-file --verify-diagnostics | filecheck %s

// CHECK: aic.slices = array<i64: 0, 1>: expected {devices = array<i64: ..>, cores = array<i64: ..>, link = "p2p"}
builtin.module @kind attributes {aic.slices = array<i64: 0, 1>} {
}

// -----

// CHECK: aic.slices = {devices = array<i64: 0, 1>, device = 3 : i64}: expected {devices
builtin.module @key attributes {aic.slices = {devices = array<i64: 0, 1>, device = 3 : i64}} {
}

// -----

// CHECK: aic.slices = {devices = array<f64: 0.000000e+00, 1.000000e+00>}: expected {devices
builtin.module @numbers attributes {aic.slices = {devices = array<f64: 0.0, 1.0>}} {
}

// -----

// CHECK: aic.slices: 1 devices; tensors are sliced over 2 or more
builtin.module @one attributes {aic.slices = {devices = array<i64: 0>}} {
}

// -----

// All that is wrong at once.
// CHECK: aic.slices: device -1; they are numbered from 0; device 3 2 times; cores has 2 values for 3 devices; 17 cores; a device has 1 to 16; link 'ddr' is none of p2p, host
builtin.module @all attributes {aic.slices = {devices = array<i64: 3, 3, -1>, cores = array<i64: 16, 17>, link = "ddr"}} {
}

// -----

// CHECK: in part: aic.slices: device 0 2 times
builtin.module @net {
  builtin.module @part attributes {aic.slices = {devices = array<i64: 0, 0>}} {
  }
}

// -----

// CHECK: aic.slices: the module holds partitions, and no program that could be divided
builtin.module attributes {aic.holds = "partitions", aic.slices = {devices = array<i64: 0, 1>}} {
  builtin.module @a {
    func.func @main(%x: tensor<8xf16>) -> tensor<8xf16> {
      func.return %x : tensor<8xf16>
    }
  }
}
