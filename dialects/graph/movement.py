"""Ops that move values without changing them.

Where a dimension is moved by a constant distance (concat, slice, pad), the table says that it is whole; the methods
`positions`, `ranges` and `low_pads` tell the distances to levels that place boxes themselves.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import ClassVar, Self

from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, StringAttr, TensorType, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import (
    GraphOp,
    Tensor,
    check_axes,
    check_positions,
    check_value,
    integers,
    pointwise,
    tensor_type,
)
from dialects.graph.properties import Arguments, Plain, to_attribute
from dialects.graph.regrouping import regroup
from dialects.indexing import Access, Along, Anywhere, Indexing, Whole


@irdl_op_definition
class TransposeOp(GraphOp):
    """Dimension d of the result is dimension permutation[d] of the operand. ONNX: Transpose."""

    name = "graph.transpose"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    input = operand_def(TensorType)
    permutation = prop_def(DenseArrayBase)

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation as integers."""
        return integers(self.permutation)

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        if sorted(self.order) != list(range(x.get_num_dims())):
            raise VerifyException(f"graph.transpose: {list(self.order)} is not a permutation of the dimensions of {x}")
        return TensorType(x.element_type, [x.get_shape()[d] for d in self.order])

    def indexing(self) -> Indexing:
        return Indexing((1,) * len(self.order), (tuple(Along(self.order.index(d)) for d in range(len(self.order))),))


class ShapedOp(GraphOp):
    """An op whose result shape is given by its result type alone."""

    input = operand_def(TensorType)
    NEEDS_SHAPE: ClassVar[bool] = True

    @classmethod
    def to(
        cls, operand: SSAValue | Operation, shape: Sequence[int], **properties: Plain | Sequence[int] | Sequence[float]
    ) -> Self:
        """Op whose result has this shape. Raises VerifyException when the operand does not fit."""
        value = SSAValue.get(operand)
        op = cls.create(
            operands=[value],
            result_types=[TensorType(tensor_type(value).element_type, shape)],
            properties={name: to_attribute(value) for name, value in sorted(properties.items())},
        )
        try:
            op.infer()
        except VerifyException:
            op.erase()
            raise
        return op


@irdl_op_definition
class ReshapeOp(ShapedOp):
    """The same values in row-major order in another shape. ONNX: Reshape, Flatten, Squeeze, Unsqueeze."""

    name = "graph.reshape"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    def infer(self) -> Tensor:
        x, shape = tensor_type(self.input), self.result_type.get_shape()
        if x.element_count() != self.result_type.element_count():
            raise VerifyException(f"graph.reshape: {x.element_count()} elements of {x} do not fit shape {list(shape)}")
        return TensorType(x.element_type, shape)

    DERIVED: ClassVar[tuple[str, ...]] = ("rank",)

    def arguments(self) -> Arguments:
        return {"rank": tensor_type(self.input).get_num_dims()}

    def indexing(self) -> Indexing:
        return regroup(tensor_type(self.input).get_shape(), self.result_type.get_shape())


@irdl_op_definition
class ExpandOp(ShapedOp):
    """Dimensions of size 1 repeated; operand and result have equal rank. ONNX: Expand."""

    name = "graph.expand"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    def infer(self) -> Tensor:
        x, shape = tensor_type(self.input), self.result_type.get_shape()
        if x.get_num_dims() != len(shape) or any(
            size not in (1, full) for size, full in zip(x.get_shape(), shape, strict=True)
        ):
            raise VerifyException(f"graph.expand: {x} does not expand to shape {list(shape)}")
        return TensorType(x.element_type, shape)

    def indexing(self) -> Indexing:
        return pointwise(self)


def moved(rank: int, axes: Sequence[int], operands: int) -> Indexing:
    """Table of an op that moves positions along `axes` and keeps the others."""
    access: tuple[Access, ...] = tuple(Whole() if d in axes else Along(d) for d in range(rank))
    return Indexing(tuple(0 if d in axes else 1 for d in range(rank)), (access,) * operands)


