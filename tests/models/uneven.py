"""Networks that compute what an ordinary one does, but have channels that differ widely in range, as some trained
networks have: hard for integers with one scale.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from tests.models.nodes import Nodes

IMAGE = [3, 12, 12]
TOKENS, WIDTH, HEADS = 16, 32, 4
_CHANNELS, _BLOCKS, _CLASSES = 24, 3, 10

Floats = npt.NDArray[np.float32]


def uneven_separable(batch: int, *, seed: int = 0, ranges: float = 100.0) -> onnx.ModelProto:
    """A depthwise-separable network on images `x` [batch, 3, 12, 12], whose result is `y` [batch, 10].

    Every channel between two convolutions is multiplied where it is made and divided where it is read, by numbers that
    are up to `ranges` apart.
    """
    nodes = Nodes(17, seed)
    x = nodes.conv("x", IMAGE[0], _CHANNELS, 3, then="Relu")
    for _ in range(_BLOCKS):
        x = nodes.conv(x, _CHANNELS, _CHANNELS, 3, groups=_CHANNELS, then="Relu")
        x = nodes.conv(x, _CHANNELS, _CHANNELS, then="Relu")
    y = nodes.linear(nodes.op("Flatten", nodes.op("GlobalAveragePool", x)), _CHANNELS, _CLASSES)
    layers = [node for node in nodes.nodes if node.op_type in ("Conv", "Gemm")]
    for made, read in pairwise(layers):
        factors = np.exp(nodes.random.uniform(-0.5, 0.5, _CHANNELS) * np.log(ranges)).astype(np.float32)
        alike = (-1,) + (1,) * (_values(nodes, made.input[1]).ndim - 1)
        _set(nodes, made.input[1], _values(nodes, made.input[1]) * factors.reshape(alike))
        _set(nodes, made.input[2], _values(nodes, made.input[2]) * factors)
        weight = _values(nodes, read.input[1])
        depthwise = read.op_type == "Conv" and weight.shape[1] == 1
        axis = 0 if depthwise else 1
        along = tuple(_CHANNELS if d == axis else 1 for d in range(weight.ndim))
        _set(nodes, read.input[1], weight / factors.reshape(along))
    return nodes.model({"x": [batch, *IMAGE]}, {"y": y})


def uneven_transformer(batch: int, *, seed: int = 0, outlier: float = 60.0, first: bool = True) -> onnx.ModelProto:
    """A transformer layer on `x` [batch, 16, 32], whose result is `y` [batch, 16, 32]: normalizations come before the
    layers that read them if `first`, so that nobody else does, else behind the residual sums.

    Two channels of every normalization are multiplied by `outlier` and divided by it where matrix products read them.
    """
    nodes = Nodes(17, seed)
    outliers = np.ones(WIDTH, np.float32)
    outliers[[5, 20]] = outlier
    x = "x"
    for block in (_attention, _perceptron):
        if first:
            x = nodes.op("Add", x, block(nodes, _norm(nodes, x, outliers), outliers))
        else:
            normed = _norm(nodes, x, outliers)
            x = nodes.op("Add", nodes.op("Div", normed, nodes.constant(outliers)), block(nodes, normed, outliers))
    return nodes.model({"x": [batch, TOKENS, WIDTH]}, {"y": x})


def _norm(nodes: Nodes, x: str, outliers: Floats) -> str:
    scale = nodes.constant(outliers * nodes.random.uniform(0.8, 1.2, WIDTH))
    return nodes.op("LayerNormalization", x, scale, nodes.constant(outliers * 0.1), axis=-1)


def _linear(nodes: Nodes, x: str, inputs: int, outputs: int, divided: Floats | None = None) -> str:
    weight = nodes.random.standard_normal((inputs, outputs)) * inputs**-0.5
    if divided is not None:
        weight = weight / divided[:, None]
    return nodes.op("Add", nodes.op("MatMul", x, nodes.constant(weight)), nodes.drawn(outputs, scale=0.05))


def _attention(nodes: Nodes, x: str, outliers: Floats) -> str:
    def heads(order: list[int]) -> str:
        value = _linear(nodes, x, WIDTH, WIDTH, outliers)
        split = nodes.op("Reshape", value, nodes.integers(0, TOKENS, HEADS, WIDTH // HEADS))
        return nodes.op("Transpose", split, perm=order)

    query, key, value = heads([0, 2, 1, 3]), heads([0, 2, 3, 1]), heads([0, 2, 1, 3])
    scores = nodes.op("Mul", nodes.op("MatMul", query, key), nodes.constant((WIDTH // HEADS) ** -0.5))
    mixed = nodes.op("MatMul", nodes.op("Softmax", scores, axis=-1), value)
    merged = nodes.op("Transpose", mixed, perm=[0, 2, 1, 3])
    return _linear(nodes, nodes.op("Reshape", merged, nodes.integers(0, TOKENS, WIDTH)), WIDTH, WIDTH)


def _perceptron(nodes: Nodes, x: str, outliers: Floats) -> str:
    hidden = nodes.op("Relu", _linear(nodes, x, WIDTH, 4 * WIDTH, outliers))
    return _linear(nodes, hidden, 4 * WIDTH, WIDTH)


def _values(nodes: Nodes, name: str) -> Floats:
    return numpy_helper.to_array(next(each for each in nodes.initializers if each.name == name))


def _set(nodes: Nodes, name: str, values: Floats) -> None:
    place = [each.name for each in nodes.initializers].index(name)
    nodes.initializers[place] = numpy_helper.from_array(values.astype(np.float32), name)
