"""Pooling."""

import numpy as np

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.problems import Unsupported
from aic.importer.registry import converts
from aic.importer.windows import Window, channels_first, channels_last, read_window
from dialects.graph.elementwise import MulOp, PowOp
from dialects.graph.kernels import KERNELS
from dialects.graph.pooling import AveragePoolOp, MaxPoolOp
from dialects.graph.reduction import ReduceMaxOp, ReduceMeanOp, ReduceSumOp
from dialects.graph.unary import AbsOp, SqrtOp


@converts("MaxPool", note="1-D and 2-D, without indices")
def max_pool(builder: Builder, node: Node) -> Value:
    if node.wants(1):
        raise Unsupported("the output Indices")
    x = node.operand(0)
    window = read_window(node, x, node.integers("kernel_shape"))
    y = builder.emit(MaxPoolOp, [channels_last(builder, x)], **_properties(window))
    return channels_first(builder, y, x.rank)


@converts("AveragePool", note="1-D and 2-D")
def average_pool(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    window = read_window(node, x, node.integers("kernel_shape"))
    y = builder.emit(AveragePoolOp, [channels_last(builder, x)], **_properties(window))
    correction = _correction(window, (1, *x.shape[2:])[-2:], bool(node.integer("count_include_pad", 0)))
    if correction is not None:
        y = builder.emit(MulOp, [y, builder.constant(correction, x.element)])
    return channels_first(builder, y, x.rank)


def _properties(window: Window) -> dict[str, tuple[int, ...]]:
    return {
        "kernel_shape": window.kernel,
        "strides": window.strides,
        "dilations": window.dilations,
        "pads": window.extended_pads,
    }


def _correction(window: Window, sizes: tuple[int, ...], include_pad: bool) -> np.ndarray | None:
    """[1, H', W', 1]: the window's size over the number of positions that count under it; None where that is always 1.

    Pads count or not, as the node says; the overhang of a partial last window never counts.
    """
    counted = np.ones((1, *sizes, 1))
    remaining = window.extended_pads
    if include_pad:
        top, left, bottom, right = window.pads
        counted = np.pad(counted, [(0, 0), (top, bottom), (left, right), (0, 0)], constant_values=1)
        remaining = (0, 0, *window.overhang)
    if not any(remaining):
        return None
    share = KERNELS["average_pool"](counted, **{**_properties(window), "pads": remaining})
    return 1 / share


@converts("LpPool", note="1-D and 2-D")
def lp_pool(builder: Builder, node: Node) -> Value:
    x, p = node.operand(0), node.integer("p", 2)
    window = read_window(node, x, node.integers("kernel_shape"))
    powers = _power(builder, builder.emit(AbsOp, [x]), p)
    mean = builder.emit(AveragePoolOp, [channels_last(builder, powers)], **_properties(window))
    total = builder.emit(MulOp, [mean, builder.constant(window.kernel[0] * window.kernel[1], x.element)])
    return channels_first(builder, _power(builder, total, 1 / p), x.rank)


@converts("GlobalLpPool")
def global_lp_pool(builder: Builder, node: Node) -> Value:
    x, p = node.operand(0), node.integer("p", 2)
    powers = _power(builder, builder.emit(AbsOp, [x]), p)
    total = builder.emit(ReduceSumOp, [powers], axes=tuple(range(2, x.rank)), keepdims=True)
    return _power(builder, total, 1 / p)


def _power(builder: Builder, x: Value, p: float) -> Value:
    """x to the power of p, for x that are not negative."""
    match p:
        case 1:
            return x
        case 2:
            return builder.emit(MulOp, [x, x])
        case 0.5:
            return builder.emit(SqrtOp, [x])
        case _:
            return builder.emit(PowOp, [x, builder.constant(p, x.element)])


@converts("GlobalAveragePool")
def global_average_pool(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    return _global(builder, x, ReduceMeanOp)


@converts("GlobalMaxPool")
def global_max_pool(builder: Builder, node: Node) -> Value:
    return _global(builder, node.operand(0), ReduceMaxOp)


def _global(builder: Builder, x: Value, kind: type[ReduceMeanOp | ReduceMaxOp]) -> Value:
    """Reduction over all spatial dimensions, channels last where there are two."""
    if x.rank != 4:
        return builder.emit(kind, [x], axes=tuple(range(2, x.rank)), keepdims=True)
    return channels_first(builder, builder.emit(kind, [channels_last(builder, x)], axes=(1, 2), keepdims=True), 4)
