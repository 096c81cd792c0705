"""From a model to a QPC: the phases, run as the options say."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.emit import emit_qpc
from aic.log import unhandled_log_shown
from aic.options import Options, UsageError, options_from_keywords
from aic.phases import PHASE_NAMES, Observer, Observers, phases_between, run_phases
from aic.qpc.container import QPC_FILE
from aic.quantization import Samples, first_of, given_samples, make_profile, profile_beside, write_reports
from aic.sources import import_source, read_text
from aic.successors import Marked
from aic.tensors import Array
from dialects.errors import AicError
from dialects.module import is_over_cards, programs_of
from dialects.weights import drop_store, store_of
from passes.quantization.files.profile import Profile, write_profile
from passes.quantization.settings import set_settings, settings_of

_FIRST, _LAST = PHASE_NAMES[0], PHASE_NAMES[-1]
_PROFILED, _QUANTIZING, _AFTER_QUANTIZING = "graph", "quantize", "partition"
"""The phase whose result is profiled, the one that needs the profile, and the next."""


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


_NO_OPTIONS = ("observer", "calibration_inputs")
"""Keywords of `compile` that are no options of `aic-exec`."""


def compile(
    model: str | os.PathLike[str],
    *,
    onnx_define_symbol: Mapping[str, int] | None = None,
    batchsize: int | None = None,
    output_node_name: Sequence[str] = (),
    network_specialization_config: str | os.PathLike[str] | None = None,
    retained_state: bool = False,
    aic_sku: str = "pro",
    aic_num_cores: int = 1,
    aic_hw_version: str = "2.0",
    convert_to_fp16: bool = False,
    execute_nodes_in_fp16: Sequence[str] = (),
    node_precision_info: str | os.PathLike[str] | None = None,
    keep_original_precision_for_nodes: Sequence[str] = (),
    custom_io_list_file: str | os.PathLike[str] | None = None,
    load_profile: str | os.PathLike[str] | None = None,
    convert_to_quantize: bool = False,
    calibration_inputs: Iterable[Mapping[str, Array]] | None = None,
    external_quantization: str | os.PathLike[str] | None = None,
    quantization_schema_activations: str | None = None,
    quantization_schema_constants: str | None = None,
    quantization_calibration: str | None = None,
    percentile_calibration_value: float | None = None,
    num_histogram_bins: int | None = None,
    quantization_precision: str | None = None,
    quantization_precision_bias: str | None = None,
    enable_channelwise: bool = False,
    enable_rowwise: bool = False,
    quantization_bias_correction: bool = False,
    quantization_cross_layer_equalization: bool = False,
    quantization_smoothquant: float | None = None,
    profiling_threads: int | None = None,
    combine_inputs: bool = False,
    combine_outputs: bool = False,
    compile_threads: int | None = None,
    mdp_load_partition_config: str | os.PathLike[str] | None = None,
    mdp_auto_partition: int | None = None,
    mdp_auto_objective: str | None = None,
    ols: int | None = None,
    mos: int | Sequence[int] | None = None,
    sdp_cluster_sizes: Sequence[int] = (),
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
        network_specialization_config: JSON file of the shapes that the QPC is to run, as values of symbols.
        retained_state: whether outputs named `X_RetainedState` stay on the card, as inputs `X` of the next inference.
        aic_sku: card to compile for (`standard`, `pro`, `ultra`).
        aic_num_cores: NSP cores, at most as many as the card has.
        aic_hw_version: version of the hardware; there is 2.0.
        convert_to_fp16: compute in 16-bit floating point; otherwise in the model's precision.
        execute_nodes_in_fp16: operators of the model whose nodes compute in fp16, while others are quantized or keep
            the model's precision.
        node_precision_info: file that names nodes which do so, by their first outputs.
        keep_original_precision_for_nodes: operators whose nodes keep the model's precision.
        custom_io_list_file: YAML file of the layout, precision, scale and offset of inputs and outputs, instead of the
            model's. `calibration_inputs` are as it says.
        load_profile: quantize by this profile, which `aic-exec -dump-profile` has made.
        convert_to_quantize: make the profile of `calibration_inputs` and quantize by it.
        calibration_inputs: inputs of inferences, by name; those of the first are what `validate_passes` runs.
        external_quantization: file of scales made elsewhere.
        quantization_schema_activations: `asymmetric`, `symmetric`, `symmetric_with_uint8` (which is the default) or
            `symmetric_with_power2_scale`.
        quantization_schema_constants: the same for weights and biases.
        quantization_calibration: `None` (the default), `KLMinimization`, `KLMinimizationV2`, `Percentile`, `MSE` or
            `SQNR`.
        percentile_calibration_value: percentile for that calibration, 90 to 100.
        num_histogram_bins: bins of the profile's histograms.
        quantization_precision: `Int8` or `Int16`.
        quantization_precision_bias: `Int8` or `Int32`.
        enable_channelwise: weights of convolutions have a scale per output channel.
        enable_rowwise: weights of matrix products have a scale per output feature.
        quantization_bias_correction: the mean error that the rounding of weights makes is taken off the biases.
        quantization_cross_layer_equalization: weights of neighbouring layers share the range of the channels between
            them.
        quantization_smoothquant: share, 0 to 1, of the range of normalized activations that goes into the weights that
            read them. `calibration_inputs` are taken twice.
        profiling_threads: threads that count values for the profile.
        combine_inputs: combine inputs into fewer buffers for the transfer to the card.
        combine_outputs: combine outputs into a single buffer for the transfer to the host.
        compile_threads: threads that share work of the compilation, by default as many as the host offers; the QPC is
            the same for any number.
        mdp_load_partition_config: JSON file of the nodes that each of several cards is to compute.
        mdp_auto_partition: cards over which to divide the network by cost: as a pipeline, in slices, or mixed.
        mdp_auto_objective: what that is for: `throughput` (the default) or `latency`.
        ols: parts into which the work of each operation on a core is split, as far as they are worth a start.
        mos: cores over which output channels are split at most, and as far as they go; or one number per cluster.
        sdp_cluster_sizes: clusters of cores, 2 or 4, over which the network runs as a pipeline.
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
        validate_passes: run the network before and after each pass on the same inputs, and raise
            `aic.validation.Drift` at the first whose values drift beyond its precision. The inputs are calibration
            inputs if there are, else random ones, in the ranges of the profile.
        observer: told about phases and passes as they run.

    Raises:
        AicError: the options are wrong, the model cannot be compiled, or a file cannot be written. Nothing is left
            half-written.
    """
    keywords = dict(locals())
    if quantization_smoothquant and isinstance(calibration_inputs, Iterator):
        raise UsageError(["quantization_smoothquant takes calibration_inputs twice: give a list, not an iterator"])
    options = options_from_keywords(**{name: keywords[name] for name in keywords if name not in _NO_OPTIONS})
    samples = None
    if calibration_inputs is not None:
        if not options.convert_to_quantize and not options.validate_passes:
            raise UsageError(["calibration_inputs are for convert_to_quantize, or for validate_passes to run"])
        samples = given_samples(calibration_inputs, more_than_once=options.validate_passes)
    with unhandled_log_shown("aic"):
        if options.validate_passes:
            from aic.validation import PassValidator  # needs the interpreters of all levels

            observer = Observers(observer or Observer(), PassValidator(samples and first_of(samples)))
        return compile_with(options, observer, samples)


