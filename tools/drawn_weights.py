"""Draw weights for a network whose weights are repeated constants, from a seed, scaled layer by layer.

The light models of the onnx package have most weights replaced by `ConstantOfShape`. Here each such constant, and each
float initializer, becomes an initializer whose values depend on what reads it: weights of Conv and Gemm are normal,
scaled so that the layer's output has unit variance over a few drawn inputs; BatchNormalization gives its input unit
power; biases and means take part of each channel's mean off; scales are near 1, shifts near 0. The network runs once,
node by node, in onnxruntime.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array: TypeAlias = npt.NDArray[Any]

_SAMPLES = 3
"""Inputs over which the layers' statistics are taken."""
_CENTRING = np.float32(0.1)
"""Share of each channel's mean that biases and batch normalizations take off. With all of it a deep network turns
chaotic (rounding to fp16 changes ResNet-50's output by 12 %), with nothing every input yields nearly the same."""
_SPREAD = 0.1
"""Standard deviation of scales around 1 and of shifts around 0."""
_LINEAR = ("Conv", "Gemm")
_VIEWS = ("Reshape", "Unsqueeze")
"""Ops that hand a constant on to its reader."""


def draw_weights(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """A copy of `model` with drawn weights and, if it ends in Softmax, what that reads as a further output, the last.

    Every input that is not an initializer must be a float tensor of static shape. The same seed gives the same weights.
    """
    graph = model.graph
    drawing = _Drawing(np.random.default_rng(seed), _opset(model), _roles(graph.node))
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initializers]
    samples = [drawing.sample(inputs) for _ in range(_SAMPLES)]
    drawing.run(graph.node, initializers, samples)

    drawn = onnx.ModelProto()
    drawn.CopyFrom(model)
    drawn.ir_version = max(model.ir_version, 4)  # from 4 on, initializers need not be inputs
    del drawn.graph.input[:], drawn.graph.node[:]
    drawn.graph.input.extend(inputs)
    drawn.graph.node.extend(node for node in graph.node if node.output[0] not in drawing.drawn)
    kept = [tensor for tensor in graph.initializer if tensor.name not in drawing.drawn]
    del drawn.graph.initializer[:]
    drawn.graph.initializer.extend(kept)
    drawn.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in drawing.drawn.items())
    _drop_unread(drawn.graph)
    last = graph.node[-1]
    if last.op_type == "Softmax":
        drawn.graph.output.append(helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    return drawn


def _opset(model: onnx.ModelProto) -> int:
    return next(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx"))


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Removes initializers that only the removed nodes read."""
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _roles(nodes: Iterable[onnx.NodeProto]) -> dict[str, tuple[str, int]]:
    """By the name of a tensor, the op that reads it first and as which of its inputs; views are looked through."""
    roles: dict[str, tuple[str, int]] = {}
    for node in reversed(list(nodes)):
        for position, name in reversed(list(enumerate(node.input))):
            hands_on = node.op_type in _VIEWS and position == 0 and node.output[0] in roles
            roles[name] = roles[node.output[0]] if hands_on else (node.op_type, position)
    return roles


@dataclass
class _Drawing:
    """One run over a graph that draws constants as it meets their readers."""

    rng: np.random.Generator
    opset: int
    roles: Mapping[str, tuple[str, int]]
    drawn: dict[str, Array] = field(default_factory=dict[str, Array])
    origin: dict[str, str] = field(default_factory=dict[str, str])
    """The drawn constant that a view of it shows, by the view's name."""

    def sample(self, inputs: Iterable[onnx.ValueInfoProto]) -> dict[str, Array]:
        """Normal values for each input."""
        return {value.name: self.rng.standard_normal(_shape(value), np.float32) for value in inputs}

    def run(
        self, nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], samples: Sequence[dict[str, Array]]
    ) -> None:
        """Runs the nodes on every sample, filling `drawn`. Arrays are dropped after their last reader."""
        shared: dict[str, Array] = {}
        for name, values in constants.items():
            shared[name] = self._constant(name, values.shape) if values.dtype == np.float32 else values
        last_reader = {name: index for index, node in enumerate(nodes) for name in node.input}
        for index, node in enumerate(nodes):
            self._run_node(node, shared, samples)
            for name in node.input:
                if last_reader[name] == index:
                    for values in (shared, *samples):
                        values.pop(name, None)

    def _run_node(self, node: onnx.NodeProto, shared: dict[str, Array], samples: Sequence[dict[str, Array]]) -> None:
        if node.op_type == "ConstantOfShape":
            name = node.output[0]
            shared[name] = self._constant(name, tuple(int(size) for size in shared[node.input[0]]))
        elif all(name in shared for name in node.input):
            self.origin[node.output[0]] = self.origin.get(node.input[0], "")
            shared[node.output[0]] = _evaluate(node, self.opset, [shared])[0]
        elif node.op_type in _LINEAR and node.input[1] in shared:
            self._scale_layer(node, shared, samples)
        else:
            if node.op_type == "BatchNormalization":
                self._set_statistics(node, shared, samples)
            self._store(node, _evaluate(node, self.opset, [{**shared, **sample} for sample in samples]), samples)

    def _constant(self, name: str, shape: tuple[int, ...]) -> Array:
        reader, position = self.roles.get(name, ("", 0))
        self.drawn[name] = self._draw(shape, reader, position)
        self.origin[name] = name
        return self.drawn[name]

    def _draw(self, shape: tuple[int, ...], reader: str, position: int) -> Array:
        values = self.rng.standard_normal(shape, np.float32)
        if reader in _LINEAR and position == 1:
            return values
        scales = reader == "Mul" or (reader == "BatchNormalization" and position in (1, 4))
        return _settled(np.float32(scales) + np.float32(_SPREAD) * values)

    def _scale_layer(self, node: onnx.NodeProto, shared: dict[str, Array], samples: Sequence[dict[str, Array]]) -> None:
        """Scales the weight; the bias, if there is one, takes off part of each channel's mean."""
        bias_name = node.input[2] if len(node.input) > 2 else ""
        no_bias = {bias_name: np.zeros_like(shared[bias_name])} if bias_name else {}
        outputs = _evaluate(node, self.opset, [{**shared, **sample, **no_bias} for sample in samples])
        mean, variance = _channel_statistics(outputs)
        removed = _CENTRING * mean if bias_name else np.zeros_like(mean)
        scale = _settled(1 / np.sqrt(variance.mean() + (mean - removed).var())).astype(np.float32)
        bias = _settled(-removed * scale)
        self.drawn[self.origin[node.input[1]]] *= scale
        if bias_name:
            self.drawn[self.origin[bias_name]][...] = bias
        along_channels = (1, -1, *(1,) * (outputs[0].ndim - 2))
        self._store(node, [output * scale + bias.reshape(along_channels) for output in outputs], samples)

    def _set_statistics(
        self, node: onnx.NodeProto, shared: dict[str, Array], samples: Sequence[dict[str, Array]]
    ) -> None:
        mean, variance = _channel_statistics([sample[node.input[0]] for sample in samples])
        removed = _CENTRING * mean
        variance += (mean - removed) ** 2 + np.float32(_SPREAD) * variance.mean()  # none is near zero
        for name, values in ((node.input[3], removed), (node.input[4], variance)):
            self.drawn[self.origin[name]][...] = shared[name] = _settled(values)

    @staticmethod
    def _store(node: onnx.NodeProto, outputs: Sequence[Array], samples: Sequence[dict[str, Array]]) -> None:
        for sample, output in zip(samples, outputs, strict=True):
            sample[node.output[0]] = output


def _settled(values: Array) -> Array:
    """Measured values on a coarse grid, so that the last bits of a machine's sums do not matter."""
    return values.astype(np.float16).astype(np.float32)


def _channel_statistics(tensors: Sequence[Array]) -> tuple[Array, Array]:
    """Mean and variance of each channel (dimension 1) over tensors."""
    stack = np.stack(tensors)
    axes = tuple(axis for axis in range(stack.ndim) if axis != 2)
    return stack.mean(axes, dtype=np.float64).astype(np.float32), stack.var(axes, dtype=np.float64).astype(np.float32)


def _evaluate(node: onnx.NodeProto, opset: int, bindings: Sequence[Mapping[str, Array]]) -> list[Array]:
    """First output of one node for each binding of its inputs."""
    import onnxruntime

    names = list(dict.fromkeys(name for name in node.input if name))
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(bindings[0][name].dtype), None)
        for name in names
    ]
    output = onnx.ValueInfoProto(name=node.output[0])
    graph = helper.make_graph([node], "node", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    run = cast(Callable[..., list[Array]], session.run)
    return [run([node.output[0]], {name: binding[name] for name in names})[0] for binding in bindings]
