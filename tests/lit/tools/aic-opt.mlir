// RUN: AIC_ROUNDTRIP
// RUN: AIC_GENERIC
// RUN: aic-opt %s --split-input-file -p cse -o %t && cat %t | aic-opt --split-input-file | filecheck %s --check-prefix=CSE

// CHECK: func.func @locations(%x: i32 loc("input")) -> i32 {
// CHECK-NEXT: %0 = arith.addi %x, %x : i32 loc("conv1")
// CHECK-NEXT: %1 = arith.addi %x, %x : i32 loc("model.py":3:4)
// GENERIC: "arith.addi"(%x, %x) <{{.*}}> : (i32, i32) -> i32 loc("conv1")
// CSE: %0 = arith.addi %x, %x : i32 loc("conv1")
// CSE-NOT: arith.addi
// CSE: arith.muli %0, %0 : i32 loc(unknown)
func.func @locations(%x: i32 loc("input")) -> i32 {
  %0 = arith.addi %x, %x : i32 loc("conv1")
  %1 = arith.addi %x, %x : i32 loc("model.py":3:4)
  %2 = arith.muli %0, %1 : i32
  func.return %2 : i32
}

// -----

// CHECK: func.func private @second
func.func private @second()
