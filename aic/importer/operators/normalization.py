"""Normalization."""

from math import prod

import numpy as np

from aic.importer.builder import Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from aic.importer.windows import TO_CHANNELS_FIRST, TO_CHANNELS_LAST
from dialects.graph import normalization as n
from dialects.graph.elementwise import AddOp, DivOp, EqualOp, MaxOp, MulOp, SubOp
from dialects.graph.reduction import ArgMaxOp, ReduceMeanOp, ReduceSumOp
from dialects.graph.unary import AbsOp, RsqrtOp, SqrtOp

_SOFTMAX = {"Softmax": n.SoftmaxOp, "LogSoftmax": n.LogSoftmaxOp}


@converts("Softmax", "LogSoftmax", until=12)
def softmax_of_matrix(builder: Builder, node: Node) -> Value:
    """Up to opset 12 the operand is seen as a matrix, cut at `axis`."""
    x = node.operand(0)
    axis = axis_of(node.integer("axis", 1), x.rank, node.operator)
    kind = _SOFTMAX[node.operator]
    if prod(x.shape[axis + 1 :]) == 1:
        return builder.emit(kind, [x], axis=axis)
    matrix = builder.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
    return builder.reshape(builder.emit(kind, [matrix], axis=1), x.shape)


@converts("Softmax", "LogSoftmax", since=13)
def softmax(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axis = axis_of(node.integer("axis", -1), x.rank, node.operator)
    return builder.emit(_SOFTMAX[node.operator], [x], axis=axis)


@converts("Hardmax", since=13)
def hardmax(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axis = axis_of(node.integer("axis", -1), x.rank, node.operator)
    first = builder.emit(ArgMaxOp, [x], axis=axis, keepdims=True, select_last=False)
    positions = np.arange(x.shape[axis], dtype=np.int64).reshape(-1, *(1,) * (x.rank - axis - 1))
    return builder.cast(builder.emit(EqualOp, [first, builder.constant(positions)]), x.element)


@converts("BatchNormalization", note="inference")
def batch_normalization(builder: Builder, node: Node) -> Value:
    if node.integer("training_mode", 0) or any(node.wants(position) for position in range(1, 5)):
        raise Unsupported("training mode")
    if node.opset < 9:
        node.only_default("spatial", 1)
    x = node.operand(0)
    vectors = [builder.cast(node.operand(position), x.element) for position in range(1, 5)]
    return builder.emit(n.BatchNormOp, [x, *vectors], axis=min(1, x.rank - 1), epsilon=node.number("epsilon", 1e-5))


@converts("LayerNormalization", since=17)
def layer_normalization(builder: Builder, node: Node) -> list[Value]:
    x, epsilon = node.operand(0), node.number("epsilon", 1e-5)
    axis = axis_of(node.integer("axis", -1), x.rank, node.operator)
    vectors = [_vector(builder, value, x.shape[axis:]) for value in node.given()[1:]]
    flat = builder.reshape(x, (*x.shape[:axis], prod(x.shape[axis:])))
    y = builder.reshape(builder.emit(n.LayerNormOp, [flat, *vectors], epsilon=epsilon), x.shape)
    if not (node.wants(1) or node.wants(2)):
        return [y]
    axes = tuple(range(axis, x.rank))
    mean = builder.emit(ReduceMeanOp, [x], axes=axes, keepdims=True)
    _, inverse = _centred(builder, x, axes, epsilon)
    return [y, mean, inverse]


@converts("RMSNormalization", since=23)
def rms_normalization(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axis = axis_of(node.integer("axis", -1), x.rank, node.operator)
    flat = builder.reshape(x, (*x.shape[:axis], prod(x.shape[axis:])))
    scale = builder.cast(_vector(builder, node.operand(1), x.shape[axis:]), x.element)
    return builder.reshape(builder.emit(n.RmsNormOp, [flat, scale], epsilon=node.number("epsilon", 1e-5)), x.shape)


def _vector(builder: Builder, value: Value, sizes: tuple[int, ...]) -> Value:
    """A factor of the normalized dimensions, as one dimension."""
    while value.rank > len(sizes) and value.shape[0] == 1:
        value = builder.reshape(value, value.shape[1:])
    if value.rank > len(sizes):
        raise Unsupported(f"a factor {value.type} that varies outside of the normalized dimensions {list(sizes)}")
    return builder.reshape(builder.expand(value, sizes), (prod(sizes),))


@converts("InstanceNormalization", "GroupNormalization", until=20)
def group_normalization(builder: Builder, node: Node) -> Value:
    """Mean and variance of each group of channels; before opset 21 GroupNormalization scales groups, not channels."""
    x = node.operand(0)
    channels = x.shape[1]
    groups = channels if node.operator == "InstanceNormalization" else node.integer("num_groups", 0)
    return _group_normalized(builder, node, x, groups, per_group=node.operator == "GroupNormalization")


@converts("InstanceNormalization", "GroupNormalization", since=21)
def group_normalization_of_channels(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    groups = x.shape[1] if node.operator == "InstanceNormalization" else node.integer("num_groups", 0)
    return _group_normalized(builder, node, x, groups, per_group=False)


def _group_normalized(builder: Builder, node: Node, x: Value, groups: int, per_group: bool) -> Value:
    batch, channels, *spatial = x.shape
    if groups < 1 or channels % groups:
        raise Misfit(f"{groups} groups of the channels of {x.type}")
    epsilon = node.number("epsilon", 1e-5)
    y = _standardized(builder, builder.reshape(x, (batch, groups, channels // groups * prod(spatial))), (2,), epsilon)
    shape = (1, groups, 1) if per_group else (1, channels, *(1,) * len(spatial))
    if not per_group:
        y = builder.reshape(y, x.shape)
    y = builder.emit(MulOp, [y, builder.reshape(node.operand(1), shape)])
    y = builder.emit(AddOp, [y, builder.reshape(node.operand(2), shape)])
    return builder.reshape(y, x.shape)


def _standardized(builder: Builder, x: Value, axes: tuple[int, ...], epsilon: float) -> Value:
    """(x - mean) / sqrt(variance + epsilon) along `axes`."""
    return builder.emit(MulOp, [*_centred(builder, x, axes, epsilon)])


def _centred(builder: Builder, x: Value, axes: tuple[int, ...], epsilon: float) -> tuple[Value, Value]:
    """x - mean and 1 / sqrt(variance + epsilon) along `axes`."""
    centred = builder.emit(SubOp, [x, builder.emit(ReduceMeanOp, [x], axes=axes, keepdims=True)])
    square = builder.emit(MulOp, [centred, centred])
    variance = builder.emit(ReduceMeanOp, [square], axes=axes, keepdims=True)
    shifted = builder.emit(AddOp, [variance, builder.constant(epsilon, x.element)])
    return centred, builder.emit(RsqrtOp, [shifted])


@converts("MeanVarianceNormalization", since=9)
def mean_variance_normalization(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axes = tuple(axis_of(axis, x.rank, node.operator) for axis in node.integers("axes", (0, 2, 3)))
    return _standardized(builder, x, axes, 1e-9)


@converts("LRN", note="2-D")
def lrn(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    if x.rank != 4:
        raise Unsupported(f"{x.rank - 2} spatial dimensions; 2 are supported")
    numbers = {name: node.number(name, default) for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))}
    last = builder.transpose(x, TO_CHANNELS_LAST)
    y = builder.emit(n.LrnOp, [last], size=node.integer("size", 1), **numbers)
    return builder.transpose(y, TO_CHANNELS_FIRST)


@converts("LpNormalization")
def lp_normalization(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axes = (axis_of(node.integer("axis", -1), x.rank, node.operator),)
    if node.integer("p", 2) == 1:
        length = builder.emit(ReduceSumOp, [builder.emit(AbsOp, [x])], axes=axes, keepdims=True)
    else:
        square = builder.emit(MulOp, [x, x])
        length = builder.emit(SqrtOp, [builder.emit(ReduceSumOp, [square], axes=axes, keepdims=True)])
    tiny = builder.constant(1e-12 if length.dtype.itemsize > 2 else 6e-8, x.element)
    return builder.emit(DivOp, [x, builder.emit(MaxOp, [length, tiny])])
