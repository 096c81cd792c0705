"""Inputs for a network of which only the file is known."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

_TOKENS = 100
"""Numbers below this are tokens of every vocabulary, and rows of every table."""


def drawn_inputs(model: Path) -> dict[str, npt.NDArray[Any]]:
    """Values for every input, from a fixed seed: noise for an image, tokens, a mask that hides the end, token types."""
    graph = onnx.load(model, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return {port.name: _drawn(port) for port in graph.input if port.name not in weights}


def _drawn(port: onnx.ValueInfoProto) -> npt.NDArray[Any]:
    shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
    draw = np.random.default_rng(2)
    if port.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        return draw.standard_normal(shape).astype(np.float32)
    if "mask" in port.name:
        return np.tile(np.arange(shape[1]) < shape[1] * 3 // 4, (shape[0], 1)).astype(np.int64)
    return draw.integers(0, 2 if "type" in port.name else _TOKENS, shape)
