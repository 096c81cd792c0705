"""Element-wise ops on integers: sums, products, limits, and tables of any function of one operand."""

from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import storage_type
from dialects.graph.base import (
    GraphOp,
    Tensor,
    broadcast_access,
    broadcast_shape,
    integers,
    like,
    pointwise,
    tensor_type,
)
from dialects.graph.properties import Arguments
from dialects.indexing import Indexing, Whole
from dialects.quantized.base import INTEGER, SHIFTS, QuantizedOp, RescalingOp, check_integers, check_offset
from dialects.quantized.conversion import RescaledOp
from dialects.quantized.parameters import LIMITS


class QuantizedBinaryOp(RescalingOp):
    """An element-wise op on two operands that broadcast."""

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    input_offsets = prop_def(DenseArrayBase)
    """The integers of both operands that mean 0."""

    def infer(self) -> Tensor:
        a, b = tensor_type(self.lhs), tensor_type(self.rhs)
        return TensorType(self.to, broadcast_shape(self.name, a.get_shape(), b.get_shape()))

    def indexing(self) -> Indexing:
        return pointwise(self)

    def verify_(self) -> None:
        super().verify_()
        offsets = integers(self.input_offsets)
        if len(offsets) != 2:
            raise VerifyException(f"{self.name}: two operands, but input_offsets {list(offsets)}")
        for operand, offset in zip(self.operand_types, offsets, strict=True):
            check_offset(self.name, "input offset", offset, operand.element_type)


@irdl_op_definition
class AddOp(QuantizedBinaryOp):
    """a + b: both on the scale of the result by multipliers that share a shift, so that the sum is rounded once."""

    name = "quantized.add"

    multipliers = prop_def(DenseArrayBase)
    """Of both operands: the factors are multiplier / 2^shift."""
    shift = prop_def(INTEGER)

    def verify_(self) -> None:
        super().verify_()
        multipliers, shift = integers(self.multipliers), self.shift.value.data
        fit = len(multipliers) == 2 and all(0 <= m < 1 << 31 for m in multipliers)
        if not fit or not SHIFTS[0] <= shift <= SHIFTS[1]:
            raise VerifyException(
                f"{self.name}: multipliers {list(multipliers)} and shift {shift}; "
                f"they are two from 0 to 2^31 - 1 and {SHIFTS[0]} to {SHIFTS[1]}"
            )


@irdl_op_definition
class MulOp(QuantizedBinaryOp, RescaledOp):
    """a b, rounded once."""

    name = "quantized.mul"


@irdl_op_definition
class ClipOp(GraphOp):
    """Integers within limits, on the scale that they have: ReLU and Clip of a quantized tensor."""

    name = "quantized.clip"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    input = operand_def(TensorType)
    limits = prop_def(DenseArrayBase)
    """Least and greatest integer."""

    def infer(self) -> Tensor:
        low, high = LIMITS[check_integers(self.name, tensor_type(self.input).element_type)]
        limits = integers(self.limits)
        if len(limits) != 2 or not low <= limits[0] <= limits[1] <= high:
            raise VerifyException(f"{self.name}: limits {list(limits)} are no two integers from {low} to {high}")
        return like(tensor_type(self.input))

    def indexing(self) -> Indexing:
        return pointwise(self)


@irdl_op_definition
class LookUpOp(QuantizedOp):
    """A function of one operand, as the table of its results for every integer from the lowest on."""

    name = "quantized.look_up"
    DERIVED: ClassVar[tuple[str, ...]] = ("lowest",)

    input = operand_def(TensorType)
    table = operand_def(TensorType)

    def infer(self) -> Tensor:
        x, table = tensor_type(self.input), tensor_type(self.table)
        bits = check_integers(self.name, x.element_type)
        if table.get_shape() != (1 << bits,) or table.element_type != storage_type(self.to):
            raise VerifyException(f"{self.name}: a table of {1 << bits} {storage_type(self.to)}, got {table}")
        check_integers(self.name, self.to)
        return like(x, self.to)

    def arguments(self) -> Arguments:
        low, _ = LIMITS[check_integers(self.name, tensor_type(self.input).element_type)]
        return {**super().arguments(), "lowest": low}

    def indexing(self) -> Indexing:
        shape = self.result_type.get_shape()
        return Indexing((1,) * len(shape), (broadcast_access(shape, shape), (Whole(),)))


ELEMENTWISE_OPS: tuple[type[GraphOp], ...] = (AddOp, MulOp, ClipOp, LookUpOp)
