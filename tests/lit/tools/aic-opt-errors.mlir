// RUN: AIC_DIAGNOSTICS
// RUN: not aic-opt %s -p no-such-pass 2>&1 | filecheck %s --check-prefix=PASS
// RUN: not aic-opt %s -p 'cse{speed=1}' 2>&1 | filecheck %s --check-prefix=OPTION
// RUN: not aic-opt %s -p 'cse{' 2>&1 | filecheck %s --check-prefix=SPEC
// RUN: not aic-opt %S/missing.mlir 2>&1 | filecheck %s --check-prefix=FILE
// RUN: not aic-opt %s --no-such-option 2>&1 | filecheck %s --check-prefix=ARGUMENT

// PASS: aic-opt: error: unknown pass 'no-such-pass'
// OPTION: aic-opt: error: in -p 'cse{speed=1}': {{.*}}"speed"
// SPEC: aic-opt: error: Error parsing pass pipeline
// FILE: aic-opt: error: {{.*}}missing.mlir: No such file or directory
// ARGUMENT: aic-opt: error: {{.*}}--no-such-option

// CHECK: aic-opt-errors.mlir:[[# @LINE + 3]]:3: func.return (output): Expected arguments to have the same types
// CHECK-NOT: func.func
func.func @wrong_type(%x: i32) -> i64 {
  func.return %x : i32 loc("output")
}

// -----

// CHECK: aic-opt-errors.mlir:[[# @LINE + 2]]:
func.func @syntax(%x: i32) -> i32 {
  %0 = arith.addi %x, : i32
}

// -----

// An attribute's own verifier knows no place; the parser does.
// CHECK: aic-opt-errors.mlir:[[# @LINE + 2]]:3
func.func @value() -> i8 {
  %0 = arith.constant 300 : i8
  func.return %0 : i8
}

// -----

// CHECK: aic-opt-errors.mlir:[[# @LINE + 2]]:3: arith.addi: operand 0 is used before, or outside of, its definition
func.func @order() {
  %0 = arith.addi %1, %1 : i32
  %1 = arith.addi %0, %0 : i32
  func.return
}
