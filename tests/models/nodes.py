"""Networks written down node by node, with weights drawn so that activations keep about unit power."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

GAINS = {"": 1.0, "Relu": 2.0, "Clip": 2.0, "Silu": 2.8}
"""What the variance of weights is multiplied by so that activations after it keep the power of those before."""


class Nodes:
    """Nodes and constants of one network, in the order in which they are made."""

    def __init__(self, opset: int = 17, seed: int = 0) -> None:
        self.opset = opset
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The only output of a new node."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """The outputs of a new node."""
        name = f"{kind}_{len(self.nodes)}"
        names = [f"{name}_output_{position}" for position in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name, **attributes))
        return names

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """An initializer."""
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def integers(self, *values: int) -> str:
        """An initializer of a vector of int64."""
        return self.constant(values, np.int64)

    def drawn(self, *shape: int, scale: float, mean: float = 0.0) -> str:
        """An initializer of normal values."""
        return self.constant(mean + scale * self.random.standard_normal(shape, np.float32))

    def activation(self, x: str, kind: str) -> str:
        """`Relu`, `Clip` to 0 .. 6, `Silu` in the two nodes that exporters write, or nothing."""
        if kind == "Clip":
            return self.op("Clip", x, self.constant(0.0), self.constant(6.0))
        if kind == "Silu":
            return self.op("Mul", x, self.op("Sigmoid", x))
        return self.op(kind, x) if kind else x

    def conv(
        self, x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, then: str = ""
    ) -> str:
        """A convolution that keeps the size (over its stride), and an activation."""
        depth = inputs // groups
        scale = (GAINS[then] / (depth * kernel * kernel)) ** 0.5
        weight, bias = self.drawn(outputs, depth, kernel, kernel, scale=scale), self.drawn(outputs, scale=0.05)
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": groups}
        return self.activation(self.op("Conv", x, weight, bias, **window), then)

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """A fully connected layer on [N, inputs]."""
        weight = self.drawn(outputs, inputs, scale=inputs**-0.5)
        return self.op("Gemm", x, weight, self.drawn(outputs, scale=0.05), transB=1)

    def model(self, inputs: dict[str, list[int]], outputs: dict[str, str]) -> onnx.ModelProto:
        """The network: shapes of its inputs by name, and which tensors are its outputs by their names."""
        ends = [helper.make_node("Identity", [tensor], [name]) for name, tensor in outputs.items()]
        graph = helper.make_graph(
            [*self.nodes, *ends],
            "network",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)
