"""Pooling over rows and columns, channels last."""

from collections.abc import Sequence
from math import inf, prod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_float, integers, tensor_type
from dialects.graph.properties import Arguments
from dialects.graph.windows import check_window, window_extents
from dialects.indexing import Along, Indexing, window


def pool_shape(
    name: str,
    x: Tensor,
    kernel_shape: DenseArrayBase,
    strides: DenseArrayBase,
    dilations: DenseArrayBase,
    pads: DenseArrayBase,
) -> tuple[int, ...]:
    """Shape of the result of a window over rows and columns; raises VerifyException where there is none."""
    if x.get_num_dims() != 4:
        raise VerifyException(f"{name}: input needs 4 dimensions, got {x}")
    n, rows, columns, channels = x.get_shape()
    kernel = check_window(name, integers(kernel_shape), strides, dilations, pads)
    return (n, *window_extents(name, (rows, columns), kernel, strides, dilations, pads), channels)


def pool_indexing(
    kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> Indexing:
    """Table of a window over rows and columns."""
    rows, columns = (window(1 + d, strides[d], pads[d], (kernel[d] - 1) * dilations[d] + 1) for d in (0, 1))
    return Indexing((1, 1, 1, 1), ((Along(0), rows, columns, Along(3)),))


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
        shape = pool_shape(self.name, x, self.kernel_shape, self.strides, self.dilations, self.pads)
        return TensorType(x.element_type, shape)

    def local_arguments(self) -> Arguments:
        return {**self.arguments(), "pads": (0, 0, 0, 0)}

    def numpy_calls(self) -> int:
        return prod(integers(self.kernel_shape))

    def indexing(self) -> Indexing:
        return pool_indexing(*map(integers, (self.kernel_shape, self.strides, self.dilations, self.pads)))


@irdl_op_definition
class MaxPoolOp(PoolOp):
    """Greatest value under the window; padding never wins. ONNX: MaxPool without indices."""

    name = "graph.max_pool"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    @property
    def padding(self) -> float:
        return -inf


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
