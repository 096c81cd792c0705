// RUN: not aic-translate --emit-qpc %s 2>&1 | filecheck %s --check-prefix=OUTPUT
// RUN: not aic-translate 2>&1 | filecheck %s --check-prefix=WHAT

// OUTPUT: aic-translate: error: --emit-qpc needs -o
// WHAT: aic-translate: error: one of the arguments --import-onnx --open-onnx --import-opened --emit-qpc is required