@irdl_op_definition
class ConcatOp(GraphOp):
    """The operands one after the other along `axis`. ONNX: Concat."""

    name = "graph.concat"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    inputs = var_operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))

    def positions(self) -> tuple[int, ...]:
        """Where along `axis` each operand begins in the result."""
        sizes = [operand.get_shape()[self.axis.value.data] for operand in self.operand_types]
        return tuple(accumulate(sizes, initial=0))[:-1]

    def infer(self) -> Tensor:
        types, axis = self.operand_types, self.axis.value.data
        if not types:
            raise VerifyException("graph.concat: needs an operand")
        first = types[0]
        check_axes(self.name, [axis], first)
        around = (*first.get_shape()[:axis], *first.get_shape()[axis + 1 :])
        for other in types[1:]:
            shape = other.get_shape()
            fits = len(shape) == first.get_num_dims() and (*shape[:axis], *shape[axis + 1 :]) == around
            if not fits or other.element_type != first.element_type:
                raise VerifyException(f"graph.concat: {first} and {other} do not join along dimension {axis}")
        size = sum(operand.get_shape()[axis] for operand in types)
        return TensorType(first.element_type, [*around[:axis], size, *around[axis:]])

    def indexing(self) -> Indexing:
        return moved(self.result_type.get_num_dims(), [self.axis.value.data], len(self.operands))


@irdl_op_definition
class SliceOp(GraphOp):
    """Positions starts[d], starts[d] + steps[d], .. before stops[d] of every dimension d. ONNX: Slice, Split.

    With a positive step 0 <= start <= stop <= size; with a negative one size > start >= stop >= -1.
    """

    name = "graph.slice"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    input = operand_def(TensorType)
    starts = prop_def(DenseArrayBase)
    stops = prop_def(DenseArrayBase)
    steps = prop_def(DenseArrayBase)

    @classmethod
    def properties_of_call(
        cls, operands: Sequence[Tensor], result: Tensor, arguments: Mapping[str, Attribute]
    ) -> dict[str, Attribute]:
        """A dimension that is taken whole may be cut: then a block of it is taken whole."""
        properties = super().properties_of_call(operands, result, arguments)
        given = [properties.get(name) for name in ("starts", "stops", "steps")]
        starts, stops, steps = (() if array is None else integers(array) for array in given)
        sizes = operands[0].get_shape() if operands else ()
        if len(starts) == len(stops) == len(steps) == len(sizes):
            uncut = [(start, step) == (0, 1) for start, step in zip(starts, steps, strict=True)]
            ends = [min(stop, size) if whole else stop for stop, size, whole in zip(stops, sizes, uncut, strict=True)]
            properties["stops"] = to_attribute(ends)
        return properties

    def ranges(self) -> tuple[range, ...]:
        """Positions of the operand that the result takes, per dimension."""
        return tuple(map(range, integers(self.starts), integers(self.stops), integers(self.steps)))

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        lengths = {len(integers(values)) for values in (self.starts, self.stops, self.steps)}
        if lengths != {x.get_num_dims()} or 0 in integers(self.steps):
            raise VerifyException(
                f"graph.slice: starts, stops and steps (none of them 0) are needed for every dimension of {x}"
            )
        for d, (taken, size) in enumerate(zip(self.ranges(), x.get_shape(), strict=True)):
            low, high = (0, size) if taken.step > 0 else (-1, size - 1)
            if not (low <= taken.stop <= size and 0 <= taken.start <= max(high, 0)):
                raise VerifyException(f"graph.slice: {taken} is outside of dimension {d} of {x}")
        return TensorType(x.element_type, [len(taken) for taken in self.ranges()])

    def indexing(self) -> Indexing:
        sizes = tensor_type(self.input).get_shape()
        axes = [d for d, taken in enumerate(self.ranges()) if taken != range(sizes[d])]
        return moved(len(sizes), axes, 1)


