"""Averages of integers: exact sums, of which the rescaling divides by the count."""

from xdsl.dialects.builtin import BoolAttr, DenseArrayBase, TensorType
from xdsl.irdl import irdl_op_definition, prop_def

from dialects.graph.base import Tensor, check_axes, integers, tensor_type
from dialects.graph.pooling import pool_indexing, pool_shape
from dialects.graph.properties import Arguments
from dialects.graph.reduction import reduced_indexing, reduced_type
from dialects.indexing import Indexing
from dialects.quantized.base import QuantizedOp
from dialects.quantized.conversion import UnaryRescaledOp


@irdl_op_definition
class AveragePoolOp(UnaryRescaledOp):
    """Average under a window, padding included, as `graph.average_pool`."""

    name = "quantized.average_pool"

    kernel_shape = prop_def(DenseArrayBase)
    """Rows and columns of the window."""
    strides = prop_def(DenseArrayBase)
    """Of rows and columns."""
    dilations = prop_def(DenseArrayBase)
    """Of rows and columns."""
    pads = prop_def(DenseArrayBase)
    """Positions that mean 0: rows before, columns before, rows after, columns after."""

    @property
    def padding(self) -> float:
        return self.input_offset.value.data

    def infer(self) -> Tensor:
        shape = pool_shape(
            self.name, tensor_type(self.input), self.kernel_shape, self.strides, self.dilations, self.pads
        )
        return TensorType(self.to, shape)

    def local_arguments(self) -> Arguments:
        return {**self.arguments(), "pads": (0, 0, 0, 0)}

    def numpy_calls(self) -> int:
        rows, columns = integers(self.kernel_shape)
        return rows * columns

    def indexing(self) -> Indexing:
        return pool_indexing(*map(integers, (self.kernel_shape, self.strides, self.dilations, self.pads)))


@irdl_op_definition
class ReduceMeanOp(UnaryRescaledOp):
    """Arithmetic mean along `axes`, as `graph.reduce_mean`."""

    name = "quantized.reduce_mean"

    axes = prop_def(DenseArrayBase)
    keepdims = prop_def(BoolAttr)

    def infer(self) -> Tensor:
        x, axes = tensor_type(self.input), integers(self.axes)
        check_axes(self.name, axes, x)
        return reduced_type(x, axes, bool(self.keepdims.value.data), self.to)

    def indexing(self) -> Indexing:
        kept = bool(self.keepdims.value.data)
        return reduced_indexing(tensor_type(self.input).get_num_dims(), integers(self.axes), kept)


POOLING_OPS: tuple[type[QuantizedOp], ...] = (AveragePoolOp, ReduceMeanOp)
