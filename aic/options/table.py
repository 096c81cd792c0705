"""The options that have their documented effect. Those that are recognised and refused are in `aic.options.refused`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from aic.options.option import Kind, Option
from aic.options.refused import REFUSED
from aic.phases import PHASE_NAMES
from dialects.hardware import skus
from dialects.module import MAX_PARTS
from dialects.tuning import KNOBS, Tuning
from dialects.workers import MAX_THREADS
from passes.partitioning.objectives import OBJECTIVES
from passes.quantization.calibration.choice import Calibration
from passes.quantization.settings import BIAS_PRECISIONS, DEFAULT_BINS, MOST_BINS, PRECISIONS, SCHEMAS, Settings


def _option(default: Any, name: str, kind: Kind, group: str, help: str, since: str = "0.1.0", **rest: Any) -> Any:
    """A field of `Options` together with the option's row of the table; the field's name is the API's keyword."""
    row = {"name": name, "kind": kind, "group": group, "help": help, "since": since, **rest}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"option": row})
    return field(default=default, metadata={"option": row})


def _tuning(name: str, kind: Kind, help: str) -> Any:
    """The same for an option that tunes the compile; its limits are those of the tuning value of its name."""
    _, minimum, maximum = KNOBS[name.replace("-", "_")]
    return _option(None, name, kind, "tuning", help, minimum=minimum, maximum=maximum)


