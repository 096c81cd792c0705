"""What a pass may do to values: the promise that translation validation holds it to."""

from enum import StrEnum, auto

from xdsl.passes import ModulePass


class Precision(StrEnum):
    """How closely the values after a pass must agree with those before it. A pass says it as `PRECISION`."""

    EXACT = auto()
    """Bit for bit: the pass changes where and when something is computed, not what."""
    ROUNDING = auto()
    """As far as roundings go in the element types that the values have: sums in another order, constants computed
    ahead. What a pass is held to that says nothing."""
    FP16 = auto()
    """As far as roundings to fp16 go: the pass rounds values that were not rounded so far."""
    QUANTIZED = auto()
    """Within half a step between integers, operation by operation: the pass lays numbers over integers, whose steps the
    user has chosen. It hands on source locations, by which it is told what stands for what."""


def precision_of(kind: type[ModulePass]) -> Precision:
    """What a pass promises."""
    return getattr(kind, "PRECISION", Precision.ROUNDING)
