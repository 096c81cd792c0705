"""Quantized networks against onnxruntime's static quantization, of the same model with the same inputs: noise of the
outputs, the time that quantizing takes, and the values engine next to its fp16 run.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static

import aic
from aic.session import Session
from bench.inference import least
from bench.measurement import Measurement
from bench.networks import CACHE, Network

IMAGES = 8
"""Inputs that are profiled."""
TIME_BAR = 2.0
"""What profiling and quantizing may take, as against onnxruntime."""
_PERCENT = 100.0
_PER_CHANNEL_OPSET = 13

Arrays = Mapping[str, npt.NDArray[Any]]


def measure_quantization(network: Network, rounds: int) -> Iterator[Measurement]:
    """Noise per tensor and per channel, by each side's own defaults; seconds; the values engine."""
    inputs, samples = network.inputs(), drawn_samples(network)
    exact = _run_onnxruntime(network.path, inputs)
    sides: dict[str, tuple[float, float]] = {}
    for per_channel in (False, True):
        start = time.perf_counter()
        ours = _ours(network, samples, per_channel=per_channel)
        ours_seconds = time.perf_counter() - start
        start = time.perf_counter()
        theirs = _theirs(network, samples, per_channel=per_channel)
        theirs_seconds = time.perf_counter() - start
        how = "per channel" if per_channel else "per tensor"
        noise = noise_share(Session(ours).run(inputs), exact)
        peer = noise_share(_run_onnxruntime(theirs, inputs), exact)
        what = f"noise of {network.name} in int8, {how}"
        yield Measurement(what, noise * _PERCENT, "%", "onnxruntime", peer * _PERCENT, 1.0)
        sides[how] = (ours_seconds, theirs_seconds)
    ours_seconds, theirs_seconds = sides["per tensor"]
    what = f"profile and quantize {network.name}, {IMAGES} inputs"
    yield Measurement(what, ours_seconds, "s", "quantize_static", theirs_seconds, TIME_BAR)
    integers = Session(CACHE / f"{network.name}-int8" / "programqpc.bin")
    fp16 = Session(_fp16(network))
    seconds = least({"int8": lambda: integers.run(inputs), "fp16": lambda: fp16.run(inputs)}, rounds)
    yield Measurement(f"values of {network.name} in int8", seconds["int8"], "s", "fp16", seconds["fp16"], 1.0)


def drawn_samples(network: Network) -> list[dict[str, npt.NDArray[Any]]]:
    """Inputs like those that the network is measured on, and others than these."""
    like, draw = network.inputs(), np.random.default_rng(5)
    return [{name: _like(name, array, draw) for name, array in like.items()} for _ in range(IMAGES)]


def _like(name: str, array: npt.NDArray[Any], draw: np.random.Generator) -> npt.NDArray[Any]:
    if array.dtype.kind == "f":
        return draw.standard_normal(array.shape).astype(array.dtype)
    return array if "mask" in name else draw.integers(0, int(array.max()) + 1, array.shape, array.dtype)


def noise_share(actual: Arrays, exact: Arrays) -> float:
    """Power of the noise over that of the signal, over all outputs."""
    signal = sum(float(np.square(values.astype(np.float64)).sum()) for values in exact.values())
    noise = sum(float(np.square(values.astype(np.float64) - actual[name]).sum()) for name, values in exact.items())
    return noise / signal


def _ours(network: Network, samples: Sequence[Arrays], *, per_channel: bool) -> Path:
    folder = CACHE / f"{network.name}-int8"
    _clear(folder)
    qpc = aic.compile(
        network.path,
        aic_num_cores=16,
        convert_to_quantize=True,
        calibration_inputs=samples,
        enable_channelwise=per_channel,
        enable_rowwise=per_channel,
        aic_binary_dir=folder,
    )
    return qpc.path


def _fp16(network: Network) -> Path:
    folder = CACHE / f"{network.name}-fp16"
    _clear(folder)
    return aic.compile(network.path, aic_num_cores=16, convert_to_fp16=True, aic_binary_dir=folder).path


def _clear(folder: Path) -> None:
    for file in folder.glob("*"):
        file.unlink()


class _Reader(CalibrationDataReader):
    """Samples as onnxruntime reads them."""

    def __init__(self, samples: Sequence[Arrays]):
        self._rest = iter(samples)

    def get_next(self) -> Any:
        """The next inputs, None at the end."""
        return next(self._rest, None)


def _theirs(network: Network, samples: Sequence[Arrays], *, per_channel: bool) -> Path:
    path = CACHE / f"{network.name}-onnxruntime-int8.onnx"
    quantize_static(
        str(_of_newer_opset(network)),
        str(path),
        _Reader(samples),
        per_channel=per_channel,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    return path


def _of_newer_opset(network: Network) -> Path:
    """The model in an opset whose DequantizeLinear knows channels."""
    path = CACHE / f"{network.name}-opset{_PER_CHANNEL_OPSET}.onnx"
    if not path.is_file():
        onnx.save(onnx.version_converter.convert_version(onnx.load(network.path), _PER_CHANNEL_OPSET), path)
    return path


def _run_onnxruntime(path: Path, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
