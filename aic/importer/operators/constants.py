"""Constants and the arithmetic of shapes."""

import numpy as np
import onnx

from aic.importer.builder import Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.operators.movement import take
from aic.importer.problems import Unsupported
from aic.importer.registry import converts
from aic.importer.tensors import onnx_dtype
from dialects.graph.elementwise import AddOp, EqualOp, OrOp, SelectOp

_NUMBERS = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}


@converts("Constant", note="tensors, numbers and lists of numbers")
def constant(builder: Builder, node: Node) -> Value:
    (name, attribute), *others = node.attributes.items()
    if others or (name not in _NUMBERS and name != "value"):
        raise Unsupported(f"attribute {name}")
    if name == "value":
        return builder.of_attribute(builder.reader.constant(attribute.t), node.outputs[0])
    return builder.constant(np.asarray(onnx.helper.get_attribute_value(attribute), _NUMBERS[name]))


@converts("Shape")
def shape(builder: Builder, node: Node) -> Value:
    sizes = node.operand(0).shape
    start, end = node.integer("start", 0), node.integer("end", len(sizes))
    return builder.constant(np.asarray(sizes[slice(start, end)], np.int64))


@converts("Size")
def size(builder: Builder, node: Node) -> Value:
    return builder.constant(np.asarray(np.prod(node.operand(0).shape, dtype=np.int64), np.int64))


@converts("ConstantOfShape", since=9)
def constant_of_shape(builder: Builder, node: Node) -> Value:
    sizes = [int(size) for size in node.known(builder, 0).reshape(-1)]
    value = np.zeros((), np.float32)
    if node.has("value"):
        value = builder.reader.array(node.attributes["value"].t).reshape(())
    return builder.filled(value, sizes)


@converts("Range", since=11, note="constant bounds")
def arange(builder: Builder, node: Node) -> Value:
    start, limit, delta = (node.known(builder, position) for position in range(3))
    count = max(0, int(np.ceil((limit.astype(np.float64) - start) / delta).item()))
    return builder.constant((start + np.arange(count).astype(start.dtype) * delta).reshape(-1), node.operand(0).element)


@converts("EyeLike", since=9)
def eye_like(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    if x.rank != 2:
        raise Unsupported(f"{x.type} is not a matrix")
    dtype = onnx_dtype(node.integer("dtype", 0)) if node.has("dtype") else x.dtype
    return builder.constant(np.eye(*x.shape, k=node.integer("k", 0)).astype(dtype))


@converts("OneHot", since=9, note="constant depth")
def one_hot(builder: Builder, node: Node) -> Value:
    indices, values = node.operand(0), node.operand(2)
    depth = int(node.known(builder, 1).item())
    axis = axis_of(node.integer("axis", -1), indices.rank + 1, node.operator)
    places = builder.constant(np.arange(depth, dtype=np.int64).reshape(-1, *(1,) * (indices.rank - axis)))
    positions = builder.reshape(indices, (*indices.shape[:axis], 1, *indices.shape[axis:]))
    positions = builder.cast(positions, places.element)
    from_end = builder.emit(AddOp, [positions, builder.constant(np.asarray(depth, np.int64))])
    chosen = builder.emit(OrOp, [builder.emit(EqualOp, [place, places]) for place in (positions, from_end)])
    off, on = (builder.reshape(take(builder, values, {0: range(i, i + 1)}), ()) for i in (0, 1))
    return builder.emit(SelectOp, [chosen, on, off])
