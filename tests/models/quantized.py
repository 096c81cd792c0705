"""Models that arrive quantized: made by onnxruntime's tools, and run by its integer kernels and by ours."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from dialects.graph.base import tensor_type
from dialects.graph.kernels import Array
from dialects.graph.locations import tensor_name
from dialects.quantized.types import UniformType

Inputs = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Recipe:
    """How onnxruntime's tools are to quantize."""

    operators: bool
    """Operators on integers (QLinearConv, ..), or such on numbers with QuantizeLinear and DequantizeLinear around."""
    per_channel: bool
    activations: str
    weights: str
    symmetric: bool
    """Activations have zero point 0, or 128 without a sign; then ReLU is not left to the limits of the integers."""
    narrow: bool = False
    """Weights of 7 bits. Without it, kernels of onnxruntime on processors without VNNI saturate on their way where
    activations have no sign and weights have one: then they do not compute what the model says.
    """

    @property
    def name(self) -> str:
        """For files and for tests."""
        form = "operators" if self.operators else "qdq"
        scales = "channels" if self.per_channel else "tensors"
        offsets = "symmetric" if self.symmetric else "asymmetric"
        return f"{form}-{scales}-{self.activations}-{self.weights}-{offsets}"


RECIPES = (
    Recipe(operators=False, per_channel=True, activations="QInt8", weights="QInt8", symmetric=False),
    Recipe(operators=False, per_channel=False, activations="QUInt8", weights="QUInt8", symmetric=True),
    Recipe(operators=True, per_channel=False, activations="QInt8", weights="QInt8", symmetric=True),
    Recipe(operators=True, per_channel=True, activations="QUInt8", weights="QInt8", symmetric=False, narrow=True),
)


class _Samples(CalibrationDataReader):
    def __init__(self, samples: Iterable[Inputs]):
        self._left: Iterator[Inputs] = iter(samples)

    def get_next(self) -> dict[str, Any]:
        return dict(next(self._left, {}))


def quantized(model: Path, samples: Iterable[Inputs], recipe: Recipe, path: Path) -> Path:
    """The model, quantized for these inputs, at `path`."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # the tools advise how to prepare models
    try:
        quantize_static(
            str(model),
            str(path),
            _Samples(samples),
            quant_format=QuantFormat.QOperator if recipe.operators else QuantFormat.QDQ,
            per_channel=recipe.per_channel,
            reduce_range=recipe.narrow,
            activation_type=QuantType[recipe.activations],
            weight_type=QuantType[recipe.weights],
            extra_options={"ActivationSymmetric": recipe.symmetric},
        )
    finally:
        logging.getLogger().setLevel(level)
    return path


_INTEGERS = ("_quantized", "_QuantizeLinear_Output")
"""What the tools append to the name of a tensor for its integers."""


def run_with_integers(path: Path, inputs: Inputs) -> dict[str, Array]:
    """All outputs from onnxruntime, and all integers between nodes by the names of the tensors that they stand for."""
    model = onnx.load(path)
    made = [name for node in model.graph.node for name in node.output if name.endswith(_INTEGERS)]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = zip(names, session.run(names, dict(inputs)), strict=True)
    return {_plain(name): np.asarray(values) for name, values in found}


def own_integers(module: ModuleOp, inputs: Inputs) -> dict[str, Array]:
    """All values of quantized types that a module computes, by the names of the tensors that they stand for."""
    found: dict[str, Array] = {}

    def see(op: Any, result: Array) -> None:
        if isinstance(tensor_type(op.results[0]).element_type, UniformType):
            found[_plain(tensor_name(op))] = np.asarray(result)

    GraphRunner(module).run(inputs, see)
    return found


def _plain(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _INTEGERS if name.endswith(suffix)), name)


@dataclass(frozen=True)
class Gap:
    """How far integers are from others: the largest difference, and the share of those that differ."""

    steps: int
    share: float


def gaps(own: Mapping[str, Array], other: Mapping[str, Array]) -> dict[str, Gap]:
    """How far our integers are from onnxruntime's, by tensor. Ours are signed, and perhaps channels last."""
    return {
        name: _gap(own[name], values) for name, values in other.items() if name in own and values.dtype.kind in "iu"
    }


