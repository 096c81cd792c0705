"""How far values may be from those that they stand for, operation by operation: see `aic.validation.steps`."""

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import Float16Type
from xdsl.ir import Attribute

from aic.validation.comparison import Difference, difference_within
from aic.validation.spread import MARGIN, as_f16, conversion_reach, distance, rounding_reach
from dialects.element_types import F16_MAX, is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.kernels import Array
from dialects.graph.movement import PadOp
from dialects.quantized.contraction import QuantizedContractionOp
from dialects.quantized.elementwise import AddOp
from dialects.quantized.meaning import numbers_meant, steps
from dialects.quantized.parameters import LIMITS
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore

_HALF = 0.5
_SLACK = 2.0**-5
"""Steps: fp32 places integers of 16 bits to 2^-7 of one."""
_OF_TERMS = 2.0**-28
"""What multipliers are off, as a share."""
_OF_NUMBERS = 2.0**-20
"""What numbers may be off that only a conversion to fp32 has rounded, as a share."""
_NARROW = 2.0 / 127
"""The largest step of a bias of 8 bits, as a share of its largest value."""


def narrows(given: Attribute, made: Attribute) -> bool:
    """Whether numbers of one element type have become such of fp16."""
    return is_float(given) and isinstance(made, Float16Type) and not isinstance(given, Float16Type)


def as_they_were(expected: Array, found: Array) -> Difference:
    """The difference of values that are to stay: at most a conversion from integers has rounded them."""
    sizes = np.abs(expected.astype(np.float64))
    allowed = _OF_NUMBERS * np.where(np.isfinite(sizes), sizes, 0.0)
    return difference_within(distance(expected, found), allowed, expected)


def in_fp16(expected: Array, found: Array, op: GraphOp | None = None) -> Difference:
    """The difference of values that are in fp16 now; `op` has computed them. What is beyond its range is infinite, or
    was clamped where it was converted.
    """
    clamped = (np.abs(expected) > F16_MAX) & (found == np.copysign(F16_MAX, expected))
    expected = np.where(clamped, found, as_f16(expected))
    sizes = np.where(np.isfinite(expected), expected, 0.0)
    reach = conversion_reach(sizes) if op is None else MARGIN * rounding_reach(op, sizes, op.result_type.element_type)
    return difference_within(distance(expected, found), reach, expected)


def in_steps(expected: Array, found: Array, element: UniformType, store: WeightStore, more: float = 0.0) -> Difference:
    """The difference of numbers that integers of a type mean from those that they should mean, as far as they reach.

    Allowed are half a step and `_SLACK`, and `more` steps.
    """
    low, high = (numbers_meant(np.full((1,) * found.ndim, limit), element, store) for limit in LIMITS[element.bits])
    within = np.clip(np.where(np.isnan(expected), 0.0, expected), low, high)
    allowed = np.broadcast_to(steps(element, found.ndim, store) * (_HALF + _SLACK + more), found.shape)
    return difference_within(np.abs(found - within), allowed, within)


def steps_inside(
    own: GraphOp, operands: Sequence[Array], result: UniformType, store: WeightStore, bias_bits: int
) -> float:
    """Steps of the result that roundings inside of an operation on integers may add.

    It computes on what stands for `operands`: the numbers of the operation in whose place it is, maybe with a bias.
    """
    step = result.scaling.scale
    if isinstance(own, PadOp):
        return _HALF  # the number around may lie a step off what integers reach
    if isinstance(own, AddOp):
        return sum(_largest(values) for values in operands) * _OF_TERMS / step
    more = _OF_TERMS * 2.0**result.bits
    if not isinstance(own, QuantizedContractionOp):
        return more
    data, weight = (tensor_type(value).element_type for value in own.operands[:2])
    assert isinstance(data, UniformType)
    assert isinstance(weight, UniformType)
    bias_step = data.scaling.scale * float(steps(weight, 1, store).max())
    if bias_bits == 8 and len(operands) > 2:
        bias_step = max(bias_step, _NARROW * _largest(operands[2]))
    return more + _HALF * bias_step / step


def _largest(values: Array) -> float:
    return float(np.abs(values).max(initial=0.0))
