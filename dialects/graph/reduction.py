"""Reductions along dimensions, positions of extremes, running sums."""

from typing import ClassVar

from xdsl.dialects.builtin import BoolAttr, DenseArrayBase, IntegerAttr, TensorType, i64
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_axes, check_number, integers, tensor_type
from dialects.graph.normalization import whole_along
from dialects.indexing import Access, Along, Indexing, Whole


def reduced_type(x: Tensor, axes: tuple[int, ...], keepdims: bool, element: Attribute) -> Tensor:
    """Type after reduction: reduced dimensions have size 1, or vanish."""
    sizes = [1 if d in axes else size for d, size in enumerate(x.get_shape()) if keepdims or d not in axes]
    return TensorType(element, sizes)


def reduced_indexing(rank: int, axes: tuple[int, ...], keepdims: bool) -> Indexing:
    """Table of a reduction: reduced dimensions are read whole, and are not cut where they are kept with size 1."""
    kept = [d for d in range(rank) if keepdims or d not in axes]
    access: tuple[Access, ...] = tuple(Whole() if d in axes else Along(kept.index(d)) for d in range(rank))
    return Indexing(tuple(0 if d in axes else 1 for d in kept), (access,))


class ReduceOp(GraphOp):
    """A reduction along `axes`, which stay with size 1 if `keepdims`, else vanish."""

    input = operand_def(TensorType)
    axes = prop_def(DenseArrayBase)
    keepdims = prop_def(BoolAttr)

    @property
    def kept(self) -> bool:
        """Whether reduced dimensions stay, with size 1."""
        return bool(self.keepdims.value.data)

    def infer(self) -> Tensor:
        x, axes = tensor_type(self.input), integers(self.axes)
        check_axes(self.name, axes, x)
        return reduced_type(x, axes, self.kept, x.element_type)

    def indexing(self) -> Indexing:
        return reduced_indexing(tensor_type(self.input).get_num_dims(), integers(self.axes), self.kept)


@irdl_op_definition
class ReduceSumOp(ReduceOp):
    """Sum. ONNX: ReduceSum."""

    name = "graph.reduce_sum"


@irdl_op_definition
class ReduceMeanOp(ReduceOp):
    """Arithmetic mean. ONNX: ReduceMean, GlobalAveragePool."""

    name = "graph.reduce_mean"


@irdl_op_definition
class ReduceMaxOp(ReduceOp):
    """Maximum. ONNX: ReduceMax, GlobalMaxPool."""

    name = "graph.reduce_max"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True


@irdl_op_definition
class ReduceMinOp(ReduceOp):
    """Minimum. ONNX: ReduceMin."""

    name = "graph.reduce_min"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True


@irdl_op_definition
class ReduceProdOp(ReduceOp):
    """Product. ONNX: ReduceProd."""

    name = "graph.reduce_prod"


class PositionOp(GraphOp):
    """Position (i64) of an extreme along `axis`: of the first, or with `select_last` the last one."""

    input = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))
    keepdims = prop_def(BoolAttr)
    select_last = prop_def(BoolAttr)

    def infer(self) -> Tensor:
        x, axis = tensor_type(self.input), self.axis.value.data
        check_axes(self.name, [axis], x)
        if x.get_shape()[axis] == 0:
            raise VerifyException(f"{self.name}: dimension {axis} of {x} is empty")
        return reduced_type(x, (axis,), bool(self.keepdims.value.data), i64)

    def indexing(self) -> Indexing:
        rank = tensor_type(self.input).get_num_dims()
        return reduced_indexing(rank, (self.axis.value.data,), bool(self.keepdims.value.data))


@irdl_op_definition
class ArgMaxOp(PositionOp):
    """Position of the maximum. ONNX: ArgMax."""

    name = "graph.arg_max"


@irdl_op_definition
class ArgMinOp(PositionOp):
    """Position of the minimum. ONNX: ArgMin."""

    name = "graph.arg_min"


@irdl_op_definition
class TopPositionsOp(GraphOp):
    """Positions (i64) of the `count` greatest values along `axis`, or of the least ones, the most extreme first.

    ONNX: TopK.
    """

    name = "graph.top_positions"

    input = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))
    count = prop_def(IntegerAttr.constr(i64))
    largest = prop_def(BoolAttr)

    def infer(self) -> Tensor:
        x, axis, count = tensor_type(self.input), self.axis.value.data, self.count.value.data
        check_axes(self.name, [axis], x)
        if not 0 <= count <= x.get_shape()[axis]:
            raise VerifyException(f"{self.name}: {count} positions of dimension {axis} of {x}")
        return TensorType(i64, [count if d == axis else size for d, size in enumerate(x.get_shape())])

    def indexing(self) -> Indexing:
        return whole_along(self.axis.value.data, self.result_type.get_num_dims())


@irdl_op_definition
class CumsumOp(GraphOp):
    """Sum of the positions up to each one along `axis`, without itself if `exclusive`, from the end if `reverse`.

    ONNX: CumSum.
    """

    name = "graph.cumsum"

    input = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))
    exclusive = prop_def(BoolAttr)
    reverse = prop_def(BoolAttr)

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        check_number(self.name, x)
        check_axes(self.name, [self.axis.value.data], x)
        return TensorType(x.element_type, x.get_shape())

    def indexing(self) -> Indexing:
        return whole_along(self.axis.value.data, self.result_type.get_num_dims())


REDUCTION_OPS: tuple[type[GraphOp], ...] = (
    ReduceSumOp,
    ReduceMeanOp,
    ReduceMaxOp,
    ReduceMinOp,
    ReduceProdOp,
    ArgMaxOp,
    ArgMinOp,
    TopPositionsOp,
    CumsumOp,
)
