"""Convolution and matrix products."""

from xdsl.dialects.builtin import i32

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from aic.importer.windows import channels_first, channels_last, read_window, transposed_window
from dialects.element_types import is_float
from dialects.graph.contraction import ConvOp, ConvTransposeOp, MatmulOp
from dialects.graph.elementwise import AddOp, MulOp, SubOp


@converts("Conv", note="1-D and 2-D")
def conv(builder: Builder, node: Node) -> Value:
    x, weight, bias = node.operand(0), node.operand(1), node.optional(2)
    if weight.rank != x.rank or weight.shape[0] == 0:
        raise Misfit(f"weight {weight.type} for input {x.type}")
    if node.has("kernel_shape") and node.integers("kernel_shape") != weight.shape[2:]:
        raise Misfit(f"kernel_shape {list(node.integers('kernel_shape'))} for weight {weight.type}")
    window = read_window(node, x, weight.shape[2:])
    groups = node.integer("group", 1)
    if x.shape[1] != groups * weight.shape[1] or weight.shape[0] % groups:
        raise Misfit(f"{groups} groups do not fit input {x.type} and weight {weight.type}")
    kernel = _rows_columns_inputs_outputs(builder, weight)
    operands = [channels_last(builder, x), kernel, *([bias] if bias is not None else [])]
    y = builder.emit(ConvOp, operands, strides=window.strides, dilations=window.dilations, pads=window.pads)
    return channels_first(builder, y, x.rank)


@converts("ConvTranspose", note="1-D and 2-D")
def conv_transpose(builder: Builder, node: Node) -> Value:
    x, weight, bias = node.operand(0), node.operand(1), node.optional(2)
    groups = node.integer("group", 1)
    if weight.rank != x.rank or x.shape[1] != weight.shape[0] or groups < 1 or x.shape[1] % groups:
        raise Misfit(f"{groups} groups do not fit input {x.type} and weight {weight.type}")
    window = transposed_window(node, x, weight.shape[2:])
    operands = [channels_last(builder, x), _ungrouped(builder, weight, groups), *([bias] if bias is not None else [])]
    y = builder.emit(ConvTransposeOp, operands, strides=window.strides, dilations=window.dilations, pads=window.pads)
    return channels_first(builder, y, x.rank)


def _ungrouped(builder: Builder, weight: Value, groups: int) -> Value:
    """[inputs, outputs / groups, rows, columns] as [rows, columns, inputs / groups, outputs]."""
    if weight.rank == 3:
        weight = builder.reshape(weight, (*weight.shape[:2], 1, weight.shape[2]))
    if groups == 1:
        return builder.transpose(weight, (2, 3, 0, 1))
    inputs, outputs, rows, columns = weight.shape
    split = builder.reshape(weight, (groups, inputs // groups, outputs, rows, columns))
    turned = builder.transpose(split, (3, 4, 1, 0, 2))
    return builder.reshape(turned, (rows, columns, inputs // groups, groups * outputs))


def _rows_columns_inputs_outputs(builder: Builder, weight: Value) -> Value:
    """[outputs, inputs, rows, columns] as [rows, columns, inputs, outputs]."""
    if weight.rank == 4:
        return builder.transpose(weight, (2, 3, 1, 0))
    turned = builder.transpose(weight, (2, 1, 0))
    return builder.reshape(turned, (1, *turned.shape))


@converts("MatMul")
def matmul(builder: Builder, node: Node) -> Value:
    return product(builder, node.operand(0), node.operand(1))


def product(builder: Builder, a: Value, b: Value) -> Value:
    """Matrix product by NumPy's rules for vectors and leading dimensions."""
    if min(a.rank, b.rank) < 1:
        raise Misfit(f"{a.type} and {b.type} have no product")
    left = a if a.rank > 1 else builder.reshape(a, (1, *a.shape))
    right = b if b.rank > 1 else builder.reshape(b, (*b.shape, 1))
    rank = max(left.rank, right.rank)
    left = _with_rank(builder, left, rank)
    if right.rank > 2:
        right = _with_rank(builder, right, rank)
    y = builder.emit(MatmulOp, [left, right])
    kept = [*y.shape[:-2], *y.shape[-2:][a.rank == 1 :]]
    return builder.reshape(y, kept[:-1] if b.rank == 1 else kept)


@converts("MatMulInteger", since=10)
def matmul_integer(builder: Builder, node: Node) -> Value:
    """Zero points are of a whole operand, or one per row of the left and per column of the right one."""
    a, b = (_shifted(builder, node.operand(side), node.optional(2 + side), side) for side in (0, 1))
    return product(builder, a, b)


def _shifted(builder: Builder, x: Value, zero: Value | None, side: int) -> Value:
    wide = builder.cast(x, i32)
    if zero is None:
        return wide
    if zero.rank == 1 and zero.shape != (1,) and side == 0:
        zero = builder.reshape(zero, (*zero.shape, 1))
    return builder.emit(SubOp, [wide, builder.cast(zero, i32)])


def _with_rank(builder: Builder, x: Value, rank: int) -> Value:
    return builder.reshape(x, (*(1,) * (rank - x.rank), *x.shape))


@converts("Gemm", note="floating point")
def gemm(builder: Builder, node: Node) -> Value:
    a, b, c = node.operand(0), node.operand(1), node.optional(2)
    if a.rank != 2 or b.rank != 2:
        raise Misfit(f"operands {a.type} and {b.type} are not matrices")
    if not is_float(a.element):
        raise Unsupported(f"matrix product of element type {a.element}")
    a = builder.transpose(a, (1, 0)) if node.integer("transA", 0) else a
    b = builder.transpose(b, (1, 0)) if node.integer("transB", 0) else b
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    if c is None or beta == 0:
        return _times(builder, builder.emit(MatmulOp, [a, b]), alpha)
    columns = b.shape[1]
    if alpha == 1 and c.rank <= 2 and c.shape in ((columns,), (1, columns), (), (1,), (1, 1)):
        bias = builder.expand(builder.reshape(c, c.shape[-1:] if c.rank else (1,)), (columns,))
        return builder.emit(MatmulOp, [a, b, _times(builder, bias, beta)])
    return builder.emit(AddOp, [_times(builder, builder.emit(MatmulOp, [a, b]), alpha), _times(builder, c, beta)])


def _times(builder: Builder, x: Value, factor: float) -> Value:
    return x if factor == 1 else builder.emit(MulOp, [x, builder.constant(factor, x.element)])
