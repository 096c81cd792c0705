// RUN: aic-opt --list-ops | filecheck %s

// CHECK: tile.alloc {{ *}}A buffer in every core's VTCM
