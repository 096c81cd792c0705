"""Ops that contract, run by HMX: `graph.conv`, `graph.conv_transpose` and `graph.matmul`.

Both may add a bias and apply an activation before rounding.
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, StringAttr, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import (
    GraphOp,
    Tensor,
    broadcast_access,
    broadcast_shape,
    check_float,
    check_same_element,
    integers,
    numbers,
    tensor_type,
)
from dialects.graph.kernels.activation import ACTIVATIONS
from dialects.graph.properties import Arguments
from dialects.graph.transposed import TransposedWindowsOp
from dialects.graph.windows import channels_and_image, check_window, window_extents
from dialects.indexing import Access, Along, Indexing, Whole, scaled, window


class ContractionOp(GraphOp):
    """An op whose sums take a bias and an activation."""

    FOLDS: ClassVar[bool] = False

    activation = opt_prop_def(StringAttr)
    """One of `kernels.activation.ACTIVATIONS`, applied to the sums."""
    bounds = opt_prop_def(DenseArrayBase)
    """Lower and upper limit of the activation `clip`."""

    def verify_(self) -> None:
        super().verify_()
        check_same_element(self.name, *self.operand_types)
        if self.activation is None:
            return
        name = self.activation.data
        check_float(f"{self.name}: activation {name!r}", self.result_type)
        if name not in ACTIVATIONS:
            raise VerifyException(f"{self.name}: activation {name!r} is none of {', '.join(ACTIVATIONS)}")
        if (name == "clip") != (self.bounds is not None and len(numbers(self.bounds)) == 2):
            raise VerifyException(f"{self.name}: activation {name!r} with bounds {self.bounds}; clip alone takes two")


def conv_windows(
    weight: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> tuple[Along, Along]:
    """What rows and columns of a convolution need of its input, for a weight of [rows, columns, ..]."""
    rows, columns = (window(1 + d, strides[d], pads[d], (weight[d] - 1) * dilations[d] + 1) for d in (0, 1))
    return rows, columns


def product_shape(name: str, a: Tensor, b: Tensor) -> tuple[int, ...]:
    """Shape of a matrix product; raises VerifyException when there is none."""
    if a.get_num_dims() < 2 or b.get_num_dims() < 2 or a.get_shape()[-1] != b.get_shape()[-2]:
        raise VerifyException(f"{name}: {a} and {b} have no product")
    if b.get_num_dims() not in (2, a.get_num_dims()):
        raise VerifyException(f"{name}: {a} and {b} need equal rank, or rank 2 on the right")
    lead = broadcast_shape(name, a.get_shape()[:-2], b.get_shape()[:-2])
    return (*lead, a.get_shape()[-2], b.get_shape()[-1])


def product_accesses(a: Tensor, b: Tensor, result: Tensor) -> tuple[tuple[Access, ...], tuple[Access, ...]]:
    """What a part of a matrix product needs of its operands."""
    shape = result.get_shape()
    left, right = a.get_shape(), b.get_shape()
    lhs = (*broadcast_access((*left[:-2], shape[-2], 1), (*shape[:-1], 1))[:-1], Whole())
    rhs = (*broadcast_access((*right[:-2], 1, 1), (*shape[:-2], 1, 1))[:-2], Whole(), Along(len(shape) - 1))
    return lhs, rhs


@irdl_op_definition
class ConvOp(ContractionOp):
    """Convolution over rows and columns, channels last. ONNX: Conv.

    input [N, H, W, C], weight [kh, kw, C / groups, F], bias [F]; result [N, H', W', F] with
    H' = (H + before + after - dilation * (kh - 1) - 1) / stride + 1. Groups follow from the shapes.
    """

    name = "graph.conv"

    input = operand_def(TensorType)
    weight = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    strides = prop_def(DenseArrayBase)
    """Of rows and columns."""
    dilations = prop_def(DenseArrayBase)
    """Of rows and columns."""
    pads = prop_def(DenseArrayBase)
    """Zeros: rows before, columns before, rows after, columns after."""

    @property
    def groups(self) -> int:
        """Number of groups of channels that see each other."""
        return tensor_type(self.input).get_shape()[3] // tensor_type(self.weight).get_shape()[2]

    def infer(self) -> Tensor:
        x, w = tensor_type(self.input), tensor_type(self.weight)
        n, rows, columns = channels_and_image(self.name, x, w)
        kh, kw, _, features = w.get_shape()
        if self.bias is not None and tensor_type(self.bias).get_shape() != (features,):
            raise VerifyException(f"graph.conv: bias {self.bias.type} for {features} features")
        kernel = check_window(self.name, (kh, kw), self.strides, self.dilations, self.pads)
        extents = window_extents(self.name, (rows, columns), kernel, self.strides, self.dilations, self.pads)
        return TensorType(x.element_type, [n, *extents, features])

    def numpy_calls(self) -> int:
        kh, kw, depth, _ = tensor_type(self.weight).get_shape()
        return kh * kw * (1 if depth == 1 else self.groups)

    def workspace(self) -> int:
        """What lies under the window, for every position of the result."""
        return prod(self.result_type.get_shape()[:3]) * prod(tensor_type(self.weight).get_shape()[:3])

    def local_arguments(self) -> Arguments:
        return {**self.arguments(), "pads": (0, 0, 0, 0)}

    def indexing(self) -> Indexing:
        kh, kw, depth, features = tensor_type(self.weight).get_shape()
        strides, dilations, pads = map(integers, (self.strides, self.dilations, self.pads))
        per_group = features // self.groups
        rows, columns = conv_windows((kh, kw), strides, dilations, pads)
        channels = Whole() if self.groups == 1 else scaled(3, depth, per_group)
        weight = (Whole(), Whole(), Whole(), Along(3))
        bias = ((Along(3),),) if self.bias is not None else ()
        return Indexing(
            (1, 1, 1, 1 if self.groups == 1 else per_group),
            ((Along(0), rows, columns, channels), weight, *bias),
        )


@irdl_op_definition
class ConvTransposeOp(TransposedWindowsOp, ContractionOp):
    """Transposed convolution over rows and columns, channels last. ONNX: ConvTranspose.

    input [N, H, W, C], weight [kh, kw, C / groups, F], bias [F]; result [N, H', W', F] with
    H' = (H - 1) * stride + dilation * (kh - 1) + 1 - before - after. Input row i times weight row k is part of result
    row stride * i + dilation * k - before.
    """

    name = "graph.conv_transpose"

    input = operand_def(TensorType)
    weight = operand_def(TensorType)
    bias = opt_operand_def(TensorType)

    def infer(self) -> Tensor:
        x, features = tensor_type(self.input), tensor_type(self.weight).get_shape()[-1:]
        shape = self.transposed_shape()
        if self.bias is not None and tensor_type(self.bias).get_shape() != features:
            raise VerifyException(f"{self.name}: bias {self.bias.type} for {features[0]} features")
        return TensorType(x.element_type, shape)


@irdl_op_definition
class MatmulOp(ContractionOp):
    """Matrix product [.., M, K] x [.., K, N], plus bias [N]. ONNX: MatMul, Gemm.

    Leading dimensions broadcast; the operands have equal rank, or the right one has rank 2.
    """

    name = "graph.matmul"

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    bias = opt_operand_def(TensorType)

    def infer(self) -> Tensor:
        a, b = tensor_type(self.lhs), tensor_type(self.rhs)
        shape = product_shape(self.name, a, b)
        if self.bias is not None and tensor_type(self.bias).get_shape() != shape[-1:]:
            raise VerifyException(f"graph.matmul: bias {self.bias.type} for {shape[-1]} columns")
        return TensorType(a.element_type, shape)

    def indexing(self) -> Indexing:
        rank = self.result_type.get_num_dims()
        lhs, rhs = product_accesses(tensor_type(self.lhs), tensor_type(self.rhs), self.result_type)
        bias = ((Along(rank - 1),),) if self.bias is not None else ()
        return Indexing((1,) * rank, (lhs, rhs, *bias))


CONTRACTION_OPS: tuple[type[GraphOp], ...] = (ConvOp, ConvTransposeOp, MatmulOp)
