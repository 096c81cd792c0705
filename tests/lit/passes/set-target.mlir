// RUN: aic-opt %s -p 'set-target{sku=standard cores=14}' | filecheck %s
// RUN: not aic-opt %s -p 'set-target{sku=standard cores=16}' 2>&1 | filecheck %s --check-prefix=MANY
// RUN: not aic-opt %s -p 'set-target{sku=max}' 2>&1 | filecheck %s --check-prefix=UNKNOWN

// CHECK: builtin.module attributes
// CHECK-SAME: aic.target = #aic.target<"standard">
// CHECK-SAME: aic.cores = 14 : i64
// MANY: 16 cores asked for; the SKU standard has 1 to 14
// UNKNOWN: unknown SKU 'max'; there are pro, standard, ultra

builtin.module {
  func.func @main() {
    func.return
  }
}
