"""The networks of the bars, made once and kept: ResNet-50 with drawn weights, and a BERT-base without PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from dialects.files import written_aside
from tests.models.bert import bert
from tests.models.light import batched_resnet50, drawn_path

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
    return _kept(f"ResNet-50-{batch}", lambda: batched_resnet50(batch))


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
