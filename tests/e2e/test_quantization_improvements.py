"""Bias correction, cross-layer equalization and SmoothQuant do what they are for: networks that integers with one scale
ruin keep their outputs, from the model to the loaded QPC; trained ones keep their accuracy.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import aic
from aic.compiler import lower, profile
from aic.interpreter.graph import GraphRunner
from aic.options import options_from_keywords
from aic.profiling import channel_maxima
from aic.quantization import Sample
from passes.quantization.files.profile import write_profile
from passes.smooth_activations import smooth
from tests.models import digits, encoder
from tests.models.reference import FP32_BOUND, relative_error, run
from tests.models.uneven import IMAGE, TOKENS, WIDTH, uneven_separable, uneven_transformer

Inputs = Mapping[str, npt.NDArray[Any]]

BATCH = 32
DIGITS_RIGHT = 447
"""Of 450 in int8; fp32 gets 448."""
ENCODER_POINT = 20
"""One point of 2000 examples."""
EQUALIZED = {"quantization_cross_layer_equalization": True}
SMOOTHED = {"quantization_smoothquant": 0.5}
CORRECTED = {"quantization_bias_correction": True}


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def samples(shape: list[int], seed: int) -> Inputs:
    return {"x": np.random.default_rng(seed).standard_normal((BATCH, *shape)).astype(np.float32)}


def error_of(model: Path, calibration: list[Inputs], inputs: Inputs, out: Path, **options: Any) -> Any:
    """What the QPC of a quantized model computes, less what the model computes in fp32 [.., channels]."""
    qpc = aic.compile(
        model, convert_to_quantize=True, calibration_inputs=calibration, aic_num_cores=2, aic_binary_dir=out, **options
    )
    (actual,), (expected,) = aic.Session(qpc.path).run(inputs).values(), run(model, inputs).values()
    return actual.astype(np.float64) - expected


def signal_to_noise(model: Path, inputs: Inputs, error: npt.NDArray[np.float64]) -> float:
    """In dB."""
    (expected,) = run(model, inputs).values()
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / np.square(error).sum()))


@pytest.mark.parametrize("seed", [0, 1])
def test_equalized_layers(seed: int, tmp_path: Path) -> None:
    """As good as the network whose channels are alike, and within rounding the same in fp32; without, there is hardly
    more signal than noise.
    """
    model = saved(uneven_separable(BATCH, seed=seed), tmp_path)
    calibration, inputs = [samples(IMAGE, 1)], samples(IMAGE, 2)
    plain, equalized = (
        signal_to_noise(model, inputs, error_of(model, calibration, inputs, tmp_path / name, **options))
        for name, options in (("plain", {}), ("equalized", EQUALIZED))
    )
    assert plain < 10
    assert equalized > plain + 25
    graph = lower(options_from_keywords(model=model, dump_profile=tmp_path / "unused", **EQUALIZED), "graph")
    assert 0 < relative_error(only(GraphRunner(graph).run(inputs)), only(run(model, inputs))) < FP32_BOUND


@pytest.mark.parametrize("first_norm", [True, False])
def test_smoothed_activations(first_norm: bool, tmp_path: Path) -> None:
    """Outliers cost nothing any more, whether the normalization's own factors take the division or a product does."""
    model = saved(uneven_transformer(BATCH, first=first_norm), tmp_path)
    calibration, inputs = [samples([TOKENS, WIDTH], seed) for seed in (1, 2)], samples([TOKENS, WIDTH], 3)
    plain, smoothed = (
        signal_to_noise(model, inputs, error_of(model, calibration, inputs, tmp_path / name, **options))
        for name, options in (("plain", {}), ("smoothed", SMOOTHED))
    )
    assert plain < 15
    assert smoothed > plain + 24
    graph = lower(options_from_keywords(model=model, dump_profile=tmp_path / "unused", **SMOOTHED), "graph")
    smooth(graph, channel_maxima(graph, calibration))
    assert 0 < relative_error(only(GraphRunner(graph).run(inputs)), only(run(model, inputs))) < FP32_BOUND


