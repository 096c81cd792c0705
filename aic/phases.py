"""The phases of the compiler: one named, ordered list, each with its passes and with what may exist afterwards.

`import` makes a module of a model and `emit` makes a QPC of a module; every phase between them is a pipeline of passes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.transforms import get_all_passes as get_upstream_passes
from xdsl.utils.exceptions import DiagnosticException

from aic.legality import GRAPH, QUANTIZED, SCHEDULED, SHARDED, TILED, Level, check_level
from dialects import create_context
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.text import print_module, verify
from dialects.weights import move_store, store_named_from, store_of
from dialects.workers import WorkDone, working_threads
from passes import get_all_passes
from passes.pipelines.graph import FP16_PIPELINE, GRAPH_PIPELINE, MIXED_PIPELINE, UNQUANTIZED_PIPELINE
from passes.pipelines.partition import PARTITION_PIPELINE
from passes.pipelines.quantize import QUANTIZE_PIPELINE
from passes.pipelines.schedule import SCHEDULE_PIPELINE
from passes.quantization.scales import is_quantized
from passes.quantization.settings import settings_of

WEIGHTS_FOLDER = "weights"
"""Where the weight store lies in a folder of dumped phases."""


@dataclass(frozen=True)
class Phase:
    """A step of the compiler."""

    name: str
    pipeline: str
    """Its passes in the syntax of `aic-opt -p`; empty when it leaves the module as it is."""
    level: Level
    """What may exist after it."""
    fp16_pipeline: str | None = None
    """Its passes when the network computes in fp16, where these are others."""
    quantized_pipeline: str | None = None
    """Its passes when the network is quantized, where these are others."""
    mixed_pipeline: str | None = None
    """Its passes when some nodes compute in fp16 and the others do not, where these are others."""

    def passes(self, *, fp16: bool, quantized: bool = False, mixed: bool = False) -> str:
        """The passes of the phase for a precision."""
        floating = self.fp16_pipeline if fp16 else self.mixed_pipeline if mixed else None
        others = self.quantized_pipeline if quantized else floating
        return self.pipeline if others is None else others


PHASES = (
    Phase("import", "", GRAPH),
    Phase("graph", GRAPH_PIPELINE, GRAPH, FP16_PIPELINE, UNQUANTIZED_PIPELINE, MIXED_PIPELINE),
    Phase("quantize", "", QUANTIZED, None, QUANTIZE_PIPELINE),
    Phase("partition", PARTITION_PIPELINE, QUANTIZED),
    Phase("shard", "lower-uniform-types,shard-tensors", SHARDED),
    Phase("tile", "tile-operations", TILED),
    Phase("schedule", SCHEDULE_PIPELINE, SCHEDULED),
    Phase("emit", "", SCHEDULED),
)
PHASE_NAMES = tuple(phase.name for phase in PHASES)


class Observer:
    """Told what happens while phases run. Does nothing by itself."""

    def phase_started(self, phase: str) -> None:
        """A phase begins."""

    def pass_finished(self, phase: str, name: str, seconds: float) -> None:
        """A pass of a phase has run."""

    def between_passes(
        self, phase: str, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        """The module as it is before the first pass of a phase (`previous` is None), between two, and after the last.

        What is done here counts neither for a pass nor for the phase.
        """

    def work_done(self, phase: str, work: WorkDone) -> None:
        """Threads have shared some work of a phase."""

    def qpc_written(self, path: Path) -> None:
        """The QPC lies at `path`. It does not stay when this raises AicError."""

    def phase_finished(self, phase: str, module: ModuleOp, seconds: float) -> None:
        """A phase has run, and the module has been checked."""


class Observers(Observer):
    """Several observers, told in turn."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def phase_started(self, phase: str) -> None:
        for observer in self._observers:
            observer.phase_started(phase)

    def pass_finished(self, phase: str, name: str, seconds: float) -> None:
        for observer in self._observers:
            observer.pass_finished(phase, name, seconds)

    def between_passes(
        self, phase: str, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        for observer in self._observers:
            observer.between_passes(phase, previous, module, following)

    def work_done(self, phase: str, work: WorkDone) -> None:
        for observer in self._observers:
            observer.work_done(phase, work)

    def qpc_written(self, path: Path) -> None:
        for observer in self._observers:
            observer.qpc_written(path)

    def phase_finished(self, phase: str, module: ModuleOp, seconds: float) -> None:
        for observer in self._observers:
            observer.phase_finished(phase, module, seconds)


def phases_between(start: str, stop: str) -> tuple[Phase, ...]:
    """The phases from `start` to `stop`, both included. Raises AicError when there is none or a name is unknown."""
    unknown = [name for name in (start, stop) if name not in PHASE_NAMES]
    if unknown:
        raise AicError(f"unknown phase {', '.join(unknown)}; there are {', '.join(PHASE_NAMES)}")
    first, last = PHASE_NAMES.index(start), PHASE_NAMES.index(stop)
    if first > last:
        raise AicError(f"phase {start} comes after {stop}: there is nothing to run")
    return PHASES[first : last + 1]


def run_phases(
    source: ModuleOp | Callable[[], ModuleOp],
    phases: Sequence[Phase],
    *,
    fp16: bool = False,
    quantized: bool = False,
    dump_dir: Path | None = None,
    weights_dir: Path | None = None,
    observer: Observer | None = None,
    emit: Callable[[ModuleOp], None] | None = None,
    threads: int | None = None,
) -> ModuleOp:
    """Runs phases on a module, in place, and checks the module after each.

    Args:
        source: the module, or what makes it when the first phase begins.
        phases: some of the list, in its order.
        fp16: compute in 16-bit floating point. Without it, nodes that the module's settings list for that do.
        quantized: compute in integers, as the module's settings of quantization say, and in fp16 where these cannot. So
            does a module that arrives quantized, whatever this says.
        dump_dir: folder for the text of the module after each phase, `<number>.<phase>.mlir`, and its weight store.
            The folder may move.
        weights_dir: folder for the weight store instead.
        observer: told about phases and passes.
        emit: what the phase of that name does with the module.
        threads: that share work; by default as many as the host offers. The result does not depend on them.

    Raises:
        AicError: a pass refuses the module or leaves what may not be there; the message names phase and pass.
    """
    weights = None if dump_dir is None else (weights_dir or dump_dir / WEIGHTS_FOLDER).resolve()
    observer = observer or Observer()
    module = source if isinstance(source, ModuleOp) else None
    with working_threads(threads) as workers:
        for phase in phases:
            observer.phase_started(phase.name)
            start = time.perf_counter()
            if module is None:
                module = _made(source)
            quantized = quantized or is_quantized(module)
            if weights is not None:
                move_store(module, str(weights))
            pipeline = phase.passes(fp16=fp16, quantized=quantized, mixed=bool(settings_of(module).in_float))
            observed = _run_phase(module, phase, pipeline, observer)
            if phase.name == PHASE_NAMES[-1] and emit is not None:
                emit(module)
            for work in workers.take():
                observer.work_done(phase.name, work)
            observer.phase_finished(phase.name, module, time.perf_counter() - start - observed)
            if dump_dir is not None and phase.name != PHASE_NAMES[-1]:
                _dump(module, dump_dir / f"{PHASE_NAMES.index(phase.name):02d}.{phase.name}.mlir")
    return _made(source) if module is None else module


def _made(source: ModuleOp | Callable[[], ModuleOp]) -> ModuleOp:
    return source if isinstance(source, ModuleOp) else source()


def _run_phase(module: ModuleOp, phase: Phase, pipeline: str, observer: Observer) -> float:
    """Passes, then the check; what no pass has touched since the last check is not checked again.

    Returns the seconds that the observer took between passes.
    """
    observed = _run_passes(module, phase, pipeline, observer) if pipeline else 0.0
    if pipeline or phase.name == PHASE_NAMES[0]:
        _check(module, phase, pipeline)
    return observed


def _run_passes(module: ModuleOp, phase: Phase, pipeline: str, observer: Observer) -> float:
    clock = _PassClock(phase.name, observer)
    passes = PassPipeline.parse_spec(get_upstream_passes() | get_all_passes(), pipeline, clock.between_passes)
    try:
        passes.apply(create_context(), module)
    except (AicError, DiagnosticException) as error:
        if not clock.running:  # an observer's own error
            raise
        message = str(error).removeprefix(f"{clock.running}: ")
        raise AicError(f"phase {phase.name}, pass {clock.running}: {message}") from error
    return clock.observed


class _PassClock:
    """Knows which pass is running, and tells an observer how long each took."""

    def __init__(self, phase: str, observer: Observer) -> None:
        self.running = ""
        self.observed = 0.0
        """Seconds that the observer took between passes."""
        self._phase = phase
        self._observer = observer
        self._start = 0.0

    def between_passes(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        """Called by the pipeline before, between and after passes."""
        ended = time.perf_counter()
        if previous is not None:
            self._observer.pass_finished(self._phase, previous.name, ended - self._start)
        self.running = ""
        self._observer.between_passes(self._phase, previous, module, following)
        self.running = "" if following is None else following.name
        self._start = time.perf_counter()
        self.observed += self._start - ended


def _check(module: ModuleOp, phase: Phase, pipeline: str) -> None:
    after = f"phase {phase.name}" + (f" ({pipeline})" if pipeline else "")
    try:
        verify(module)
    except DiagnosticException as error:
        raise AicError(f"{after} left a module that does not verify: {error}") from error
    check_level(module, phase.level, after)


def _dump(module: ModuleOp, path: Path) -> None:
    store = store_of(module)
    store.save(Path(store.folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as partial, store_named_from(module, path.parent):
        partial.write_text(print_module(module))
