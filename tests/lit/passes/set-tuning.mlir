// RUN: aic-opt %s -p 'set-tuning{mos=4 multicast-weights=false vtcm-working-set-limit-ratio=0.25}' | filecheck %s
// RUN: aic-opt %s -p 'set-tuning{mos=4},set-tuning{size-split-granularity=512 mos=2}' | filecheck %s --check-prefix=AGAIN
// RUN: not aic-opt %s -p 'set-tuning{mos=0}' 2>&1 | filecheck %s --check-prefix=LEAST
// RUN: not aic-opt %s -p 'set-tuning{size-split-granularity=4096}' 2>&1 | filecheck %s --check-prefix=MOST
// RUN: not aic-opt %s -p 'set-tuning{vtcm-working-set-limit-ratio=1.5}' 2>&1 | filecheck %s --check-prefix=RATIO

// CHECK: aic.tuning = {mos = 4 : i64, multicast_weights = false, vtcm_working_set_limit_ratio = 2.500000e-01 : f64}
// AGAIN: aic.tuning = {mos = 2 : i64, size_split_granularity = 512 : i64}
// LEAST: aic.tuning: mos is 0; it must be at least 1
// MOST: aic.tuning: size_split_granularity is 4096; it must be 512 to 2048
// RATIO: aic.tuning: vtcm_working_set_limit_ratio is 1.5; it must be 0 to 1

builtin.module {
  func.func @main() {
    func.return
  }
}