def _gap(own: Array, other: Array) -> Gap:
    signed = other.astype(np.int64) - (1 << (8 * other.itemsize - 1) if other.dtype.kind == "u" else 0)
    layouts = [signed] if signed.ndim != 4 else [signed, signed.transpose(0, 2, 3, 1)]
    found = [np.abs(own.astype(np.int64) - one) for one in layouts if one.shape == own.shape]
    return min((Gap(int(d.max(initial=0)), float((d > 0).mean())) for d in found), key=lambda gap: gap.share)


class Net:
    """Nodes with random weights, to be put together."""

    def __init__(self, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}

    def node(self, operator: str, *operands: str, result: str = "", **attributes: Any) -> str:
        """Name of the result of a node."""
        result = result or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(operands), [result], f"n{len(self.nodes)}", **attributes))
        return result

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Name of a constant."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def normal(self, *shape: int, scale: float = 0.1) -> str:
        """Name of a constant of random numbers."""
        return self.constant(self.random.standard_normal(shape) * scale)

    def conv(self, x: str, outputs: int, inputs: int, kernel: int, **attributes: Any) -> str:
        """Name of the result of a convolution whose results are about as large as its operands."""
        weight = self.normal(outputs, inputs, kernel, kernel, scale=(inputs * kernel * kernel) ** -0.5)
        return self.node("Conv", x, weight, self.normal(outputs), **attributes)

    def matmul(self, x: str, inputs: int, outputs: int) -> str:
        """Name of the result of a product with a matrix."""
        return self.node("MatMul", x, self.normal(inputs, outputs, scale=inputs**-0.5))

    def model(self, shape: Sequence[int], result: str) -> onnx.ModelProto:
        """The model from an input `x` to a result."""
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)


IMAGE = (2, 3, 15, 16)
TOKENS = (2, 12, 64)


def image_net() -> onnx.ModelProto:
    """Convolutions of all kinds, and what stands between them."""
    net = Net()
    x = net.conv("x", 16, 3, 3, pads=[1] * 4)
    x = net.node("Mul", x, net.node("Sigmoid", x))
    deep = net.node("LeakyRelu", net.conv(x, 16, 1, 3, pads=[1] * 4, group=16), alpha=0.1)
    both = net.node("Concat", net.conv(deep, 24, 16, 1), net.conv(x, 8, 8, 3, pads=[1] * 4, group=2), axis=1)
    x = net.node("MaxPool", net.node("Relu", both), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    x = net.node("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    x = net.node("Clip", net.conv(x, 32, 32, 3), net.constant(0), net.constant(6))
    x = net.node("Relu", net.node("Add", x, net.conv(x, 32, 32, 3, pads=[1] * 4)))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    return net.model(IMAGE, net.node("Gemm", x, net.normal(10, 32), net.normal(10), result="y", transB=1))


def token_net() -> onnx.ModelProto:
    """An attention and a layer behind it."""
    net = Net(1)

    def heads(x: str, order: Sequence[int]) -> str:
        shape = net.constant([*TOKENS[:2], 4, 16], np.int64)
        return net.node("Transpose", net.node("Reshape", x, shape), perm=order)

    query = net.node("Add", net.matmul("x", 64, 64), net.normal(64))
    key, value = net.matmul("x", 64, 64), net.matmul("x", 64, 64)
    scores = net.node("MatMul", heads(query, (0, 2, 1, 3)), heads(key, (0, 2, 3, 1)))
    weights = net.node("Softmax", net.node("Mul", scores, net.constant(0.25)), axis=-1)
    mixed = net.node("MatMul", weights, heads(value, (0, 2, 1, 3)))
    joined = net.node("Reshape", net.node("Transpose", mixed, perm=(0, 2, 1, 3)), net.constant(TOKENS, np.int64))
    x = net.node("Add", net.node("Add", net.matmul(joined, 64, 64), net.normal(64)), "x")
    hidden = net.node("Relu", net.node("Add", net.matmul(x, 64, 32), net.normal(32)))
    net.node("MatMul", hidden, net.normal(32, 8), result="y")
    return net.model(TOKENS, "y")