def _quantization(name: str, kind: Kind, help: str, choices: tuple[str, ...]) -> Any:
    """The same for an option of quantization that is one of some words."""
    default = getattr(Settings, name.replace("-", "_"))
    return _option(default, name, kind, "quantization", f"{help} (default {default})", choices=choices)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Values of all supported options; each field is one row of the table.

    None, no elements, and False where it is the default, mean: not given.
    """

    model: Path | None = _option(
        None,
        "m",
        Kind.PATH,
        "model",
        "the model: .onnx or .onnxtxt; with -from, the IR text to start from",
        aliases=("model",),
    )
    onnx_define_symbol: Mapping[str, int] = _option(
        {},
        "onnx-define-symbol",
        Kind.SYMBOL,
        "model",
        "bind a symbolic dimension of the model to a value: name,value",
        repeatable=True,
    )
    batchsize: int | None = _option(
        None, "batchsize", Kind.INTEGER, "model", "number of samples that one inference takes", minimum=1
    )
    output_node_name: tuple[str, ...] = _option(
        (),
        "output-node-name",
        Kind.NAMES,
        "model",
        "tensors of the model to give as outputs too, by their names; outputs of nodes as node:index",
        repeatable=True,
    )
    network_specialization_config: Path | None = _option(
        None,
        "network-specialization-config",
        Kind.PATH,
        "model",
        "JSON file of the specializations to compile: values of symbols, for each shape that one QPC is to run",
    )
    retained_state: bool = _option(
        False,
        "retained-state",
        Kind.FLAG,
        "model",
        "outputs named X_RetainedState stay on the card, as the inputs X of the next inference",
    )
    operators_supported: str | None = _option(
        None,
        "operators-supported",
        Kind.TEXT,
        "model",
        "write the operators that the importer of a model format knows to <format>SupportedOperators.txt and stop",
        choices=("onnx",),
    )

    aic_hw: bool = _option(
        False, "aic-hw", Kind.FLAG, "hardware", "run on the card; the card is the simulated one, and the output says so"
    )
    aic_hw_version: str = _option(
        "2.0", "aic-hw-version", Kind.TEXT, "hardware", "version of the hardware to compile for", choices=("2.0",)
    )
    aic_sku: str = _option("pro", "aic-sku", Kind.TEXT, "hardware", "card to compile for", choices=tuple(skus()))
    aic_num_cores: int = _option(
        1, "aic-num-cores", Kind.INTEGER, "hardware", "number of NSP cores, at most as many as the card has", minimum=1
    )

    convert_to_fp16: bool = _option(
        False, "convert-to-fp16", Kind.FLAG, "precision", "compute in 16-bit floating point"
    )

    execute_nodes_in_fp16: tuple[str, ...] = _option(
        (),
        "execute-nodes-in-fp16",
        Kind.NAMES,
        "precision",
        "operators of the model, such as Softmax, whose nodes all compute in fp16; others are quantized, or keep the "
        "model's precision",
        repeatable=True,
    )
    node_precision_info: Path | None = _option(
        None,
        "node-precision-info",
        Kind.PATH,
        "precision",
        "YAML file with the first output names of the nodes that compute in fp16; others are quantized, or keep the "
        "model's precision",
    )
    keep_original_precision_for_nodes: tuple[str, ...] = _option(
        (),
        "keep-original-precision-for-nodes",
        Kind.NAMES,
        "precision",
        "operators whose nodes all keep the model's precision while others are quantized; fp16 with -convert-to-fp16",
        repeatable=True,
    )
    custom_io_list_file: Path | None = _option(
        None,
        "custom-IO-list-file",
        Kind.PATH,
        "precision",
        "YAML file of the layout, precision, scale and offset that inputs and outputs are to have, instead of the "
        "model's",
    )
    dump_custom_io_config_template: tuple[Path, ...] = _option(
        (),
        "dump-custom-IO-config-template",
        Kind.PATHS,
        "precision",
        "write a template of that file, with the model's inputs and outputs, and stop: template; with the scales and "
        "offsets by a quantization profile: template,profile",
    )

    dump_profile: Path | None = _option(
        None,
        "dump-profile",
        Kind.PATH,
        "quantization",
        "run the inputs, write the quantization profile of the network to this file (YAML), and stop",
    )
    load_profile: Path | None = _option(
        None, "load-profile", Kind.PATH, "quantization", "quantize the network by this profile (YAML)"
    )
    convert_to_quantize: bool = _option(
        False, "convert-to-quantize", Kind.FLAG, "quantization", "profile the inputs and quantize in one command"
    )
    external_quantization: Path | None = _option(
        None,
        "external-quantization",
        Kind.PATH,
        "quantization",
        "scales and offsets of tensors, made elsewhere (YAML, or AIMET's JSON); they stand before those of a profile",
    )
    quantization_schema_activations: str = _quantization(
        "quantization-schema-activations", Kind.TEXT, "how integers cover the range of an activation", SCHEMAS
    )
    quantization_schema_constants: str = _quantization(
        "quantization-schema-constants", Kind.TEXT, "how integers cover the range of a constant", SCHEMAS
    )
    quantization_calibration: str = _quantization(
        "quantization-calibration",
        Kind.TEXT,
        "how the range of an activation is chosen from its histogram; None: all of it",
        tuple(calibration.value for calibration in Calibration),
    )
    percentile_calibration_value: float = _option(
        Settings.percentile_calibration_value,
        "percentile-calibration-value",
        Kind.NUMBER,
        "quantization",
        "percentile that the calibration of that name keeps of the values on each side",
        minimum=90,
        maximum=100,
    )
    num_histogram_bins: int | None = _option(
        None,
        "num-histogram-bins",
        Kind.INTEGER,
        "quantization",
        f"bins of the histograms of a profile (default {DEFAULT_BINS})",
        minimum=1,
        maximum=MOST_BINS,
    )
    quantization_precision: str = _quantization(
        "quantization-precision", Kind.TEXT, "integers that quantized operations compute on", tuple(PRECISIONS)
    )
    quantization_precision_bias: str = _quantization(
        "quantization-precision-bias", Kind.TEXT, "integers that biases are quantized to", tuple(BIAS_PRECISIONS)
    )
    enable_channelwise: bool = _option(
        False,
        "enable-channelwise",
        Kind.FLAG,
        "quantization",
        "give weights of convolutions a scale for each output channel",
    )
    enable_rowwise: bool = _option(
        False,
        "enable-rowwise",
        Kind.FLAG,
        "quantization",
        "give weights of matrix products a scale for each output feature",
    )
    quantization_bias_correction: bool = _option(
        False,
        "quantization-bias-correction",
        Kind.FLAG,
        "quantization",
        "take the mean error that the rounding of weights makes off the biases; a profile is made with it, too",
    )
    quantization_cross_layer_equalization: bool = _option(
        False,
        "quantization-cross-layer-equalization",
        Kind.FLAG,
        "quantization",
        "let weights of neighbouring layers share the range of the channels between them; a profile is made with it, "
        "too",
    )
    quantization_smoothquant: float = _option(
        Settings.quantization_smoothquant,
        "quantization-smoothquant",
        Kind.NUMBER,
        "quantization",
        "bring this share of the range of normalized activations into the weights that read them; 0.5 without a value, "
        "0: nothing; a profile is made with it, too",
        minimum=0,
        maximum=1,
        bare="0.5",
    )
    quantization_report: Path | None = _option(
        None,
        "quantization-report",
        Kind.PATH,
        "quantization",
        "run the first inputs in fp32 and quantized, and write what quantization costs: a page (HTML), and the same "
        "beside it as JSON; of several specializations one for each, with its name before the page's suffix",
    )
    profiling_threads: int | None = _option(
        None,
        "profiling-threads",
        Kind.INTEGER,
        "quantization",
        "threads that count values for a profile (default 1); the profile is the same for any",
        minimum=1,
        maximum=MAX_THREADS,
    )

    compile_only: bool = _option(False, "compile-only", Kind.FLAG, "compilation", "compile and stop")
    aic_binary_dir: Path | None = _option(
        None, "aic-binary-dir", Kind.PATH, "compilation", "new or empty folder for programqpc.bin"
    )
    compile_threads: int | None = _option(
        None,
        "compile-threads",
        Kind.INTEGER,
        "compilation",
        "threads that share work of the compilation (default as many as the host offers); the QPC is the same for any",
        minimum=1,
        maximum=MAX_THREADS,
    )
    combine_inputs: bool = _option(
        False,
        "combine-inputs",
        Kind.FLAG,
        "compilation",
        "combine inputs into fewer buffers for the transfer to the card",
    )
    combine_outputs: bool = _option(
        False,
        "combine-outputs",
        Kind.FLAG,
        "compilation",
        "combine outputs into a single buffer for the transfer to the host",
    )
    mdp_dump_partition_config: Path | None = _option(
        None,
        "mdp-dump-partition-config",
        Kind.PATH,
        "compilation",
        "write a sample of a partition of the network over cards, with the names of all nodes (JSON), and stop",
    )
    mdp_load_partition_config: Path | None = _option(
        None,
        "mdp-load-partition-config",
        Kind.PATH,
        "compilation",
        "partition the network over cards as this file says (JSON)",
    )
    mdp_auto_partition: int | None = _option(
        None,
        "mdp-auto-partition",
        Kind.INTEGER,
        "compilation",
        "partition the network over so many cards by cost: as a pipeline, in slices, or mixed",
        minimum=2,
        maximum=MAX_PARTS,
    )
    mdp_auto_objective: str = _option(
        OBJECTIVES[0],
        "mdp-auto-objective",
        Kind.TEXT,
        "compilation",
        "what -mdp-auto-partition is for: inferences per second, or the time of one",
        choices=OBJECTIVES,
    )
    to_phase: str | None = _option(
        None,
        "to",
        Kind.TEXT,
        "compilation",
        "stop after this phase; without -dump-dir its IR goes to standard output",
        choices=PHASE_NAMES,
    )
    from_phase: str | None = _option(
        None,
        "from",
        Kind.TEXT,
        "compilation",
        "start with this phase, from the IR text that the phase before it wrote",
        choices=PHASE_NAMES[1:],
    )
    dump_dir: Path | None = _option(
        None, "dump-dir", Kind.PATH, "compilation", "write the IR after each phase to numbered files in this folder"
    )
    weights: Path | None = _option(
        None, "weights", Kind.PATH, "compilation", "folder of the weight store, instead of the one that the IR names"
    )

    ols: int | None = _tuning(
        "ols",
        Kind.INTEGER,
        "factor to increase the splitting of operations: each runs in so many parts on its cores, as far as these are "
        "worth a start, so that engines work on parts of neighbouring operations at the same time",
    )
    mos: int | tuple[int, ...] | None = _tuning(
        "mos",
        Kind.PER_CLUSTER,
        "maximum output channel split: cores over which output channels, and weights with them, are split at most, "
        "and as far as they go; the more, the less VTCM weights take, and the more cores communicate; with "
        "-sdp-cluster-sizes also one per cluster: a,b",
    )
    sdp_cluster_sizes: tuple[int, ...] = _option(
        (),
        "sdp-cluster-sizes",
        Kind.COUNTS,
        "compilation",
        "divide the cores into 2 or 4 clusters of these sizes, each with a part of the network, as a pipeline: x,y,z,w",
        minimum=1,
    )
    multicast_weights: bool | None = _tuning(
        "multicast-weights",
        Kind.FLAG,
        "load weights that several cores use once, and multicast them; =0: once per core",
    )
    size_split_granularity: int | None = _tuning(
        "size-split-granularity",
        Kind.INTEGER,
        "largest tile, in KiB, of operations that are too large for VTCM and run in parts",
    )
    vtcm_working_set_limit_ratio: float | None = _tuning(
        "vtcm-working-set-limit-ratio", Kind.NUMBER, "share of VTCM that one instruction may use"
    )
    allocator_dealloc_delay: int | None = _tuning(
        "allocator-dealloc-delay",
        Kind.INTEGER,
        "lengthen the lifetime of buffers by so many instructions, as far as VTCM has room: fewer false dependencies",
    )

    use_producer_dma: bool | None = _tuning(
        "use-producer-dma",
        Kind.FLAG,
        "start transfers of what a kernel made from the thread of its engine, right behind it; =0: all transfers from "
        "one thread",
    )

    input_list_file: Path | None = _option(
        None,
        "input-list-file",
        Kind.PATH,
        "execution",
        "text file with one line per inference: its raw input files, separated by commas or spaces",
    )
    json_input_file: Path | None = _option(
        None,
        "json-input-file",
        Kind.PATH,
        "execution",
        "JSON file of inferences: raw files of inputs, and of outputs to write, with their dimensions and types",
    )
    use_random_input_data: str | None = _option(
        None,
        "use-random-input-data",
        Kind.TEXT,
        "execution",
        "draw the inputs from this distribution",
        choices=("uniform", "gaussian"),
        bare="uniform",
    )
    num_iter: int | None = _option(
        None,
        "num-iter",
        Kind.INTEGER,
        "execution",
        "number of inferences; the inputs are used over and over",
        minimum=1,
    )
    aic_num_of_instances: int = _option(
        1,
        "aic-num-of-instances",
        Kind.INTEGER,
        "execution",
        "instances of the network that run at once, each on as many cores as it is compiled for",
        minimum=1,
    )
    device_id: int | None = _option(
        None,
        "device-id",
        Kind.INTEGER,
        "execution",
        "device of the simulated host to run on; a network over several cards runs on devices 0, 1, 2, and so on",
        minimum=0,
    )
    write_output_dir: Path | None = _option(
        None, "write-output-dir", Kind.PATH, "execution", "folder for the outputs of each inference"
    )
    run_on_interpreter: bool = _option(
        False,
        "run-on-interpreter",
        Kind.FLAG,
        "execution",
        "run on the graph-level interpreter instead of the simulator",
    )

    validate_passes: bool = _option(
        False,
        "validate-passes",
        Kind.FLAG,
        "diagnostics",
        "run the network before and after each pass on the same inputs; stop at the first pass whose values drift",
    )
    time_passes: bool = _option(False, "time-passes", Kind.FLAG, "diagnostics", "print the time that each pass takes")
    verbosity: int = _option(
        0, "v", Kind.LEVEL, "diagnostics", "say more, with every letter", aliases=("vv", "vvv"), minimum=0, maximum=3
    )
    version: bool = _option(False, "version", Kind.FLAG, "diagnostics", "print the version and stop")
    help: bool = _option(False, "h", Kind.FLAG, "diagnostics", "print this and stop", aliases=("help", "u", "usage"))

    @property
    def quantizes(self) -> bool:
        """Whether operations are to compute on integers."""
        return self.convert_to_quantize or self.load_profile is not None or self.external_quantization is not None

    @property
    def tuning(self) -> Tuning:
        """The values that tune the compile."""
        values: dict[str, Any] = {name: getattr(self, name) for name in KNOBS}
        values["mos"] = None if isinstance(self.mos, tuple) else self.mos
        return Tuning(**values)


def _supported() -> tuple[Option, ...]:
    return tuple(Option(**entry.metadata["option"], python_name=entry.name) for entry in fields(Options))


OPTIONS: tuple[Option, ...] = (*_supported(), *REFUSED)
"""Every option of the documents, and our own."""
