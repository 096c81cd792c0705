"""Pooling over rows and columns, channels last."""

from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_float, integers, tensor_type
from dialects.graph.properties import Arguments
from dialects.graph.windows import check_window, window_extents
from dialects.indexing import Along, Indexing, window


class PoolOp(GraphOp):
    """A window over rows and columns: input [N, H, W, C], result [N, H', W', C]."""

    input = operand_def(TensorType)
    kernel_shape = prop_def(DenseArrayBase)
    """Rows and columns of the window."""
    strides = prop_def(DenseArrayBase)
    """Of rows and columns."""
    dilations = prop_def(DenseArrayBase)
    """Of rows and columns."""
    pads = prop_def(DenseArrayBase)
    """Positions added: rows before, columns before, rows after, columns after."""

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        if x.get_num_dims() != 4:
            raise VerifyException(f"{self.name}: input needs 4 dimensions, got {x}")
        n, rows, columns, channels = x.get_shape()
        kernel = check_window(self.name, integers(self.kernel_shape), self.strides, self.dilations, self.pads)
        shape = window_extents(self.name, (rows, columns), kernel, self.strides, self.dilations, self.pads)
        return TensorType(x.element_type, [n, *shape, channels])

    def local_arguments(self) -> Arguments:
        return {**self.arguments(), "pads": (0, 0, 0, 0)}

    def numpy_calls(self) -> int:
        return prod(integers(self.kernel_shape))

    def indexing(self) -> Indexing:
        kernel, strides, dilations, pads = map(integers, (self.kernel_shape, self.strides, self.dilations, self.pads))
        rows, columns = (window(1 + d, strides[d], pads[d], (kernel[d] - 1) * dilations[d] + 1) for d in (0, 1))
        return Indexing((1, 1, 1, 1), ((Along(0), rows, columns, Along(3)),))


@irdl_op_definition
class MaxPoolOp(PoolOp):
    """Greatest value under the window; padding never wins. ONNX: MaxPool without indices."""

    name = "graph.max_pool"
    EXACT: ClassVar[bool] = True
    PADDING: ClassVar[float] = float("-inf")


@irdl_op_definition
class AveragePoolOp(PoolOp):
    """Sum under the window, zeros where it is padded, divided by the window's size.

    ONNX: AveragePool with count_include_pad.
    """

    name = "graph.average_pool"

    def infer(self) -> Tensor:
        check_float(self.name, tensor_type(self.input))
        return super().infer()


POOLING_OPS: tuple[type[GraphOp], ...] = (MaxPoolOp, AveragePoolOp)
