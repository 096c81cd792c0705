"""Small models for the tests of the importer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def tensor(name: str, shape: Sequence[int | str | None], dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, list(shape))


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str],
    constants: dict[str, Any] | None = None,
    opset: int = 20,
    **properties: Any,
) -> onnx.ModelProto:
    """A model of these nodes; output types are left open."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        list(inputs),
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **properties)


def linear(size: int = 64, seed: int = 0) -> onnx.ModelProto:
    """y = x w + b with weights large enough to stay outside of the message."""
    random = np.random.default_rng(seed)
    constants = {
        "w": random.standard_normal((size, size)).astype(np.float32),
        "b": random.standard_normal(size).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"], name="product"),
        helper.make_node("Add", ["xw", "b"], ["y"], name="sum"),
    ]
    return model(nodes, [tensor("x", ["batch", size])], ["y"], constants)
