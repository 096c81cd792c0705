"""From a model to a QPC: the phases, run as the options say."""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr

from aic.emit import emit_qpc
from aic.importer import import_model
from aic.log import unhandled_log_shown
from aic.options import Options, UsageError, options_from_keywords
from aic.phases import PHASE_NAMES, Observer, Observers, phases_between, run_phases
from aic.qpc.container import QPC_FILE
from dialects import create_context
from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.module import CORES, TARGET, cores_of, set_combined, set_target, target_of
from dialects.text import decode_source, parse_module, verify
from dialects.tuning import Tuning, set_tuning, tuning_of
from dialects.weights import STORE_ATTRIBUTE, drop_store, locate_store, store_of

_FIRST, _LAST = PHASE_NAMES[0], PHASE_NAMES[-1]


@dataclass(frozen=True)
class Qpc:
    """A compiled network: a file that stands alone. `aic.Session` runs it."""

    path: Path

    def to_bytes(self) -> bytes:
        """The whole file."""
        return self.path.read_bytes()

    def info(self) -> str:
        """Segments, inputs and outputs, and sizes, for people to read. Raises AicError when the file is damaged."""
        from aic.qpc.packing import describe  # most compilations do not ask

        return describe(self.path)


def compile(
    model: str | os.PathLike[str],
    *,
    onnx_define_symbol: Mapping[str, int] | None = None,
    batchsize: int | None = None,
    output_node_name: Sequence[str] = (),
    aic_sku: str = "pro",
    aic_num_cores: int = 1,
    aic_hw_version: str = "2.0",
    convert_to_fp16: bool = False,
    combine_inputs: bool = False,
    combine_outputs: bool = False,
    compile_threads: int | None = None,
    ols: int | None = None,
    mos: int | None = None,
    multicast_weights: bool | None = None,
    size_split_granularity: int | None = None,
    vtcm_working_set_limit_ratio: float | None = None,
    allocator_dealloc_delay: int | None = None,
    use_producer_dma: bool | None = None,
    aic_binary_dir: str | os.PathLike[str] | None = None,
    from_phase: str | None = None,
    dump_dir: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    validate_passes: bool = False,
    observer: Observer | None = None,
) -> Qpc:
    """Compiles a model into a QPC. The keywords are the options of `aic-exec`.

    Warnings go to the logger `aic`; to standard error where `logging` is not set up.

    Args:
        model: `.onnx` or `.onnxtxt`; with `from_phase`, IR text.
        onnx_define_symbol: values of symbolic dimensions, by name.
        batchsize: samples that one inference takes, whatever number the model names.
        output_node_name: tensors of the model to give as outputs too, by their names; outputs of nodes as `node:index`.
        aic_sku: card to compile for (`standard`, `pro`, `ultra`).
        aic_num_cores: NSP cores, at most as many as the card has.
        aic_hw_version: version of the hardware; there is 2.0.
        convert_to_fp16: compute in 16-bit floating point; otherwise in the model's precision.
        combine_inputs: combine inputs into fewer buffers for the transfer to the card.
        combine_outputs: combine outputs into a single buffer for the transfer to the host.
        compile_threads: threads that share work of the compilation, by default as many as the host offers; the QPC is
            the same for any number.
        ols: parts into which the work of each operation on a core is split, as far as they are worth a start.
        mos: cores over which output channels are split at most, and as far as they go.
        multicast_weights: whether weights that several cores use leave DDR once, or once per core.
        size_split_granularity: KiB of the largest tile of an operation that runs in parts.
        vtcm_working_set_limit_ratio: share of VTCM that one instruction may use.
        allocator_dealloc_delay: instructions by which lifetimes of buffers are lengthened, as far as VTCM has room.
        use_producer_dma: whether transfers of what a kernel made are started by the thread of its engine.
        aic_binary_dir: new folder for `programqpc.bin`; by default the file goes when the process
            ends.
        from_phase: phase to start with.
        dump_dir: folder for the IR after each phase.
        weights: folder of the weight store.
        validate_passes: run the network before and after each pass on random inputs, and raise
            `aic.validation.Drift` at the first whose values drift beyond its precision.
        observer: told about phases and passes as they run.

    Raises:
        AicError: the options are wrong, the model cannot be compiled, or a file cannot be written. Nothing is left
            half-written.
    """
    options = options_from_keywords(
        model=model,
        onnx_define_symbol=onnx_define_symbol,
        batchsize=batchsize,
        output_node_name=tuple(output_node_name),
        aic_sku=aic_sku,
        aic_num_cores=aic_num_cores,
        aic_hw_version=aic_hw_version,
        convert_to_fp16=convert_to_fp16,
        combine_inputs=combine_inputs,
        combine_outputs=combine_outputs,
        compile_threads=compile_threads,
        ols=ols,
        mos=mos,
        multicast_weights=multicast_weights,
        size_split_granularity=size_split_granularity,
        vtcm_working_set_limit_ratio=vtcm_working_set_limit_ratio,
        allocator_dealloc_delay=allocator_dealloc_delay,
        use_producer_dma=use_producer_dma,
        aic_binary_dir=aic_binary_dir,
        from_phase=from_phase,
        dump_dir=dump_dir,
        weights=weights,
        validate_passes=validate_passes,
    )
    with unhandled_log_shown("aic"):
        if options.validate_passes:
            from aic.validation import PassValidator  # needs the interpreters of all levels

            observer = Observers(observer or Observer(), PassValidator())
        return compile_with(options, observer)


