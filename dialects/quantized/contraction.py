"""Integer convolution and matrix multiplication, run by HMX: `quantized.conv`, `quantized.conv_transpose` and
`quantized.matmul`.

Sums are exact integers. A table [4, F] of i32 has for each column what brings its sum to the scale of the result: a
bias in units of input scale times weight scale, a multiplier and a shift (`quantized.arithmetic`), and the weight's
offset. It is what HMX reads beside its weights.
"""

from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, TensorType, i32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import Tensor, integers, tensor_type
from dialects.graph.contraction import conv_windows, product_accesses, product_shape
from dialects.graph.properties import Arguments
from dialects.graph.transposed import TransposedWindowsOp
from dialects.graph.windows import channels_and_image, check_window, window_extents
from dialects.indexing import Along, Indexing, Whole, scaled
from dialects.quantized.base import (
    INTEGER,
    TABLE_ROWS,
    RescalingOp,
    check_channels,
    check_integers,
    check_offset,
    check_table,
)


class QuantizedContractionOp(RescalingOp):
    """Sums of products of integers, rescaled by a table."""

    FOLDS: ClassVar[bool] = False

    input_offset = prop_def(INTEGER)
    """The integer of the first operand that means 0."""

    def verify_(self) -> None:
        super().verify_()
        first, second, table = self.operand_types
        bits = [check_integers(self.name, operand.element_type) for operand in (first, second)]
        if bits[0] != bits[1]:
            raise VerifyException(f"{self.name}: operands {first} and {second} have different widths")
        columns = self.result_type.get_shape()[-1]
        if table.element_type != i32 or table.get_shape() != (TABLE_ROWS, columns):
            raise VerifyException(f"{self.name}: a table of i32 [{TABLE_ROWS}, {columns}] rescales, got {table}")
        check_offset(self.name, "input_offset", self.input_offset, first.element_type)
        check_channels(self.name, second)
        check_table(self.name, self.operands[2], second)


@irdl_op_definition
class ConvOp(QuantizedContractionOp):
    """Convolution of integers, channels last, as `graph.conv`: input [N, H, W, C], weight [kh, kw, C / groups, F]."""

    name = "quantized.conv"

    input = operand_def(TensorType)
    weight = operand_def(TensorType)
    table = operand_def(TensorType)
    strides = prop_def(DenseArrayBase)
    """Of rows and columns."""
    dilations = prop_def(DenseArrayBase)
    """Of rows and columns."""
    pads = prop_def(DenseArrayBase)
    """Positions that mean 0: rows before, columns before, rows after, columns after."""

    @property
    def padding(self) -> float:
        return self.input_offset.value.data

    @property
    def groups(self) -> int:
        """Number of groups of channels that see each other."""
        return tensor_type(self.input).get_shape()[3] // tensor_type(self.weight).get_shape()[2]

    def infer(self) -> Tensor:
        x, w = tensor_type(self.input), tensor_type(self.weight)
        n, rows, columns = channels_and_image(self.name, x, w)
        kh, kw, _, features = w.get_shape()
        kernel = check_window(self.name, (kh, kw), self.strides, self.dilations, self.pads)
        extents = window_extents(self.name, (rows, columns), kernel, self.strides, self.dilations, self.pads)
        return TensorType(self.to, [n, *extents, features])

    def local_arguments(self) -> Arguments:
        return {**self.arguments(), "pads": (0, 0, 0, 0)}

    def numpy_calls(self) -> int:
        kh, kw, depth, _ = tensor_type(self.weight).get_shape()
        return kh * kw * (1 if depth == 1 else self.groups)

    def workspace(self) -> int:
        """What lies under the window, for every position of the result."""
        n, rows, columns, _ = self.result_type.get_shape()
        kh, kw, depth, _ = tensor_type(self.weight).get_shape()
        return n * rows * columns * kh * kw * depth

    def indexing(self) -> Indexing:
        _, _, depth, features = tensor_type(self.weight).get_shape()
        per_group = features // self.groups
        rows, columns = conv_windows(
            tensor_type(self.weight).get_shape(), *map(integers, (self.strides, self.dilations, self.pads))
        )
        channels = Whole() if self.groups == 1 else scaled(3, depth, per_group)
        return Indexing(
            (1, 1, 1, 1 if self.groups == 1 else per_group),
            ((Along(0), rows, columns, channels), (Whole(), Whole(), Whole(), Along(3)), (Whole(), Along(3))),
        )


@irdl_op_definition
class ConvTransposeOp(TransposedWindowsOp, QuantizedContractionOp):
    """Transposed convolution of integers, channels last, as `graph.conv_transpose`."""

    name = "quantized.conv_transpose"

    input = operand_def(TensorType)
    weight = operand_def(TensorType)
    table = operand_def(TensorType)

    @property
    def padding(self) -> float:
        return self.input_offset.value.data

    def infer(self) -> Tensor:
        return TensorType(self.to, self.transposed_shape())


@irdl_op_definition
class MatmulOp(QuantizedContractionOp):
    """Matrix product of integers [.., M, K] x [.., K, N], leading dimensions as in `graph.matmul`."""

    name = "quantized.matmul"

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    table = operand_def(TensorType)

    def infer(self) -> Tensor:
        return TensorType(self.to, product_shape(self.name, tensor_type(self.lhs), tensor_type(self.rhs)))

    def indexing(self) -> Indexing:
        rank = self.result_type.get_num_dims()
        lhs, rhs = product_accesses(tensor_type(self.lhs), tensor_type(self.rhs), self.result_type)
        return Indexing((1,) * rank, (lhs, rhs, (Whole(), Along(rank - 1))))


CONTRACTION_OPS: tuple[type[QuantizedContractionOp], ...] = (ConvOp, ConvTransposeOp, MatmulOp)
