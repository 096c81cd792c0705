"""Buffers in VTCM and scratch in DDR take hardly more than what is live at once: at most 5 % on every network."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from aic.memory_use import memory_use
from tests.models import exported
from tests.models.bert import bert
from tests.models.convolutional import mobilenet_v2, unet, yolo
from tests.models.light import drawn_path
from tests.models.recurrent import recurrent
from tests.tile.networks import lowered

LARGEST_GAP = 0.05

Source = Path | onnx.ModelProto
QUICK: dict[str, Callable[[], Source]] = {
    "resnet50": lambda: drawn_path("resnet50"),
    "bert_two_layers": lambda: bert("older"),
    "unet": unet,
    "lstm": lambda: recurrent("LSTM"),
}
SLOW: dict[str, Callable[[], Source]] = {
    "mobilenet_v2": mobilenet_v2,
    "yolo": yolo,
    "gru": lambda: recurrent("GRU"),
    **{name: (lambda name=name: exported.exported_path(name)) for name in exported.EXPORTED},
}


@pytest.mark.parametrize("cores", [1, 14, 16])
@pytest.mark.parametrize("name", QUICK)
def test_little_is_left_unused(name: str, cores: int) -> None:
    check(QUICK[name](), cores)


@pytest.mark.sweep
@pytest.mark.parametrize("cores", [1, 14, 16])
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
def test_every_network(name: str, cores: int, fp16: bool) -> None:
    check(SLOW[name](), cores, fp16=fp16)


def check(source: Source, cores: int, *, fp16: bool = True) -> None:
    use = memory_use(lowered(source, cores, fp16=fp16))
    assert 0 < use.vtcm.demand <= use.vtcm.taken <= use.vtcm_usable
    assert use.vtcm.gap <= LARGEST_GAP
    assert use.ddr_scratch.demand <= use.ddr_scratch.taken
    assert use.ddr_scratch.gap <= LARGEST_GAP
