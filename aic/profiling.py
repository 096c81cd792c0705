"""Making a quantization profile: the values that a network's tensors take, counted over sample inputs."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from aic.interpreter.graph import GraphRunner
from dialects.errors import AicError
from dialects.graph.base import tensor_type
from dialects.graph.kernels import Array
from dialects.module import main_of
from passes.quantization.channels import ChannelMeans, Doubles, values_with_means
from passes.quantization.files.profile import Profile, TensorProfile
from passes.quantization.fingerprint import fingerprint
from passes.quantization.histogram import Histogram
from passes.quantization.names import float_values
from passes.quantization.settings import settings_of
from passes.smooth_activations import smoothable


class Profiler:
    """Counts the values of every floating-point tensor of a graph, inference after inference. Where the module's
    settings ask for corrected biases, takes the means of channels, too.

    Threads count tensors at the same time, each tensor in the order of the inferences, so that a profile does not
    depend on how many there are. To be closed, or used in a `with` statement.
    """

    def __init__(self, module: ModuleOp, bins: int, threads: int = 1):
        main = main_of(module)
        self._runner = GraphRunner(module)
        self._names: dict[SSAValue, str] = {value: name for name, value in float_values(main).items()}
        self._histograms = {name: Histogram.empty(bins) for name in self._names.values()}
        means = values_with_means(main) if settings_of(module).quantization_bias_correction else []
        self._means = {
            self._names[value]: ChannelMeans.empty(tensor_type(value).get_shape()[-1])
            for value in means
            if value in self._names
        }
        self._graph_hash = fingerprint(main, settings_of(module))
        self._pool = ThreadPoolExecutor(threads, "profile")
        self._samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)

    def add(self, inputs: Mapping[str, npt.NDArray[Any]], origin: str) -> None:
        """Runs one inference on inputs that come from `origin`, and counts.

        Raises AicError for inputs that do not fit, for inputs that are NaN or infinite, and for NaN anywhere: of
        which tensor, from where. A tensor that becomes infinite otherwise gets no record.
        """
        waiting: list[tuple[str, Array, Future[None]]] = []

        def observe(op: Operation, result: Array) -> None:
            name = self._names.get(op.results[0])
            if name in self._histograms:
                waiting.append((name, result, self._pool.submit(self._count, name, result)))

        for name, array in inputs.items():
            if name in self._histograms and array.dtype.kind == "f":
                self._check_finite(name, array, origin)
                self._count(name, array)
        self._runner.run(inputs, observe)
        for name, result, counted in waiting:
            try:
                counted.result()
            except AicError as error:
                if np.isnan(result).any():
                    raise AicError(f"{origin}: tensor {name!r}: {error}") from None
                # A mask of minus infinity has no range that integers could cover: it stays in floating point.
                del self._histograms[name]
        self._samples += 1

    def _count(self, name: str, values: Array) -> None:
        self._histograms[name].add(values)
        if name in self._means:
            self._means[name].add(values)

    def _check_finite(self, name: str, array: npt.NDArray[Any], origin: str) -> None:
        wrong = ~np.isfinite(array)
        if wrong.any():
            place = [int(index) for index in np.argwhere(wrong)[0]]
            value = array[tuple(place)]
            raise AicError(
                f"{origin}: input {name!r} holds {value} at {place}, {int(wrong.sum())} such values in all; "
                "a profile is made of finite numbers"
            )

    def profile(self, version: str) -> Profile:
        """What has been counted so far. Raises AicError where nothing was."""
        if not self._samples:
            raise AicError("a profile needs at least one inference")
        means = {name: counted.means for name, counted in self._means.items()}
        records = {
            name: TensorProfile(name, histogram.low, histogram.high, histogram.counts, means.get(name))
            for name, histogram in self._histograms.items()
        }
        return Profile(version, self._graph_hash, records)


def channel_maxima(module: ModuleOp, inputs: Iterable[Mapping[str, npt.NDArray[Any]]]) -> dict[str, Doubles]:
    """The greatest magnitudes [channels], over inferences, of the tensors of a graph that can be smoothed. NaN does not
    count. Raises AicError for inputs that do not fit.
    """
    names: dict[Operation, str] = {found.op: found.name for found in smoothable(main_of(module))}
    maxima = {op: np.zeros(tensor_type(op.results[0]).get_shape()[-1]) for op in names}

    def observe(op: Operation, result: Array) -> None:
        if op in maxima:
            rows = np.abs(result).reshape(-1, result.shape[-1])
            maxima[op] = np.fmax(maxima[op], np.fmax.reduce(rows, axis=0, initial=0.0))

    if maxima:
        runner = GraphRunner(module)
        for each in inputs:
            runner.run(each, observe)
    return {name: maxima[op] for op, name in names.items()}
