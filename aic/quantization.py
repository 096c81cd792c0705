"""Quantization as the options ask for it: settings for the passes, and profiles."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from aic.node_lists import node_lists
from aic.options import Options, UsageError
from aic.specializations.choice import choose
from aic.specializations.graphs import graph_signatures
from aic.tensors import Signature, TensorInfo
from aic.version import version
from dialects import create_context
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.module import path_of, programs_of, standing_alone
from passes.quantization.files.profile import Profile
from passes.quantization.settings import DEFAULT_BINS, Settings, settings_of
from passes.smooth_activations import SmoothActivationsPass, smooth

_REPORTED_SAMPLES = 4
"""Samples of a report at most: each is run once for every quantized node."""


@dataclass(frozen=True)
class Sample:
    """Inputs of one inference, and where they come from, for messages."""

    inputs: Mapping[str, npt.NDArray[Any]]
    origin: str


Samples: TypeAlias = Callable[[Sequence[Signature]], Iterable[Sample]]
"""Sample inputs for a network with these specializations."""


def given_samples(inputs: Iterable[Mapping[str, npt.NDArray[Any]]], more_than_once: bool) -> Samples:
    """Inputs as samples that know their numbers."""
    kept = list(inputs) if more_than_once else inputs
    return lambda _: (Sample(each, f"calibration input {number}") for number, each in enumerate(kept))


def first_of(samples: Samples) -> Callable[[Sequence[TensorInfo]], Mapping[str, npt.NDArray[Any]]]:
    """What validates passes takes one inference's inputs: the first that fit, or the first where none do."""

    def first(tensors: Sequence[TensorInfo]) -> Mapping[str, npt.NDArray[Any]]:
        network, misfit = Signature("", tuple(tensors), ()), None
        for sample in samples(()):
            if network.takes({name: np.shape(array) for name, array in sample.inputs.items()}):
                return sample.inputs
            misfit = misfit or sample.inputs
        if misfit is None:
            raise UsageError(["calibration_inputs are empty"])
        return misfit

    return first


def settings_for(options: Options) -> Settings:
    """What the passes are to know of the options.

    Raises AicError for files that cannot be read, and for names that are none of the model: of operators, of tensors.
    """
    lists = node_lists(options)
    same: dict[str, Any] = {field.name: getattr(options, field.name, None) for field in fields(Settings)}
    given: dict[str, Any] = {
        name: str(value) if isinstance(value, Path) else value for name, value in same.items() if value is not None
    }
    return Settings(**given, in_float=lists.fp16, in_original=lists.original, nodes=lists.nodes)


def make_profile(module: ModuleOp, samples: Samples, options: Options) -> Profile:
    """The profile of a graph that is ready to be quantized. Raises AicError for samples that do not fit, NaN among
    them.

    Where activations are to be smoothed, samples are taken twice: for the maxima that tell how much, and for the ranges
    afterwards. The graph stays as it is.
    """
    from aic.profiling import Profiler, channel_maxima  # brings the interpreter, which most compilations do not need

    inputs, maxima = graph_signatures(module), dict[str, npt.NDArray[np.float64]]()
    if settings_of(module).quantization_smoothquant:
        maxima = channel_maxima(module, (sample.inputs for sample in samples(inputs)))
        module = module.clone()
        for program in programs_of(module):
            smooth(program, maxima)
    with Profiler(module, options.num_histogram_bins or DEFAULT_BINS, options.profiling_threads or 1) as profiler:
        for sample in samples(inputs):
            profiler.add(sample.inputs, sample.origin)
        made = profiler.profile(version())
    records = {name: replace(record, channel_maxima=maxima.get(name)) for name, record in made.records.items()}
    return replace(made, records=records)


def write_reports(path: Path, graphs: Sequence[ModuleOp], integers: ModuleOp, samples: Samples) -> None:
    """Writes what quantization costs a network: a page, and beside it the same as JSON; of several specializations for
    each, `report.spec0.html` and so on.

    Args:
        path: the page.
        graphs: each program from before it was quantized, as `Marked` has kept it.
        integers: the quantized network.
        samples: of which each program is run on the first that are for it.

    Raises AicError for samples that do not fit, NaN and infinities among them, and for a specialization without any.
    """
    programs = list(programs_of(integers))
    chosen = _first_samples(graph_signatures(integers), samples)
    without = [path_of(program) for program, own in zip(programs, chosen, strict=True) if not own]
    if without:
        raise AicError(f"-quantization-report: no inputs are for {', '.join(filter(None, without)) or 'the network'}")
    network = integers.sym_name.data if integers.sym_name is not None else "network"
    for graph, program, own in zip(graphs, programs, chosen, strict=True):
        place, name = path, network
        if program is not integers and program.sym_name is not None:
            place, name = path.with_suffix(f".{program.sym_name.data}{path.suffix}"), f"{network}, {path_of(program)}"
        _write_report(place, name, graph, standing_alone(program), own)


def _first_samples(signatures: Sequence[Signature], samples: Samples) -> list[list[Mapping[str, npt.NDArray[Any]]]]:
    """The first samples for each program."""
    from aic.profiling import check_finite

    found: list[list[Mapping[str, npt.NDArray[Any]]]] = [[] for _ in signatures]
    for sample in samples(signatures):
        own = found[choose(signatures, {name: array.shape for name, array in sample.inputs.items()})]
        if len(own) < _REPORTED_SAMPLES:
            for name, array in sample.inputs.items():
                if array.dtype.kind == "f":
                    check_finite(name, array, sample.origin)
            own.append(sample.inputs)
        if all(len(each) == _REPORTED_SAMPLES for each in found):
            break
    return found


def _write_report(
    path: Path,
    name: str,
    graph: ModuleOp,
    integers: ModuleOp,
    inputs: Sequence[Mapping[str, npt.NDArray[Any]]],
) -> None:
    """The report of a program before and after it was quantized; activations are compared as they are smoothed."""
    from aic.quantization_page import as_page
    from aic.quantization_report import make_report

    SmoothActivationsPass().apply(create_context(), graph)
    report = make_report(name, graph, integers, inputs)
    texts = {path: as_page(report), path.with_suffix(".json"): json.dumps(report.as_plain(), indent=1) + "\n"}
    for file, text in texts.items():
        with written_aside(file) as partial:
            partial.write_text(text)


def profile_beside(folder: Path) -> Path:
    """Where the profile of `-convert-to-quantize` lies in a folder."""
    return folder / "profile.yaml"
