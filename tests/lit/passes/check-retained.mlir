// RUN: aic-opt %s --split-input-file --verify-diagnostics -p check-retained | filecheck %s

// The input and the output that becomes it are two memories of one type.
// CHECK: builtin.module attributes {aic.retained = ["past"]}
builtin.module attributes {aic.retained = ["past"]} {
  func.func @main() {
    %x = tile.tensor {label = "past", role = "input"} : memref<4xf32, "ddr">
    %y = tile.tensor {label = "past_RetainedState", role = "output"} : memref<4xf32, "ddr">
    %z = tile.tensor {label = "logits", role = "output"} : memref<4xf32, "ddr">
    func.return
  }
}

// -----

// CHECK: pass check-retained: the program cannot run:
// CHECK-NEXT: 'past' stays on the card: input 'past' is memref<4xf32, "ddr">, output 'past_RetainedState' memref<4xf16, "ddr">
// CHECK-NEXT: 'other' stays on the card: input 'other' is not there, output 'other_RetainedState' not there
builtin.module attributes {aic.retained = ["past", "other"]} {
  func.func @main() {
    %x = tile.tensor {label = "past", role = "input"} : memref<4xf32, "ddr">
    %y = tile.tensor {label = "past_RetainedState", role = "output"} : memref<4xf16, "ddr">
    func.return
  }
}

// -----

// CHECK: pass check-retained: the program cannot run:
// CHECK-NEXT: all outputs stay on the card: the host would get none
builtin.module attributes {aic.retained = ["past"]} {
  func.func @main() {
    %x = tile.tensor {label = "past", role = "input"} : memref<4xf32, "ddr">
    %y = tile.tensor {label = "past_RetainedState", role = "output"} : memref<4xf32, "ddr">
    func.return
  }
}

// -----

// CHECK: pass check-retained: aic.retained = ["past", "past"]: expected an array of names, each once
builtin.module attributes {aic.retained = ["past", "past"]} {
  func.func @main() {
    func.return
  }
}

// -----

// A card of several may give nothing to the host.
// CHECK: builtin.module attributes {aic.device = 1 : i64, aic.retained = ["past"]}
builtin.module attributes {aic.device = 1 : i64, aic.retained = ["past"]} {
  func.func @main() {
    %x = tile.tensor {label = "past", role = "input"} : memref<4xf32, "ddr">
    %y = tile.tensor {label = "past_RetainedState", role = "output"} : memref<4xf32, "ddr">
    func.return
  }
}
