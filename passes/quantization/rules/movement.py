"""Data movement on integers: the same ops of the graph, on tensors of quantized types. The scale goes along."""

from collections.abc import Callable, Mapping

import numpy as np
from xdsl.dialects.builtin import FloatAttr, f64
from xdsl.ir import SSAValue

from dialects.graph.base import GraphOp
from dialects.graph.movement import ConcatOp, ExpandOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.pooling import MaxPoolOp
from dialects.graph.resizing import ResampleOp
from dialects.quantized.parameters import quantized
from passes.quantization.quantizer import Quantizer, retyped_result, scaling_of
from passes.quantization.rules.demand import computed_for_integers
from passes.quantization.scales import wanted_type


def moved(quantizer: Quantizer, op: GraphOp) -> bool:
    """An op that moves the values of its first operand, and picks among them at most."""
    value = _brought(quantizer, op, op.operands[0])
    if value is None:
        return False
    quantizer.put(op, _on_integers(op, [value, *op.operands[1:]], value))
    return True


def pad(quantizer: Quantizer, op: PadOp) -> bool:
    """The value around is quantized as the operand, if that has an integer for it."""
    value = _brought(quantizer, op, op.input)
    if value is None or op.mode.data != "constant":
        return value is not None and moved(quantizer, op)
    element, around = scaling_of(value), op.value.value.data
    scale, offset = element.scaling.scale, element.scaling.offset
    integer = quantized(np.array(around), scale, offset, element.bits).item()
    if not abs((integer - offset) * scale - around) <= scale:
        return False
    new = _on_integers(op, [value], value)
    new.properties["value"] = FloatAttr(float(integer), f64)
    quantizer.put(op, new)
    return True


def concat(quantizer: Quantizer, op: ConcatOp) -> bool:
    """All operands on the scale of the result."""
    wanted = wanted_type(op.output)
    if wanted is None or not computed_for_integers(quantizer, op):
        return False
    if not any(quantizer.computed_on_integers(value) for value in op.operands):
        return False
    if not all(quantizer.available(value) for value in op.operands):
        return False
    found = [quantizer.integers_of(value) for value in op.operands]
    values = [quantizer.rescaled(value, wanted, op) for value in found if value is not None]
    quantizer.put(op, _on_integers(op, values, values[0]))
    return True


def _brought(quantizer: Quantizer, op: GraphOp, operand: SSAValue) -> SSAValue | None:
    """The operand as integers, where it is there as such, or somebody behind the op computes on integers."""
    if not quantizer.computed_on_integers(operand) and not computed_for_integers(quantizer, op):
        return None
    return quantizer.integers_of(operand) if quantizer.available(operand) else None


def _on_integers(op: GraphOp, operands: list[SSAValue], like: SSAValue) -> GraphOp:
    """The op on other operands, its result of their elements."""
    return type(op).create(
        operands=operands, result_types=[retyped_result(op, scaling_of(like))], properties=op.properties
    )


MOVEMENT_RULES: Mapping[type[GraphOp], Callable[..., bool]] = {
    **dict.fromkeys((ReshapeOp, TransposeOp, SliceOp, ExpandOp, ResampleOp, MaxPoolOp), moved),
    PadOp: pad,
    ConcatOp: concat,
}