def compile_with(options: Options, observer: Observer | None = None, samples: Samples | None = None) -> Qpc:
    """As `compile`, for options that are read already; they run to the end, whatever `to_phase` says.

    Who wants passes validated observes with an `aic.validation.PassValidator`.
    """
    if options.aic_binary_dir is None:
        return Qpc(_compile_to(temporary_folder() / QPC_FILE, options, observer, samples))
    with _new_folder(options.aic_binary_dir) as folder:
        return Qpc(_compile_to(folder / QPC_FILE, options, observer, samples))


def lower(
    options: Options,
    stop: str,
    observer: Observer | None = None,
    emit: Callable[[ModuleOp], None] | None = None,
    samples: Samples | None = None,
) -> ModuleOp:
    """The module after the phase `stop`, from the model or the IR text that the options name.

    `emit` is what the phase of that name does with the module; `samples` are for the profile of `convert_to_quantize`.
    Raises AicError.
    """
    model = options.model
    if model is None:
        raise UsageError(["the model is missing"])
    start = options.from_phase or _FIRST
    source = (lambda: import_source(model, options)) if start == _FIRST else read_text(model, options, start)

    def run(source: ModuleOp | Callable[[], ModuleOp], first: str, last: str) -> ModuleOp:
        return run_phases(
            source,
            phases_between(first, last),
            fp16=options.convert_to_fp16,
            quantized=options.quantizes or options.dump_profile is not None,
            dump_dir=options.dump_dir,
            weights_dir=options.weights,
            observer=observer,
            emit=emit,
            threads=options.compile_threads,
        )

    looks = options.convert_to_quantize or options.quantization_report is not None
    if not looks or PHASE_NAMES.index(stop) <= PHASE_NAMES.index(_PROFILED):
        return run(source, start, stop)
    if samples is None:
        raise UsageError(["convert_to_quantize needs samples to profile: calibration_inputs"])
    module = run(source, start, _PROFILED)
    if options.convert_to_quantize:
        _profile_for(module, options, samples)
    reported = [] if options.quantization_report is None else list(programs_of(module))
    graphs = [Marked.of(program).before for program in reported]
    module = run(module, _QUANTIZING, _QUANTIZING)
    if options.quantization_report is not None:
        write_reports(options.quantization_report, graphs, module, samples)
    return run(module, _AFTER_QUANTIZING, stop) if stop != _QUANTIZING else module


def profile(options: Options, samples: Samples, observer: Observer | None = None) -> Profile:
    """The quantization profile of the model that the options name, over samples. Raises AicError."""
    return make_profile(lower(options, _PROFILED, observer), samples, options)


def _profile_for(module: ModuleOp, options: Options, samples: Samples) -> None:
    """Makes a profile of a graph, where the passes that quantize it will find it."""
    path = profile_beside(options.dump_dir or temporary_folder())
    write_profile(make_profile(module, samples, options), path)
    set_settings(module, replace(settings_of(module), load_profile=str(path)))


def temporary_folder() -> Path:
    """A new folder that goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="aic-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _compile_to(path: Path, options: Options, observer: Observer | None, samples: Samples | None) -> Path:
    def emit(module: ModuleOp) -> None:
        if is_over_cards(module):
            from aic.partitions import multi_device  # most networks are on one

            multi_device.write(module, path)
        else:
            emit_qpc(module, path)
        try:
            (observer or Observer()).qpc_written(path)
        except AicError:
            path.unlink()
            raise

    module = lower(options, _LAST, observer, emit, samples)
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
