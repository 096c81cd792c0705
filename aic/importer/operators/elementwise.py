"""Element-wise operators of several operands, comparison, logic, conversion."""

from functools import reduce

import numpy as np

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.problems import Unsupported
from aic.importer.registry import Converter, converts
from aic.importer.tensors import onnx_element
from dialects.element_types import is_float
from dialects.graph import elementwise as e
from dialects.graph.base import GraphOp

_BINARY: dict[str, type[GraphOp]] = {
    "Add": e.AddOp,
    "Sub": e.SubOp,
    "Mul": e.MulOp,
    "Div": e.DivOp,
    "PRelu": e.PreluOp,
    "Equal": e.EqualOp,
    "Less": e.LessOp,
    "LessOrEqual": e.LessEqualOp,
    "Greater": e.GreaterOp,
    "GreaterOrEqual": e.GreaterEqualOp,
    "And": e.AndOp,
    "Or": e.OrOp,
    "Xor": e.XorOp,
    "BitwiseAnd": e.AndOp,
    "BitwiseOr": e.OrOp,
    "BitwiseXor": e.XorOp,
}

_FOLDED: dict[str, type[GraphOp]] = {"Sum": e.AddOp, "Min": e.MinOp, "Max": e.MaxOp}
"""Operators of any number of operands that fold from the left."""


def _binary(kind: type[GraphOp]) -> Converter:
    return lambda builder, node: builder.emit(kind, [node.operand(0), node.operand(1)])


def _folded(kind: type[GraphOp]) -> Converter:
    return lambda builder, node: reduce(lambda a, b: builder.emit(kind, [a, b]), node.given())


for _operator, _kind in _BINARY.items():
    converts(_operator)(_binary(_kind))
for _operator, _kind in _FOLDED.items():
    converts(_operator)(_folded(_kind))


@converts("Mean")
def mean(builder: Builder, node: Node) -> Value:
    operands = node.given()
    total = reduce(lambda a, b: builder.emit(e.AddOp, [a, b]), operands)
    return builder.emit(e.DivOp, [total, builder.constant(len(operands), total.element)])


@converts("Mod", since=10)
def mod(builder: Builder, node: Node) -> Value:
    return builder.emit(e.ModOp, [node.operand(0), node.operand(1)], fmod=bool(node.integer("fmod", 0)))


@converts("Pow")
def power(builder: Builder, node: Node) -> Value:
    base, exponent = node.operand(0), node.operand(1)
    if base.element == exponent.element:
        return builder.emit(e.PowOp, [base, exponent])
    if is_float(base.element):
        return builder.emit(e.PowOp, [base, builder.cast(exponent, base.element)])
    wide = builder.cast(base, exponent.element)  # an integer to a power that may have a fraction
    return builder.cast(builder.emit(e.PowOp, [wide, exponent]), base.element)


@converts("Where", since=9)
def where(builder: Builder, node: Node) -> Value:
    return builder.emit(e.SelectOp, [node.operand(0), node.operand(1), node.operand(2)])


@converts("Cast", note="between the number types and bool; strings and float8 are not supported")
def cast(builder: Builder, node: Node) -> Value:
    return builder.cast(node.operand(0), onnx_element(node.integer("to", 0)))


@converts("CastLike", since=15)
def cast_like(builder: Builder, node: Node) -> Value:
    return builder.cast(node.operand(0), node.operand(1).element)


@converts("BitShift", since=11, note="by a constant")
def bit_shift(builder: Builder, node: Node) -> Value:
    x, distance = node.operand(0), node.known(builder, 1)
    bits = 8 * x.dtype.itemsize - (x.dtype.kind == "i")
    if distance.size and not 0 <= distance.min() <= distance.max() < bits:
        raise Unsupported(f"shifts by {distance.min()} to {distance.max()} of {bits} bits")
    factor = builder.constant(np.left_shift(np.ones_like(distance), distance), x.element)
    if node.text("direction", "LEFT") == "LEFT":
        return builder.emit(e.MulOp, [x, factor])
    rest = builder.emit(e.ModOp, [x, factor], fmod=False)  # so that negative numbers are rounded down, as bits fall off
    return builder.emit(e.DivOp, [builder.emit(e.SubOp, [x, rest]), factor])
