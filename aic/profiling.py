"""Making a quantization profile: the values that a network's tensors take, counted over sample inputs."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from aic.interpreter.graph import GraphRunner
from aic.specializations.graphs import graph_signatures
from aic.specializations.network import Network
from dialects.errors import AicError
from dialects.graph.base import tensor_type
from dialects.graph.kernels import Array
from dialects.graph.ports import input_ports
from dialects.module import main_of, programs_of
from passes.quantization.channels import ChannelMeans, Doubles, values_with_means
from passes.quantization.files.profile import Profile, TensorProfile
from passes.quantization.fingerprint import fingerprint_of
from passes.quantization.histogram import Histogram
from passes.quantization.names import float_values
from passes.quantization.settings import settings_of
from passes.smooth_activations import smoothable


class Profiler:
    """Counts the values of every floating-point tensor of a graph, inference after inference; of specializations those
    of all together, as their tensors have the same names. Where the module's settings ask for corrected biases, takes
    the means of channels, too.

    Threads count tensors at the same time, each tensor in the order of the inferences, so that a profile does not
    depend on how many there are. To be closed, or used in a `with` statement.
    """

    def __init__(self, module: ModuleOp, bins: int, threads: int = 1):
        self._programs = programs = list(programs_of(module))
        self._network = Network(graph_signatures(module))
        self._runner = cache(lambda number: GraphRunner(programs[number]))
        self._names: list[dict[SSAValue, str]] = [
            {value: name for name, value in float_values(main_of(program)).items()} for program in programs
        ]
        self._histograms = {name: Histogram.empty(bins) for names in self._names for name in names.values()}
        self._graph_hash = fingerprint_of(programs)
        self._means = {
            names[value]: ChannelMeans.empty(tensor_type(value).get_shape()[-1])
            for names, program in zip(self._names, programs, strict=True)
            if settings_of(program).quantization_bias_correction
            for value in values_with_means(main_of(program))
            if value in names
        }
        self._pool = ThreadPoolExecutor(threads, "profile")
        self._samples = [0] * len(programs)

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
        self._network.run(inputs, lambda number, given: self._counted(number, given, origin))
        self._samples[self._network.chosen] += 1

    def _counted(self, number: int, inputs: Mapping[str, npt.NDArray[Any]], origin: str) -> dict[str, Array]:
        """The outputs of a program, what it computes on the way being counted."""
        names = self._names[number]
        waiting: list[tuple[str, Array, Future[None]]] = []

        def observe(op: Operation, result: Array) -> None:
            name = names.get(op.results[0])
            if name in self._histograms:
                waiting.append((name, result, self._pool.submit(self._count, name, result)))

        main = main_of(self._programs[number])
        for port, argument in zip(input_ports(main), main.body.block.args, strict=True):
            name, array = names.get(argument), inputs.get(port.name)  # what it is converted to may have the port's name
            if name in self._histograms and array is not None and array.dtype.kind == "f":
                check_finite(port.name, array, origin)
                self._count(name, array)
        outputs = self._runner(number).run(inputs, observe)
        for name, result, counted in waiting:
            try:
                counted.result()
            except AicError as error:
                if np.isnan(result).any():
                    raise AicError(f"{origin}: tensor {name!r}: {error}") from None
                # A mask of minus infinity has no range that integers could cover: it stays in floating point.
                self._histograms.pop(name, None)
        return outputs

    def _count(self, name: str, values: Array) -> None:
        self._histograms[name].add(values)
        if name in self._means:
            self._means[name].add(values)

    def profile(self, version: str) -> Profile:
        """What has been counted so far. Raises AicError where nothing was, naming specializations without inputs."""
        if not any(self._samples):
            raise AicError("a profile needs at least one inference")
        means = {name: counted.means for name, counted in self._means.items()}
        signatures = zip(self._network.signatures, self._samples, strict=True)
        unseen = [signature.name for signature, samples in signatures if not samples]
        if unseen:
            raise AicError(f"a profile needs inputs of every specialization; there are none of {', '.join(unseen)}")
        records = {
            name: TensorProfile(name, histogram.low, histogram.high, histogram.counts, means.get(name))
            for name, histogram in self._histograms.items()
        }
        return Profile(version, self._graph_hash, records)


def channel_maxima(module: ModuleOp, inputs: Iterable[Mapping[str, npt.NDArray[Any]]]) -> dict[str, Doubles]:
    """The greatest magnitudes [channels], over inferences, of the tensors of a graph that can be smoothed. NaN does not
    count. Raises AicError for inputs that do not fit.
    """
    programs = list(programs_of(module))
    found = [each for program in programs for each in smoothable(main_of(program))]
    names: dict[Operation, str] = {each.op: each.name for each in found}
    maxima = {each.name: np.zeros(each.op.result_type.get_shape()[-1]) for each in found}

    def observe(op: Operation, result: Array) -> None:
        if op in names:
            rows = np.abs(result).reshape(-1, result.shape[-1])
            maxima[names[op]] = np.fmax(maxima[names[op]], np.fmax.reduce(rows, axis=0, initial=0.0))

    if maxima:
        network, runner = Network(graph_signatures(module)), cache(lambda number: GraphRunner(programs[number]))
        for each in inputs:
            network.run(each, lambda number, given: runner(number).run(given, observe))
    return maxima


def check_finite(name: str, array: npt.NDArray[Any], origin: str) -> None:
    """Raises AicError where an input of numbers holds NaN or infinities: of which sample, where and how many."""
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = [int(index) for index in np.argwhere(wrong)[0]]
        raise AicError(
            f"{origin}: input {name!r} holds {array[tuple(place)]} at {place} (not finite: {int(wrong.sum())} of "
            f"{array.size} values); a network is quantized by finite numbers"
        )
