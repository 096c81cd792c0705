"""ONNX graphs written node by node, as exporters write them, with drawn weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

LOWEST = float(np.finfo(np.float32).min)
"""What exporters add to scores that are masked."""


@dataclass(frozen=True)
class ExternalData:
    """A file beside the model, `location`, that takes the bytes of large constants as soon as they are made."""

    file: BinaryIO
    location: str

    def add(self, values: npt.NDArray[Any], name: str) -> onnx.TensorProto:
        """A tensor that names its place in the file."""
        tensor = TensorProto(name=name, dims=values.shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
        about = {"location": self.location, "offset": self.file.tell(), "length": values.nbytes}
        for key, value in about.items():
            tensor.external_data.add(key=key, value=str(value))
        self.file.write(np.ascontiguousarray(values).data)
        return tensor


class Build:
    """Nodes and constants of one network, in the order in which they are made."""

    opset = 18
    data: ExternalData | None = None
    """Where constants of more than a kilobyte go; None: into the model."""

    def __init__(self, seed: int = 0, scope: str = "") -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.scope = scope

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{self.scope}/{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_output_0"], name, **attributes))
        return f"{name}_output_0"

    def split(self, x: str, parts: int, axis: int) -> list[str]:
        """Equal parts of a tensor along an axis."""
        name = f"{self.scope}/Split_{len(self.nodes)}"
        outputs = [f"{name}_output_{n}" for n in range(parts)]
        self.nodes.append(helper.make_node("Split", [x], outputs, name, axis=axis, num_outputs=parts))
        return outputs

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"{self.scope}/constant_{len(self.initializers)}"
        array = np.asarray(values, dtype)
        inside = self.data is None or array.nbytes <= 1024
        self.initializers.append(numpy_helper.from_array(array, name) if inside else self.data.add(array, name))
        return name

    def drawn(self, *shape: int, scale: float, mean: float = 0.0) -> str:
        return self.constant(mean + scale * self.rng.standard_normal(shape, np.float32))

    def shape(self, *sizes: int) -> str:
        return self.constant(sizes, np.int64)

    def linear(self, x: str, rows: int, columns: int) -> str:
        """x W + b as a product and a sum."""
        product = self.op("MatMul", x, self.drawn(rows, columns, scale=rows**-0.5))
        return self.op("Add", self.drawn(columns, scale=0.1), product)

    def layer_norm(self, x: str, width: int, epsilon: float = 1e-5) -> str:
        scale, bias = self.drawn(width, scale=0.1, mean=1), self.drawn(width, scale=0.1)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon, stash_type=1)

    def model(
        self, name: str, inputs: Mapping[str, npt.NDArray[Any]], outputs: Mapping[str, tuple[str, Sequence[int]]]
    ) -> onnx.ModelProto:
        """The network: inputs by examples, outputs by tensor and shape."""
        for output, (tensor, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [tensor], [output], f"/{output}"))
        graph = helper.make_graph(
            self.nodes,
            name,
            [
                helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
                for n, x in inputs.items()
            ],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, (_, shape) in outputs.items()],
            self.initializers,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
