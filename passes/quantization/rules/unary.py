"""Functions of one operand on integers: limits where they are enough, else a table of all results."""

from collections.abc import Callable, Mapping

import numpy as np

from dialects.element_types import storage_type
from dialects.graph.base import GraphOp, numbers
from dialects.graph.unary import UNARY_OPS, ClassifyOp, ClipOp, NotOp, ReluOp, UnaryOp
from dialects.quantized import elementwise as integer
from dialects.quantized.conversion import RequantizeOp
from dialects.quantized.parameters import LIMITS, quantized
from dialects.quantized.types import UniformType
from passes.quantization.quantizer import Quantizer, limits_between, rescaling, scaling_of
from passes.quantization.rules.demand import computed_for_integers
from passes.quantization.scales import wanted_type


def limit(quantizer: Quantizer, op: ReluOp | ClipOp) -> bool:
    """ReLU and Clip, on the scale of their operand, but Clip on its own, if it has one: so models that arrive quantized
    bring values to another scale. What the integers cannot exceed anyway is no limit.
    """
    if not quantizer.computed_on_integers(op.input):
        return False
    x = quantizer.integers_of(op.input)
    assert x is not None
    given, wanted = scaling_of(x), wanted_type(op.output)
    low, high = (0.0, np.inf) if isinstance(op, ReluOp) else numbers(op.bounds)
    if isinstance(op, ClipOp) and wanted not in (None, given):
        ratio = given.scaling.scale / wanted.scaling.scale
        properties = rescaling(ratio, wanted, limits_between(low, high, wanted))
        quantizer.put(op, RequantizeOp.of([x], {**properties, "input_offset": given.scaling.offset}))
        return True
    limits = limits_between(low, high, given)
    if limits == LIMITS[given.bits]:
        op.output.replace_all_uses_with(op.input)
    else:
        quantizer.put(op, integer.ClipOp.of([x], {"limits": limits}))
    return True


def table(quantizer: Quantizer, op: UnaryOp) -> bool:
    """Any other function, from the scale of its operand to that of its result."""
    wanted = wanted_type(op.output)
    if wanted is None or not quantizer.computed_on_integers(op.input) or not computed_for_integers(quantizer, op):
        return False
    x = quantizer.integers_of(op.input)
    assert x is not None
    entries = quantizer.table(results(op, scaling_of(x), wanted), storage_type(wanted), op)
    quantizer.put(op, integer.LookUpOp.of([x, entries], {"to": wanted}))
    return True


def results(op: UnaryOp, given: UniformType, wanted: UniformType) -> np.ndarray[tuple[int], np.dtype[np.signedinteger]]:
    """What a function makes of every integer of a type, computed in fp64, as integers of another."""
    low, high = LIMITS[given.bits]
    numbers = (np.arange(low, high + 1) - given.scaling.offset) * np.float64(given.scaling.scale)
    with np.errstate(all="ignore"):  # infinities saturate, and what is not defined becomes 0
        values = np.asarray(op.kernel()(numbers, **op.arguments()))
    return quantized(values, wanted.scaling.scale, wanted.scaling.offset, wanted.bits)


_TABLES = [kind for kind in UNARY_OPS if not issubclass(kind, ReluOp | ClipOp | ClassifyOp | NotOp)]

UNARY_RULES: Mapping[type[GraphOp], Callable[..., bool]] = {
    ReluOp: limit,
    ClipOp: limit,
    **dict.fromkeys(_TABLES, table),
}