@pytest.mark.parametrize("ranges", [1.0, 4.0])
def test_corrected_biases(ranges: float, tmp_path: Path) -> None:
    """Rounded weights shift what a depthwise network makes: corrected, by much less, in each of three networks."""
    calibration, inputs = [samples(IMAGE, 1), samples(IMAGE, 2)], samples(IMAGE, 3)
    shifts: list[list[float]] = []
    gains: list[float] = []
    for seed in range(3):
        model = saved(uneven_separable(BATCH, seed=seed, ranges=ranges), tmp_path)
        plain, corrected = (
            error_of(model, calibration, inputs, tmp_path / f"{name}{seed}", **options)
            for name, options in (("plain", {}), ("corrected", CORRECTED))
        )
        shifts.append([float(np.abs(error.mean(axis=0)).mean()) for error in (plain, corrected)])
        gains.append(signal_to_noise(model, inputs, corrected) - signal_to_noise(model, inputs, plain))
    before, after = np.sum(shifts, axis=0)
    assert after < 0.75 * before
    assert min(gains) > 0.5
    assert np.mean(gains) > 2.5


@pytest.mark.parametrize(("options", "gain"), [(CORRECTED, 0.4), (EQUALIZED, -1.0), ({**CORRECTED, **EQUALIZED}, 0.0)])
def test_digits_stay_right(options: dict[str, Any], gain: float, tmp_path: Path) -> None:
    """Signal to noise gains so many dB at least; bias correction helps, and nothing is to be equalized."""
    images, classes, _ = digits.digits_test()
    with np.load(digits.DATA / "digits_calib.npz") as data:
        calibration = {"x": data["x"]}
    noises: list[float] = []
    for each in ({}, options):
        runner = quantized(digits.DIGITS_DYN, len(images), calibration, 64, tmp_path / "profile.yaml", **each)
        logits = only(runner.run({"x": images}))
        assert int((logits.argmax(axis=1) == classes).sum()) >= DIGITS_RIGHT
        error = logits.astype(np.float64) - only(run(digits.DIGITS_DYN, {"x": images}))
        noises.append(signal_to_noise(digits.DIGITS_DYN, {"x": images}, error))
    assert noises[1] > noises[0] + gain


@pytest.mark.parametrize("options", [CORRECTED, SMOOTHED, {**CORRECTED, **SMOOTHED}], ids=["bias", "smooth", "both"])
def test_the_encoder_stays_right(options: dict[str, Any], tmp_path: Path) -> None:
    """Within one point of fp32, as without."""
    tokens, classes = encoder.encoder_test()
    batch, right = 500, 0
    calibration = encoder.encoder_calibration()
    runner = quantized(encoder.ENCODER, batch, calibration, 128, tmp_path / "profile.yaml", **options)
    for start in range(0, len(classes), batch):
        logits = only(runner.run({name: array[start : start + batch] for name, array in tokens.items()}))
        right += int((logits.argmax(axis=1) == classes[start : start + batch]).sum())
    assert right >= encoder.FP32_RIGHT - ENCODER_POINT


def quantized(model: Path, batch: int, calibration: Inputs, together: int, path: Path, **options: Any) -> GraphRunner:
    """A model on integers, by a profile that is made of so many inputs at a time."""
    count = len(next(iter(calibration.values())))
    parts = [
        {name: array[at : at + together] for name, array in calibration.items()} for at in range(0, count, together)
    ]
    profiled = options_from_keywords(model=model, batchsize=together, dump_profile=path, **options)
    write_profile(profile(profiled, lambda _: (Sample(part, "calibration") for part in parts)), path)
    loaded = options_from_keywords(model=model, batchsize=batch, load_profile=path, **options)
    return GraphRunner(lower(loaded, "quantize"))


def only(outputs: Inputs) -> npt.NDArray[Any]:
    """The only output."""
    (output,) = outputs.values()
    return output
