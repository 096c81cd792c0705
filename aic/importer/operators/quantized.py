"""Operators on integers that stand for numbers, as onnxruntime's tools write them.

They become the same operators on the numbers; scales of operands and results are kept (`aic.importer.integers`).
"""

from dataclasses import replace

import numpy as np
from onnx import TensorProto, defs

from aic.importer.builder import Builder, Value
from aic.importer.integers import given_scale, integers_of, numbers_of
from aic.importer.node import Node
from aic.importer.operators.contraction import product
from aic.importer.problems import Unsupported
from aic.importer.registry import converts, find
from aic.importer.tensors import onnx_dtype
from dialects.element_types import element_type

_ORT = "com.microsoft"
_SCALES = "constant scales, per channel for constants"


@converts("QuantizeLinear", since=10, note=f"8 and 16 bits; {_SCALES}")
@converts("QuantizeLinear", since=1, domain=_ORT, note=f"8 and 16 bits; {_SCALES}")
def quantize_linear(builder: Builder, node: Node) -> Value:
    _only_plain(node)
    scales, zeros = given_scale(builder, node, 1, 2)
    named = node.integer("output_dtype", 0) or TensorProto.UINT8
    dtype = onnx_dtype(named) if zeros is None else zeros.dtype
    return integers_of(builder, node.operand(0), scales, zeros, dtype, node.integer("axis", 1))


@converts("DequantizeLinear", since=10, note=f"8, 16 and 32 bits; {_SCALES}")
@converts("DequantizeLinear", since=1, domain=_ORT, note=f"8, 16 and 32 bits; {_SCALES}")
def dequantize_linear(builder: Builder, node: Node) -> Value:
    _only_plain(node)
    scales, zeros = given_scale(builder, node, 1, 2)
    element = element_type(node.operand(1).dtype)
    return numbers_of(builder, node.operand(0), scales, zeros, node.integer("axis", 1), element)


def _only_plain(node: Node) -> None:
    for name in ("block_size", "precision"):
        node.only_default(name, 0)


def _numbers(builder: Builder, node: Node, first: int, axis: int = 0) -> Value:
    """The numbers of an operand, whose scale and zero point are the next two."""
    scales, zeros = given_scale(builder, node, first + 1, first + 2)
    return numbers_of(builder, node.operand(first), scales, zeros, axis)


def _integers(builder: Builder, node: Node, numbers: Value, scale: int, like: int = 0) -> Value:
    """The node's result as integers, whose scale and zero point are operands, of the type that operand `like` has."""
    scales, zeros = given_scale(builder, node, scale, scale + 1)
    return integers_of(builder, numbers, scales, zeros, node.operand(like).dtype)


def _converted(builder: Builder, node: Node, *operands: Value | None) -> Value:
    """The result of the node's operator on numbers."""
    kind = node.operator.removeprefix("QLinear").removeprefix("Q")
    opset = node.integer("opset", node.opset if node.domain == "" else defs.onnx_opset_version())
    entry = find("", kind, opset)
    if entry is None:
        raise Unsupported(f"{kind} of opset {opset}")
    inner = replace(node, operator=kind, domain="", opset=opset, operands=operands)
    made = entry.converter(builder, inner)
    return made if isinstance(made, Value) else made[0]


def _bias(builder: Builder, bias: Value | None, factor: float, node: Node, data: int, weight: int) -> Value | None:
    """Integers that are added to sums of products count in steps of scale times scale; `factor` multiplies these."""
    if bias is None:
        return None
    (x, _), (w, _) = (given_scale(builder, node, first + 1, first + 2) for first in (data, weight))
    steps = np.multiply(x.reshape(-1)[:1], w.reshape(-1), dtype=np.float32) * np.float32(factor)
    return numbers_of(builder, bias, steps, None, bias.rank - 1)


@converts("QLinearConv", since=10, note=f"1-D and 2-D; {_SCALES}")
def qlinear_conv(builder: Builder, node: Node) -> Value:
    x, w = _numbers(builder, node, 0), _numbers(builder, node, 3)
    bias = _bias(builder, node.optional(8), 1.0, node, 0, 3)
    return _integers(builder, node, _converted(builder, node, x, w, bias), 6)


@converts("QLinearMatMul", since=10, note=_SCALES)
@converts("QLinearMatMul", since=1, domain=_ORT, note=_SCALES)
def qlinear_matmul(builder: Builder, node: Node) -> Value:
    a, b = _numbers(builder, node, 0, -2), _numbers(builder, node, 3, -1)
    return _integers(builder, node, product(builder, a, b), 6)


@converts("QGemm", since=1, domain=_ORT, note=_SCALES)
def qgemm(builder: Builder, node: Node) -> Value:
    turned = node.integer("transB", 0)
    a, b = _numbers(builder, node, 0), _numbers(builder, node, 3, 0 if turned else 1)
    bias = _bias(builder, node.optional(6), node.number("alpha", 1.0), node, 0, 3)
    y = _converted(builder, node, a, b, bias)
    return y if node.optional(7) is None else _integers(builder, node, y, 7)


@converts("QLinearAdd", "QLinearMul", since=1, domain=_ORT, note="constant scales")
def qlinear_of_two(builder: Builder, node: Node) -> Value:
    a, b = _numbers(builder, node, 0), _numbers(builder, node, 3)
    return _integers(builder, node, _converted(builder, node, a, b), 6)


@converts("QLinearConcat", since=1, domain=_ORT, note="constant scales")
def qlinear_concat(builder: Builder, node: Node) -> Value:
    joined = [_numbers(builder, node, first) for first in range(2, len(node.operands), 3)]
    return _integers(builder, node, _converted(builder, node, *joined), 0, 2)


@converts("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", since=1, domain=_ORT, note="constant scales")
@converts(
    "QLinearAveragePool", "QLinearGlobalAveragePool", since=1, domain=_ORT, note="channels first; constant scales"
)
def qlinear_of_one(builder: Builder, node: Node) -> Value:
    node.only_default("channels_last", 0)
    return _integers(builder, node, _converted(builder, node, _numbers(builder, node, 0)), 3)
