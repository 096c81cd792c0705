"""Trained networks keep their accuracy in integers: the digits CNN and the encoder, by every schema and calibration."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.phases import phases_between, run_phases
from aic.profiling import Profiler
from passes.quantization.calibration.choice import Calibration
from passes.quantization.files.profile import write_profile
from passes.quantization.schemas import Schema
from passes.quantization.settings import Settings, set_settings
from tests.models import digits, encoder

Inputs = Mapping[str, npt.NDArray[Any]]

BINS = 2048
PER_CHANNEL, PER_TENSOR, POWER_OF_TWO = 448, 447, 446
"""Of 450 digits, those that must be right; fp32 gets 448."""
ENCODER_POINT = 20
"""One point of 2000 examples."""


def graph(model: Path, batch: int) -> ModuleOp:
    """A model for a batch, ready to be profiled or quantized."""
    module = import_model(model, symbols={"batch": batch})
    return run_phases(module, phases_between("graph", "graph"), quantized=True)


def quantized(module: ModuleOp, settings: Settings) -> GraphRunner:
    """A graph in integers."""
    set_settings(module, settings)
    return GraphRunner(run_phases(module, phases_between("quantize", "quantize"), quantized=True))


def profile_of(model: Path, samples: Inputs, batch: int, path: Path) -> Path:
    """The profile of a model over samples, in batches."""
    count = len(next(iter(samples.values())))
    with Profiler(graph(model, batch), BINS) as profiler:
        for start in range(0, count, batch):
            profiler.add({name: array[start : start + batch] for name, array in samples.items()}, f"samples {start}")
        write_profile(profiler.profile("tests"), path)
    return path


@pytest.fixture(scope="module")
def digits_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with np.load(digits.DATA / "digits_calib.npz") as data:
        samples = {"x": data["x"]}
    return profile_of(digits.DIGITS_DYN, samples, 64, tmp_path_factory.mktemp("digits") / "profile.yaml")


@pytest.fixture(scope="module")
def encoder_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "profile.yaml"
    return profile_of(encoder.ENCODER, encoder.encoder_calibration(), 128, path)


@cache
def all_digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    images, classes, _ = digits.digits_test()
    return images, classes


@pytest.mark.parametrize("schema", list(Schema))
@pytest.mark.parametrize("calibration", list(Calibration))
def test_digits_in_int8(calibration: Calibration, schema: Schema, digits_profile: Path) -> None:
    settings = Settings(
        load_profile=str(digits_profile),
        quantization_schema_activations=schema.value,
        quantization_schema_constants=schema.value,
        quantization_calibration=calibration.value,
    )
    images, classes = all_digits()
    for per_channel, bar in ((False, PER_TENSOR), (True, PER_CHANNEL)):
        how = replace(settings, enable_channelwise=per_channel, enable_rowwise=per_channel)
        runner = quantized(graph(digits.DIGITS_DYN, len(images)), how)
        right = int((runner.run({"x": images})["logits"].argmax(axis=1) == classes).sum())
        power = schema is Schema.SYMMETRIC_WITH_POWER2_SCALE
        assert right >= (POWER_OF_TWO if power else bar), f"{right} right, per channel: {per_channel}"


@pytest.mark.parametrize("cores", [1, 3])
def test_digits_in_int8_on_the_nsps(cores: int, digits_profile: Path, tmp_path: Path) -> None:
    """The same integers from the loaded QPC as at the quantized level, and as many right answers."""
    images, classes = all_digits()
    qpc = aic.compile(
        digits.DIGITS_DYN,
        onnx_define_symbol={"batch": len(images)},
        aic_num_cores=cores,
        load_profile=digits_profile,
        enable_channelwise=True,
        aic_binary_dir=tmp_path / "qpc",
    )
    logits = aic.Session(qpc.path).run({"x": images})["logits"]
    settings = Settings(load_profile=str(digits_profile), enable_channelwise=True)
    expected = quantized(graph(digits.DIGITS_DYN, len(images)), settings).run({"x": images})["logits"]
    np.testing.assert_array_equal(logits, expected)
    assert int((logits.argmax(axis=1) == classes).sum()) >= PER_CHANNEL


@pytest.mark.parametrize(
    ("precision", "rowwise", "lost"),
    [("Int8", True, ENCODER_POINT), ("Int8", False, ENCODER_POINT), ("Int16", True, 2)],
)
def test_the_encoder_in_integers(precision: str, rowwise: bool, lost: int, encoder_profile: Path) -> None:
    """int8 within one point of fp32, int16 within a tenth; softmax and LayerNorm are in fp16."""
    settings = Settings(load_profile=str(encoder_profile), quantization_precision=precision, enable_rowwise=rowwise)
    tokens, classes = encoder.encoder_test()
    batch = 500
    runner = quantized(graph(encoder.ENCODER, batch), settings)
    right = 0
    for start in range(0, len(classes), batch):
        (logits,) = runner.run({name: array[start : start + batch] for name, array in tokens.items()}).values()
        right += int((logits.argmax(axis=1) == classes[start : start + batch]).sum())
    assert right >= encoder.FP32_RIGHT - lost
