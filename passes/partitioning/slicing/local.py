"""The op by which one device computes its slice of a result."""

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.graph.base import GraphOp, integers, tensor_type
from dialects.graph.contraction import ConvOp
from dialects.graph.movement import SliceOp
from dialects.graph.pooling import PoolOp
from dialects.graph.properties import to_attribute
from dialects.indexing import Along
from dialects.quantized import contraction as quantized_contraction
from dialects.quantized import pooling as quantized_pooling
from passes.partitioning.slicing.states import Slices, State, box_of, extents

WINDOWED = (ConvOp, PoolOp, quantized_contraction.ConvOp, quantized_pooling.AveragePoolOp)
"""Ops on images [N, rows, columns, C] with the property `pads`: rows and columns before, then behind."""


def local_op(op: GraphOp, operands: Sequence[SSAValue | Operation], state: State, device: int) -> GraphOp:
    """The op on what a device has of the operands, for what it is to have of the result. Without an optional last
    operand the result is that of the op without it.
    """
    box = box_of(state, op.result_type.get_shape(), device)
    assert box is not None
    new = type(op).create(
        operands=[SSAValue.get(operand) for operand in operands],
        result_types=[TensorType(op.result_type.element_type, extents(box))],
        properties=_properties(op, state, device),
        attributes=op.attributes,
    )
    new.location = op.location
    return new


def _properties(op: GraphOp, state: State, device: int) -> dict[str, Attribute]:
    properties = dict(op.properties)
    if not isinstance(state, Slices):
        return properties
    low, high = state.parts[device]
    if isinstance(op, SliceOp):
        properties["stops"] = to_attribute(_replaced(integers(op.stops), {state.dim: high - low}))
    if isinstance(op, WINDOWED) and state.dim in (1, 2):
        access, size = op.indexing().operands[0][state.dim], tensor_type(op.input).get_shape()[state.dim]
        assert isinstance(access, Along)
        first, end = access.interval(low, high)
        pads = {state.dim - 1: max(0, -first), state.dim + 1: max(0, end - size)}
        properties["pads"] = to_attribute(_replaced(integers(op.pads), pads))
    return properties


def _replaced(values: Sequence[int], new: dict[int, int]) -> list[int]:
    return [new.get(index, value) for index, value in enumerate(values)]
