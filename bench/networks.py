"""The networks of the bars, made once and kept: ResNet-50 with drawn weights, and a BERT-base without PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from dialects.files import written_aside
from tests.models.bert import bert
from tests.models.light import drawn_path

CACHE = Path(__file__).parents[1] / "build" / "bench"
"""Folder for models and what is compiled of them."""
_BERT_LAYERS = 12


@dataclass(frozen=True)
class Network:
    """A model in a file."""

    name: str
    path: Path

    def inputs(self) -> dict[str, npt.NDArray[Any]]:
        """Inputs drawn from a fixed seed: normal values, and zeros and ones for integers."""
        graph = onnx.load(self.path, load_external_data=False).graph
        constants = {tensor.name for tensor in graph.initializer}
        return {value.name: _drawn(value) for value in graph.input if value.name not in constants}


def resnet50() -> Network:
    """ResNet-50, shapes inferred, as importers of other compilers want them."""
    return _kept("ResNet-50", lambda: onnx.shape_inference.infer_shapes(onnx.load(drawn_path("resnet50"))))


def resnet50_of(batch: int) -> Network:
    """ResNet-50 for a number of images."""
    return _kept(f"ResNet-50-{batch}", lambda: _batched(onnx.load(drawn_path("resnet50")), batch))


def bert_base() -> Network:
    """BERT-base as the older exporter writes it, with a small vocabulary."""
    return _kept("BERT-base", lambda: bert("older", layers=_BERT_LAYERS))


def _kept(name: str, make: Callable[[], onnx.ModelProto]) -> Network:
    path = CACHE / f"{name}.onnx"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as partial:
            partial.write_bytes(make().SerializeToString())
    return Network(name, path)


def _drawn(value: onnx.ValueInfoProto) -> npt.NDArray[Any]:
    tensor, random = value.type.tensor_type, np.random.default_rng(0)
    shape = [dim.dim_value for dim in tensor.shape.dim]
    if tensor.elem_type == onnx.TensorProto.FLOAT:
        return random.standard_normal(shape, np.float32)
    return random.integers(0, 2, shape, np.int64)


def _batched(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """The model with another batch size: in its inputs and outputs, and in the shape that its Reshape names."""
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        if value.name not in constants and value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = batch
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT64:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = batch
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    return model