@irdl_op_definition
class PadOp(GraphOp):
    """Positions added around the operand: of `value`, or as the mode says (edge, reflect, wrap). ONNX: Pad."""

    name = "graph.pad"
    KEEPS_SCALE: ClassVar[bool] = True

    input = operand_def(TensorType)
    pads = prop_def(DenseArrayBase)
    """Positions before each dimension, then positions after each; none is negative."""
    value = prop_def(FloatAttr)
    """What mode `constant` adds."""
    mode = prop_def(StringAttr)

    def low_pads(self) -> tuple[int, ...]:
        """Where the operand begins in the result, per dimension."""
        return integers(self.pads)[: tensor_type(self.input).get_num_dims()]

    def infer(self) -> Tensor:
        x, pads, rank = tensor_type(self.input), integers(self.pads), tensor_type(self.input).get_num_dims()
        if len(pads) != 2 * rank or min(pads, default=0) < 0:
            raise VerifyException(f"graph.pad: pads {list(pads)} for {x}; two per dimension are needed, none negative")
        if self.mode.data not in ("constant", "edge", "reflect", "wrap"):
            raise VerifyException(f"graph.pad: mode {self.mode.data!r} is none of constant, edge, reflect, wrap")
        if self.mode.data != "constant" and any(
            size == 0 and pads[d] + pads[d + rank] for d, size in enumerate(x.get_shape())
        ):
            raise VerifyException(f"graph.pad: mode {self.mode.data!r} has nothing to repeat in {x}")
        check_value(self.name, self.value.value.data, x.element_type)
        return TensorType(x.element_type, [pads[d] + size + pads[d + rank] for d, size in enumerate(x.get_shape())])

    def numpy_calls(self) -> int:
        """Where the operand is repeated, at most as much is added at a time as there is."""
        if self.mode.data in ("constant", "edge"):
            return 1
        pads, x = integers(self.pads), tensor_type(self.input).get_shape()
        return 1 + sum((pads[d] + pads[d + len(x)]) // max(size - 1, 1) for d, size in enumerate(x))

    def indexing(self) -> Indexing:
        pads, rank = integers(self.pads), self.result_type.get_num_dims()
        return moved(rank, [d for d in range(rank) if pads[d] or pads[d + rank]], 1)


@irdl_op_definition
class GatherOp(GraphOp):
    """Slices of the data along `axis`, in the order of the indices (negative ones count from the end). ONNX: Gather.

    result[.., i.., ..] = data[.., indices[i..], ..].
    """

    name = "graph.gather"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    data = operand_def(TensorType)
    indices = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))

    def infer(self) -> Tensor:
        data, indices = self.operand_types
        axis = self.axis.value.data
        check_axes(self.name, [axis], data)
        check_positions(self.name, indices)
        shape = data.get_shape()
        return TensorType(data.element_type, [*shape[:axis], *indices.get_shape(), *shape[axis + 1 :]])

    DERIVED: ClassVar[tuple[str, ...]] = ("rank", "index_rank")

    def arguments(self) -> Arguments:
        data, indices = self.operand_types
        return {**super().arguments(), "rank": data.get_num_dims(), "index_rank": indices.get_num_dims()}

    def indexing(self) -> Indexing:
        data, indices = self.operand_types
        axis, moved_by = self.axis.value.data, indices.get_num_dims() - 1
        table: tuple[Access, ...] = tuple(
            Anywhere() if d == axis else Along(d if d < axis else d + moved_by) for d in range(data.get_num_dims())
        )
        return Indexing(
            (1,) * self.result_type.get_num_dims(),
            (table, tuple(Along(axis + d) for d in range(indices.get_num_dims()))),
        )


@irdl_op_definition
class GatherElementsOp(GraphOp):
    """result[i, .., j] = data[i, .., indices[i, .., j], ..] with the index at dimension `axis`.

    ONNX: GatherElements.
    """

    name = "graph.gather_elements"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    data = operand_def(TensorType)
    indices = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))

    def infer(self) -> Tensor:
        data, indices = self.operand_types
        axis = self.axis.value.data
        check_axes(self.name, [axis], data)
        check_positions(self.name, indices)
        fits = data.get_num_dims() == indices.get_num_dims() and all(
            d == axis or have <= size
            for d, (size, have) in enumerate(zip(data.get_shape(), indices.get_shape(), strict=True))
        )
        if not fits:
            raise VerifyException(f"graph.gather_elements: indices {indices} do not fit {data} along dimension {axis}")
        return TensorType(data.element_type, indices.get_shape())

    def indexing(self) -> Indexing:
        rank, axis = self.result_type.get_num_dims(), self.axis.value.data
        along = tuple(Along(d) for d in range(rank))
        return Indexing((1,) * rank, (tuple(Anywhere() if d == axis else along[d] for d in range(rank)), along))


MOVEMENT_OPS: tuple[type[GraphOp], ...] = (
    TransposeOp,
    ReshapeOp,
    ExpandOp,
    ConcatOp,
    SliceOp,
    PadOp,
    GatherOp,
    GatherElementsOp,
)
