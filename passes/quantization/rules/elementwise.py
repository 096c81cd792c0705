"""Sums and products of integers. A ReLU or Clip behind a sum that nobody else reads becomes its limits."""

from collections.abc import Callable, Mapping
from math import inf

from xdsl.ir import SSAValue

from dialects.graph.base import GraphOp, numbers
from dialects.graph.elementwise import AddOp, MulOp
from dialects.graph.unary import ClipOp, ReluOp
from dialects.quantized import elementwise as integer
from dialects.quantized.arithmetic import shared_rescale
from dialects.quantized.parameters import LIMITS
from passes.quantization.quantizer import Quantizer, limits_between, rescaling, scaling_of, target
from passes.quantization.rules.demand import computed_for_integers
from passes.quantization.scales import wanted_type
from passes.rewriting.patterns import only_user

MOST_SHARED_RATIO = float(1 << 29)
"""Operands of a sum whose steps are larger than so many of the result's stay in floating point."""


def add(quantizer: Quantizer, op: AddOp) -> bool:
    """A sum, rounded once."""
    last = _with_limits(quantizer, op)
    wanted, operands = wanted_type(last.output), _operands(quantizer, op, last)
    if wanted is None or operands is None:
        return False
    given = [scaling_of(operand).scaling for operand in operands]
    ratios = [scaling.scale / wanted.scaling.scale for scaling in given]
    if max(ratios) >= MOST_SHARED_RATIO:
        return False
    multipliers, shift = shared_rescale(ratios)
    limits = LIMITS[wanted.bits]
    if isinstance(last, ReluOp | ClipOp):
        low, high = (0.0, inf) if isinstance(last, ReluOp) else numbers(last.bounds)
        limits = limits_between(low, high, wanted)
    properties = {
        "multipliers": multipliers,
        "shift": shift,
        "input_offsets": tuple(scaling.offset for scaling in given),
        **target(wanted, limits),
    }
    quantizer.put(last, integer.AddOp.of(operands, properties))
    return True


def _with_limits(quantizer: Quantizer, op: AddOp) -> GraphOp:
    """The sum, or what limits it, where nobody else reads the sum."""
    limiter = only_user(op.output)
    if not isinstance(limiter, ReluOp | ClipOp) or quantizer.stays_in_float(limiter):
        return op
    return op if wanted_type(limiter.output) is None else limiter


def mul(quantizer: Quantizer, op: MulOp) -> bool:
    """A product, rounded once."""
    wanted, operands = wanted_type(op.output), _operands(quantizer, op, op)
    if wanted is None or operands is None:
        return False
    a, b = (scaling_of(operand).scaling for operand in operands)
    properties = {
        **rescaling(a.scale * b.scale / wanted.scaling.scale, wanted),
        "input_offsets": (a.offset, b.offset),
    }
    quantizer.put(op, integer.MulOp.of(operands, properties))
    return True


def _operands(quantizer: Quantizer, op: AddOp | MulOp, last: GraphOp) -> list[SSAValue] | None:
    """Both operands as integers, where computing on them is worth it: one comes from integers, and some go there."""
    values = (op.lhs, op.rhs)
    if not any(quantizer.computed_on_integers(value) for value in values):
        return None
    if not computed_for_integers(quantizer, last) or not all(quantizer.available(value) for value in values):
        return None
    operands = quantizer.alike(values, op)
    return operands if len({scaling_of(value).bits for value in operands}) == 1 else None


ELEMENTWISE_RULES: Mapping[type[GraphOp], Callable[..., bool]] = {AddOp: add, MulOp: mul}
