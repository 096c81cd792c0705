"""The networks of the bars, made once and kept: ResNet-50 with drawn weights, and a BERT-base without PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx

from dialects.files import written_aside
from tests.models.bert import bert
from tests.models.builder import ExternalData
from tests.models.inputs import drawn_inputs
from tests.models.light import batched_resnet50, drawn_path
from tests.models.symbolic import Sizes, decoder

CACHE = Path(__file__).parents[1] / "build" / "bench"
"""Folder for models and what is compiled of them."""
_BERT_LAYERS = 12


@dataclass(frozen=True)
class Network:
    """A model in a file, perhaps with its weights in a second one."""

    name: str
    path: Path
    data: Path | None = None

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(path.stat().st_size for path in (self.path, self.data) if path is not None)

    def inputs(self) -> dict[str, npt.NDArray[Any]]:
        """Inputs drawn from a fixed seed."""
        return drawn_inputs(self.path)


def resnet50() -> Network:
    """ResNet-50, shapes inferred, as importers of other compilers want them."""
    return _kept("ResNet-50", lambda: onnx.shape_inference.infer_shapes(onnx.load(drawn_path("resnet50"))))


def resnet50_of(batch: int) -> Network:
    """ResNet-50 for a number of images."""
    return _kept(f"ResNet-50-{batch}", lambda: batched_resnet50(batch))


def bert_base() -> Network:
    """BERT-base as the older exporter writes it, with a small vocabulary."""
    return _kept("BERT-base", lambda: bert("older", layers=_BERT_LAYERS))


def bert_with_data(layers: int) -> Network:
    """A BERT as wide as BERT-base and of that many layers, its weights in a file beside the model: 28 MB per layer."""
    name = f"BERT-{layers}-layers"
    data = CACHE / f"{name}.data"

    def make() -> onnx.ModelProto:
        with written_aside(data) as partial, partial.open("wb") as file:
            return bert("older", layers, data=ExternalData(file, data.name))

    return _kept(name, make, data)


DECODER = Sizes(24, heads=12, kv_heads=4, head_dim=128, inner=3456, vocabulary=2048, context=256)
"""A decoder in the manner of Llama with 2 GiB of weights in fp32."""


def decoder_with_data() -> Network:
    """That decoder, its weights in a file beside the model."""
    name = f"decoder-{DECODER.layers}-layers"
    data = CACHE / f"{name}.data"

    def make() -> onnx.ModelProto:
        with written_aside(data) as partial, partial.open("wb") as file:
            return decoder("llama", DECODER, ExternalData(file, data.name))

    return _kept(name, make, data)


def _kept(name: str, make: Callable[[], onnx.ModelProto], data: Path | None = None) -> Network:
    path = CACHE / f"{name}.onnx"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as partial:
            partial.write_bytes(make().SerializeToString())
    return Network(name, path, data)
