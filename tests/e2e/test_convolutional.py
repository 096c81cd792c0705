"""Convolutional and recurrent networks against onnxruntime: small ones at every level, on even and ragged splits.

`make sweep` runs those of real size from their QPCs, with batches, and networks of which one tensor or the weights are
larger than all VTCM.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnx
import pytest

from tests.e2e.levels import Case, check_levels, check_qpc
from tests.models import convolutional, oversized, reference
from tests.models.cache import kept
from tests.models.inputs import drawn_inputs
from tests.models.light import batched_resnet50
from tests.models.recurrent import recurrent

SMALL: dict[str, Callable[[], onnx.ModelProto]] = {
    "mobilenet": lambda: convolutional.mobilenet_v2(48, batch=3, width=0.25, classes=10),
    "unet": lambda: convolutional.unet(40, batch=2, base=8, depth=3),
    "yolo": lambda: convolutional.yolo(64, base=8, classes=5),
    "lstm": lambda: recurrent("LSTM", 17, 3, 24, 40, bidirectional=True, initial_states=True),
    "gru": lambda: recurrent("GRU", 17, 3, 24, 40),
    "lstm of one step": lambda: recurrent("LSTM", 1, 1, 24, 40),
}
REAL: dict[str, Callable[[], onnx.ModelProto]] = {
    "resnet50 of 8 images": lambda: batched_resnet50(8),
    "mobilenet": convolutional.mobilenet_v2,
    "mobilenet of 64 images": lambda: convolutional.mobilenet_v2(batch=64),
    "unet": convolutional.unet,
    "yolo": convolutional.yolo,
    "yolo of 8 images": lambda: convolutional.yolo(batch=8),
    "lstm of 384 steps": lambda: recurrent("LSTM", 384, 8, 512, 512),
    "bidirectional lstm": lambda: recurrent("LSTM", 384, 1, 512, 512, bidirectional=True, initial_states=True),
    "lstm of 64 sequences": lambda: recurrent("LSTM", 17, 64, 512, 512),
    "gru of 384 steps": lambda: recurrent("GRU", 384, 8, 512, 512),
    "gru of 4096 steps": lambda: recurrent("GRU", 4096, 1, 512, 512),
    "lstm with weights larger than VTCM": lambda: recurrent("LSTM", 17, 1, 1024, 1024),
    "image larger than VTCM": oversized.convolutions,
    "enlarged image larger than VTCM": oversized.enlargement,
    "matrix larger than VTCM": oversized.matrices,
}


@cache
def case_of(name: str, *, real: bool) -> Case:
    """A network with its reference, computed once."""
    model = (REAL if real else SMALL)[name]()
    path = kept(model, f"convolutional-{'real' if real else 'small'}-{name.replace(' ', '_')}")
    inputs = drawn_inputs(path)
    output = model.graph.output[-1].name if "resnet" in name else "y"
    expected = reference.run(path, inputs)[output]
    return Case(path, inputs, output, expected, reference.fp16_bound(path, inputs, output), {})


@pytest.mark.parametrize(("cores", "fp16"), [(1, True), (3, False), (7, True), (16, False)])
@pytest.mark.parametrize("name", SMALL)
def test_small_network(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_levels(case_of(name, real=False), cores, fp16=fp16, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("cores", "fp16"), [(1, True), (3, True), (7, True), (14, True), (14, False), (16, True), (16, False)]
)
@pytest.mark.parametrize("name", REAL)
def test_network_of_real_size(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_qpc(case_of(name, real=True), cores, fp16=fp16, folder=tmp_path)
