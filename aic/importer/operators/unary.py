"""Element-wise operators of one operand."""

import numpy as np

from aic.importer.builder import Array, Builder, Value
from aic.importer.node import Node
from aic.importer.problems import Unsupported
from aic.importer.registry import Converter, converts
from dialects.element_types import is_float
from dialects.graph import elementwise as e
from dialects.graph import unary as u
from dialects.graph.base import GraphOp

_PLAIN: dict[str, type[GraphOp]] = {
    "Relu": u.ReluOp,
    "Sigmoid": u.SigmoidOp,
    "Tanh": u.TanhOp,
    "HardSwish": u.HardSwishOp,
    "Softplus": u.SoftplusOp,
    "Mish": u.MishOp,
    "Erf": u.ErfOp,
    "Exp": u.ExpOp,
    "Log": u.LogOp,
    "Sqrt": u.SqrtOp,
    "Reciprocal": u.ReciprocalOp,
    "Neg": u.NegOp,
    "Abs": u.AbsOp,
    "Sign": u.SignOp,
    "Floor": u.FloorOp,
    "Ceil": u.CeilOp,
    "Round": u.RoundOp,
    "Sin": u.SinOp,
    "Cos": u.CosOp,
    "Tan": u.TanOp,
    "Asin": u.AsinOp,
    "Acos": u.AcosOp,
    "Atan": u.AtanOp,
    "Sinh": u.SinhOp,
    "Cosh": u.CoshOp,
    "Asinh": u.AsinhOp,
    "Acosh": u.AcoshOp,
    "Atanh": u.AtanhOp,
    "IsNaN": u.IsnanOp,
    "Not": u.NotOp,
    "BitwiseNot": u.NotOp,
}

_WITH_NUMBERS: dict[str, tuple[type[GraphOp], dict[str, float]]] = {
    "LeakyRelu": (u.LeakyReluOp, {"alpha": 0.01}),
    "Elu": (u.EluOp, {"alpha": 1.0}),
    "Selu": (u.SeluOp, {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    "HardSigmoid": (u.HardSigmoidOp, {"alpha": 0.2, "beta": 0.5}),
}
"""Operators with numeric attributes, and their defaults in ONNX."""


def _plain(kind: type[GraphOp]) -> Converter:
    return lambda builder, node: builder.emit(kind, [node.operand(0)])


for _operator, _kind in _PLAIN.items():
    converts(_operator)(_plain(_kind))


@converts(*_WITH_NUMBERS)
def with_numbers(builder: Builder, node: Node) -> Value:
    kind, defaults = _WITH_NUMBERS[node.operator]
    return builder.emit(kind, [node.operand(0)], **{name: node.number(name, value) for name, value in defaults.items()})


@converts("IsInf", since=10)
def isinf(builder: Builder, node: Node) -> Value:
    signs = {sign: bool(node.integer(f"detect_{sign}", 1)) for sign in ("negative", "positive")}
    return builder.emit(u.IsinfOp, [node.operand(0)], **signs)


@converts("Gelu", since=20)
def gelu(builder: Builder, node: Node) -> Value:
    approximate = node.text("approximate", "none")
    return builder.emit(u.GeluTanhOp if approximate == "tanh" else u.GeluOp, [node.operand(0)])


@converts("Swish", since=24)
def swish(builder: Builder, node: Node) -> Value:
    x, alpha = node.operand(0), node.number("alpha", 1.0)
    if alpha == 1.0:
        return builder.emit(u.SiluOp, [x])
    gate = builder.emit(u.SigmoidOp, [builder.emit(e.MulOp, [x, builder.constant(alpha, x.element)])])
    return builder.emit(e.MulOp, [x, gate])


@converts("ThresholdedRelu", since=10)
def thresholded_relu(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    above = builder.emit(e.GreaterOp, [x, builder.constant(node.number("alpha", 1.0), x.element)])
    return builder.emit(e.SelectOp, [above, x, builder.constant(0, x.element)])


@converts("Shrink", since=9)
def shrink(builder: Builder, node: Node) -> Value:
    x, limit = node.operand(0), node.number("lambd", 0.5)
    bias = builder.constant(node.number("bias", 0.0), x.element)
    below = builder.emit(e.LessOp, [x, builder.constant(-limit, x.element)])
    above = builder.emit(e.GreaterOp, [x, builder.constant(limit, x.element)])
    low, high = builder.emit(e.AddOp, [x, bias]), builder.emit(e.SubOp, [x, bias])
    inner = builder.emit(e.SelectOp, [above, high, builder.constant(0, x.element)])
    return builder.emit(e.SelectOp, [below, low, inner])


@converts("Softsign")
def softsign(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    size = builder.emit(e.AddOp, [builder.emit(u.AbsOp, [x]), builder.constant(1, x.element)])
    return builder.emit(e.DivOp, [x, size])


@converts("Clip", until=10)
def clip_with_attributes(builder: Builder, node: Node) -> Value:
    low = np.asarray(node.number("min", 0)) if node.has("min") else None
    high = np.asarray(node.number("max", 0)) if node.has("max") else None
    return _clip(builder, node.operand(0), low, high)


@converts("Clip", since=11)
def clip(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    low, high = node.optional(1), node.optional(2)
    bounds = [None if bound is None else builder.known(bound) for bound in (low, high)]
    if (low is None) == (bounds[0] is None) and (high is None) == (bounds[1] is None):
        return _clip(builder, x, bounds[0], bounds[1])
    if low is not None:
        x = builder.emit(e.MaxOp, [x, low])
    return x if high is None else builder.emit(e.MinOp, [x, high])


def _clip(builder: Builder, x: Value, low: Array | None, high: Array | None) -> Value:
    low = None if low is not None and np.isneginf(low).item() else low
    high = None if high is not None and np.isposinf(high).item() else high
    if low is not None and high is not None and is_float(x.element):
        return builder.emit(u.ClipOp, [x], bounds=[float(low.item()), float(high.item())])
    if low is not None and high is None and low.item() == 0:
        return builder.emit(u.ReluOp, [x])
    if low is not None:
        x = builder.emit(e.MaxOp, [x, builder.constant(low.reshape(()), x.element)])
    return x if high is None else builder.emit(e.MinOp, [x, builder.constant(high.reshape(()), x.element)])


@converts("Identity")
def identity(builder: Builder, node: Node) -> Value:
    return node.operand(0)


@converts("Dropout", note="inference: the identity")
def dropout(builder: Builder, node: Node) -> list[Value]:
    training = node.optional(2)
    if training is not None:
        flag = builder.known(training)
        if flag is None or bool(flag.item()):
            raise Unsupported("training_mode must be a constant false")
    x = node.operand(0)
    if not node.wants(1):
        return [x]
    mask = builder.expand(builder.constant(np.ones((1,) * x.rank, np.bool_)), x.shape)
    return [x, mask]