def compile_with(options: Options, observer: Observer | None = None) -> Qpc:
    """As `compile`, for options that are read already; they run to the end, whatever `to_phase` says.

    Who wants passes validated observes with an `aic.validation.PassValidator`.
    """
    if options.aic_binary_dir is None:
        return Qpc(_compile_to(temporary_folder() / QPC_FILE, options, observer))
    with _new_folder(options.aic_binary_dir) as folder:
        return Qpc(_compile_to(folder / QPC_FILE, options, observer))


def lower(
    options: Options,
    stop: str,
    observer: Observer | None = None,
    emit: Callable[[ModuleOp], None] | None = None,
) -> ModuleOp:
    """The module after the phase `stop`, from the model or the IR text that the options name.

    `emit` is what the phase of that name does with the module. Raises AicError.
    """
    model = options.model
    if model is None:
        raise UsageError(["the model is missing"])
    start = options.from_phase or _FIRST
    return run_phases(
        (lambda: _import(model, options)) if start == _FIRST else _read_text(model, options, start),
        phases_between(start, stop),
        fp16=options.convert_to_fp16,
        dump_dir=options.dump_dir,
        weights_dir=options.weights,
        observer=observer,
        emit=emit,
        threads=options.compile_threads,
    )


def _import(model: Path, options: Options) -> ModuleOp:
    """A model as a module that carries the name of its file, and what passes and emission must know of the options."""
    module = import_model(
        model,
        symbols=options.onnx_define_symbol,
        batch_size=options.batchsize,
        intermediate=options.output_node_name,
        weights_dir=None if options.weights is None else str(options.weights),
    )
    module.sym_name = StringAttr(re.sub(r"[^A-Za-z0-9_.$-]+", "_", model.stem) or "network")
    set_target(module, TargetAttr.of(options.aic_sku), options.aic_num_cores)
    _combine(module, options)
    set_tuning(module, options.tuning)
    return module


def _read_text(path: Path, options: Options, start: str) -> ModuleOp:
    source = decode_source(path.read_bytes(), str(path))
    module = parse_module(create_context(), source)
    verify(module, source)
    locate_store(module, path.parent)
    if options.weights is not None:
        module.attributes[STORE_ATTRIBUTE] = StringAttr(str(options.weights))
    _retarget(module, options, start)
    _combine(module, options)
    _retune(module, options.tuning, start)
    return module


def _combine(module: ModuleOp, options: Options) -> None:
    if options.combine_inputs:
        set_combined(module, "inputs")
    if options.combine_outputs:
        set_combined(module, "outputs")


def _retarget(module: ModuleOp, options: Options, start: str) -> None:
    """Gives a module that was read its target, where the options or nobody but they name one.

    Raises UsageError when the options contradict work that is done.
    """
    default = Options()
    asked = (options.aic_sku, options.aic_num_cores)
    given = asked != (default.aic_sku, default.aic_num_cores)
    if TARGET not in module.attributes and CORES not in module.attributes:
        set_target(module, TargetAttr.of(options.aic_sku), options.aic_num_cores)
        return
    has = (target_of(module).sku.data, cores_of(module))
    if not given or asked == has:
        return
    if PHASE_NAMES.index(start) > PHASE_NAMES.index("shard"):
        raise UsageError(
            [f"-aic-sku and -aic-num-cores: the module is cut for {has[1]} cores of the SKU '{has[0]}' already"]
        )
    set_target(module, TargetAttr.of(options.aic_sku), options.aic_num_cores)


_TUNED_PHASES: Mapping[str, str] = {
    "ols": "tile",
    "mos": "shard",
    "multicast_weights": "shard",
    "size_split_granularity": "tile",
    "vtcm_working_set_limit_ratio": "tile",
    "allocator_dealloc_delay": "schedule",
    "use_producer_dma": "schedule",
}
"""The first phase that each tuning value changes."""


def _retune(module: ModuleOp, tuning: Tuning, start: str) -> None:
    """Adds tuning values to those of a module that was read.

    Raises UsageError when a phase that they change lies behind it.
    """
    has, given = tuning_of(module).given(), tuning.given()
    late = [
        f"-{name.replace('_', '-')} changes the phase {phase}: it excludes -from={start}"
        for name, phase in _TUNED_PHASES.items()
        if name in given and given[name] != has.get(name) and PHASE_NAMES.index(phase) < PHASE_NAMES.index(start)
    ]
    if late:
        raise UsageError(late)
    set_tuning(module, replace(tuning_of(module), **given))


def temporary_folder() -> Path:
    """A new folder that goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="aic-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _compile_to(path: Path, options: Options, observer: Observer | None) -> Path:
    def emit(module: ModuleOp) -> None:
        emit_qpc(module, path)
        try:
            (observer or Observer()).qpc_written(path)
        except AicError:
            path.unlink()
            raise

    module = lower(options, _LAST, observer, emit)
    drop_store(store_of(module).folder)
    return path


@contextmanager
def _new_folder(path: Path) -> Generator[Path]:
    """A folder for results, made when it is not there and removed again when the block fails.

    Raises AicError when it holds something already, or cannot be made.
    """
    existed = path.exists()
    if existed and not (path.is_dir() and os.access(path, os.W_OK)):
        raise AicError(f"{path}: not a folder that can be written to")
    if existed and any(path.iterdir()):
        raise AicError(f"{path}: holds files already; name a new folder for the QPC")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AicError(f"{path}: cannot make the folder: {error.strerror}") from error
    try:
        yield path
    except BaseException:
        if not existed:
            with suppress(OSError):
                path.rmdir()
        raise
