"""What the ops of the quantized dialect share.

They are ops on tensors as those of `graph`: a type rule, a kernel, an indexing table. Their numbers are integers, and
all that a kernel needs to know of scales stands in its op's properties as integers: an op means the same on types that
carry scales (`!quantized.uniform`) and on plain integers, to which `lower-uniform-types` brings it. Where types have
scales, the verifier holds properties against them.
"""

from abc import ABC
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, IntegerType, Signedness, i64
from xdsl.ir import Attribute, SSAValue, TypeAttribute
from xdsl.irdl import prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr
from dialects.element_types import storage_type
from dialects.graph.base import GraphOp, Tensor, integers
from dialects.graph.constant import ConstantOp
from dialects.graph.properties import Arguments
from dialects.quantized.arithmetic import MOST_SHIFT
from dialects.quantized.parameters import LIMITS
from dialects.quantized.types import UniformType

INTEGER = IntegerAttr.constr(i64)
"""Constraint of integer properties."""
SHIFTS = (1, MOST_SHIFT)
"""Least and greatest number of bits that rescaling shifts by."""
TABLE_ROWS = 4
"""Of the table of a contraction: bias, multiplier, shift, weight's offset."""
WIDTHS = (8, 16)
"""Bits of the integers that are computed on."""


class QuantizedOp(GraphOp, ABC):
    """An op whose result has the element type `to`."""

    KEEPS_SCALE: ClassVar[bool] = True

    to = prop_def(TypeAttribute)
    """Element type of the result."""

    def arguments(self) -> Arguments:
        return {**super().arguments(), "to": stored(self.to)}


class RescalingOp(QuantizedOp, ABC):
    """An op whose exact result is brought to the scale of integers, which stay within `limits`."""

    output_offset = prop_def(INTEGER)
    """The integer that means 0."""
    limits = prop_def(DenseArrayBase)
    """Least and greatest integer of the result."""

    def verify_(self) -> None:
        super().verify_()
        low, high = LIMITS[check_integers(self.name, self.to)]
        limits = integers(self.limits)
        if len(limits) != 2 or not low <= limits[0] <= limits[1] <= high:
            raise VerifyException(f"{self.name}: limits {list(limits)} are no two integers from {low} to {high}")
        check_offset(self.name, "output_offset", self.output_offset, self.to)


def check_integers(name: str, element: Attribute) -> int:
    """Bits of integers that are computed on. Raises VerifyException for anything else."""
    storage = storage_type(element)
    if not isinstance(storage, IntegerType) or storage.width.data not in WIDTHS:
        raise VerifyException(f"{name}: takes integers of 8 or 16 bits, got {element}")
    if storage.signedness.data is not Signedness.SIGNLESS:
        raise VerifyException(f"{name}: takes signless integers, got {element}")
    return storage.width.data


def check_offset(name: str, what: str, offset: IntegerAttr | int, element: Attribute) -> None:
    """Raises VerifyException unless an offset is an integer of the type, and the one of the type's own scale."""
    value = offset if isinstance(offset, int) else offset.value.data
    low, high = LIMITS[check_integers(name, element)]
    if not low <= value <= high:
        raise VerifyException(f"{name}: {what} {value} is outside {low} to {high}")
    if isinstance(element, UniformType) and element.channel_axis is None and element.scaling.offset != value:
        raise VerifyException(f"{name}: {what} {value}, but the type is {element}")


def check_channels(name: str, tensor: Tensor) -> None:
    """Raises VerifyException where a type has scales for another number of channels, or another dimension, than the
    last of the tensor.
    """
    element, shape = tensor.element_type, tensor.get_shape()
    if not isinstance(element, UniformType) or element.channel_axis is None:
        return
    if element.channel_axis != len(shape) - 1 or element.scales.type.get_shape() != shape[-1:]:
        raise VerifyException(f"{name}: scales {element.scales.type} along axis {element.axis.data} for {tensor}")


def check_rescale(name: str, multiplier: IntegerAttr, shift: IntegerAttr) -> None:
    """Raises VerifyException unless these are a multiplier of 31 bits and a number of bits to shift by."""
    m, s = multiplier.value.data, shift.value.data
    if not 0 <= m < 1 << 31 or not SHIFTS[0] <= s <= SHIFTS[1]:
        raise VerifyException(
            f"{name}: multiplier {m} and shift {s}; they are 0 to 2^31 - 1 and {SHIFTS[0]} to {SHIFTS[1]}"
        )


def check_table(name: str, table: SSAValue, weight: Tensor) -> None:
    """Raises VerifyException unless a table that stands in the text has multipliers and shifts as `check_rescale`
    wants them, and offsets of the weight's integers. What is in a store is not read.
    """
    constant = table.owner
    if not isinstance(constant, ConstantOp) or not isinstance(constant.value, DenseAttr):
        return
    _, multipliers, shifts, offsets = constant.value.array().astype(np.int32).reshape(TABLE_ROWS, -1)
    low, high = LIMITS[check_integers(name, weight.element_type)]
    rows = (
        ("multiplier", multipliers, 0, (1 << 31) - 1),
        ("shift", shifts, *SHIFTS),
        ("weight's offset", offsets, low, high),
    )
    for what, row, least, most in rows:
        wrong = np.flatnonzero((row < least) | (row > most))
        if wrong.size:
            column = wrong.item(0)
            raise VerifyException(f"{name}: {what} {row.item(column)} of column {column} is outside {least} to {most}")


def stored(element: TypeAttribute) -> TypeAttribute:
    """The type of what memory holds of an element type."""
    storage = storage_type(element)
    assert isinstance(storage, TypeAttribute)
    return storage
