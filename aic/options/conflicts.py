"""Options that are right one by one and wrong together."""

from collections.abc import Sequence

from aic.instances import too_many_instances
from aic.options.table import Options
from aic.phases import PHASE_NAMES
from dialects.hardware import load_hardware
from passes.partition_clusters import mos_problems, size_problems

PRECISION_PHASE = "graph"
"""The phase that fixes the precision."""
_PARTITION_PHASE = "partition"
"""The phase that divides a network."""


NOTHING_QUANTIZED = "nothing is quantized without -load-profile, -convert-to-quantize or -external-quantization"
"""What is wrong with options of quantization alone."""


def conflicts(options: Options) -> list[str]:
    """What is wrong with a combination of options, one sentence each."""
    found: list[str] = []
    cores = load_hardware(options.aic_sku).cores
    if options.aic_num_cores > cores:
        found.append(f"-aic-num-cores={options.aic_num_cores}: the SKU '{options.aic_sku}' has {cores} NSP cores")
    elif options.from_phase is None:
        problem = too_many_instances(options.aic_num_of_instances, options.aic_num_cores, options.aic_sku, cores)
        found += [f"-aic-num-of-instances: {problem}"] if problem is not None else []
    if options.run_on_interpreter and options.aic_num_of_instances > 1:
        found.append("-run-on-interpreter runs on the host: it excludes -aic-num-of-instances")
    found += _device_conflicts(options)
    found += _cluster_conflicts(options)
    if options.run_on_interpreter and options.aic_hw:
        found.append("-run-on-interpreter runs on the host: it excludes -aic-hw")
    sources = _sources(options)
    if len(sources) > 1:
        found.append(f"{' and '.join(sources)} each say where the inputs come from: give one")
    if options.compile_only and options.aic_binary_dir is None and options.to_phase is None:
        found.append("-compile-only needs -aic-binary-dir=<folder> to write to")
    stop = "-compile-only" if options.compile_only else "-to" if options.to_phase is not None else None
    executing = _execution(options)
    if options.convert_to_quantize or options.quantization_report is not None:  # then inputs are for the profile, too
        executing = [name for name in executing if name not in _INPUTS]
    if stop is not None and executing:
        found.append(f"{stop} stops before execution: it excludes {', '.join(executing)}")
    found += _phase_conflicts(options)
    found += _quantization_conflicts(options)
    found += _specialization_conflicts(options)
    found += _partition_conflicts(options)
    return found + _custom_io_conflicts(options)


def _device_conflicts(options: Options) -> list[str]:
    """What is wrong with where the network is to run."""
    device, hardware = options.device_id, load_hardware(options.aic_sku)
    if device is None:
        return []
    found: list[str] = []
    if options.run_on_interpreter:
        found.append("-run-on-interpreter runs on the host: it excludes -device-id")
    if given := _given(options, _over_cards()):
        found.append(f"-device-id is of one device: it excludes {given[0]}; aic-runner -D places a network over cards")
    if device >= hardware.devices:
        found.append(f"-device-id={device}: the simulated host has {hardware.devices} devices, numbered from 0")
    return found


def refused_together(names: Sequence[str]) -> list[str]:
    """What is wrong with options together of which one is refused by itself: it would not help to support that."""
    if "network-specialization-config" in names and "aic-preproc" in names:
        return ["-network-specialization-config needs pre- and postprocessing on the host: it excludes -aic-preproc"]
    if "sdp-cluster-sizes" in names and (cards := [name for name in names if name in _OVER_CARDS]):
        return [f"-{cards[0]} divides the network over cards, which excludes dividing one by -sdp-cluster-sizes"]
    return []


def _sources(options: Options) -> list[str]:
    """The options given that say where inputs come from."""
    asked = {
        "-input-list-file": options.input_list_file is not None,
        "-json-input-file": options.json_input_file is not None,
        "-use-random-input-data": options.use_random_input_data is not None,
    }
    return [name for name, given in asked.items() if given]


def _specialization_conflicts(options: Options) -> list[str]:
    """What is wrong with specializations, and with state that stays on the card."""
    found: list[str] = []
    if options.network_specialization_config is not None:
        if options.from_phase is not None:
            found.append("-from starts with bound shapes: it excludes -network-specialization-config")
        if options.input_list_file is not None:
            found.append(
                "-input-list-file does not say the shapes of its files, by which -network-specialization-config "
                "chooses: give -json-input-file"
            )
    if options.retained_state and options.from_phase is not None:
        found.append("-from starts with the inputs and outputs that its module has: it excludes -retained-state")
    return found


def _cluster_conflicts(options: Options) -> list[str]:
    """What is wrong with how the cores are divided into clusters, and channels over them."""
    sizes, mos, cores = options.sdp_cluster_sizes, options.mos, options.aic_num_cores
    if options.from_phase is not None:
        late = PHASE_NAMES.index(options.from_phase) > PHASE_NAMES.index("partition")
        return [f"-sdp-cluster-sizes belongs to the phase partition: it excludes -from={options.from_phase}"] * (
            late and bool(sizes)
        )
    if isinstance(mos, tuple) and not sizes:
        return [f"-mos={','.join(map(str, mos))}: one value per cluster needs -sdp-cluster-sizes"]
    if not sizes:
        over = isinstance(mos, int) and mos > cores and not _given(options, _over_cards())
        text = f"-mos={mos}: output channels are split over at most all cores, of which -aic-num-cores gives {cores}"
        return [text] if over else []
    found = [f"-sdp-cluster-sizes: {problem}" for problem in size_problems(sizes, cores)]
    each = mos if isinstance(mos, tuple) else () if mos is None else (mos,) * len(sizes)
    found += [f"-mos: {problem}" for problem in mos_problems(each, sizes)]
    if options.aic_num_of_instances > 1:
        found.append("-sdp-cluster-sizes makes one pipeline of the cores: it excludes -aic-num-of-instances")
    if options.network_specialization_config is not None:
        found.append("-sdp-cluster-sizes divides one network: it excludes -network-specialization-config")
    if options.retained_state:
        found.append("-sdp-cluster-sizes and -retained-state together are not supported yet")
    return found


_OVER_CARDS = ("mdp-load-partition-config", "mdp-auto-partition")
"""Options that divide a network over several cards."""


def _over_cards() -> list[str]:
    return [name.replace("-", "_") for name in _OVER_CARDS]


def _partition_conflicts(options: Options) -> list[str]:
    """What is wrong with how the network is to be divided over cards."""
    given = _given(options, _over_cards())
    if options.mdp_auto_partition is None and _given(options, ["mdp_auto_objective"]):
        return ["-mdp-auto-objective is what -mdp-auto-partition is for: give that, too"]
    if options.mdp_dump_partition_config is not None:
        others = [name for name in given if name != "-mdp-auto-partition"]
        others += [*_beyond_profile(options), *_execution(options)]
        others += ["-from"] if options.from_phase is not None else []
        others += ["-convert-to-quantize"] if options.convert_to_quantize else []
        others += ["-dump-profile"] if options.dump_profile is not None else []
        stops = "-mdp-dump-partition-config stops when the file is written"
        return [f"{stops}: it excludes {', '.join(dict.fromkeys(others))}"] if others else []
    if not given:
        return []
    if len(given) > 1:
        return [f"{' and '.join(given)} each say which card has what: give one"]
    excluded = {
        "-aic-num-of-instances": options.aic_num_of_instances > 1,
        f"-from={options.from_phase}, which is behind the phase {_PARTITION_PHASE}": options.from_phase is not None
        and PHASE_NAMES.index(options.from_phase) > PHASE_NAMES.index(_PARTITION_PHASE),
    }
    return [f"{given[0]} excludes {name}" for name, is_given in excluded.items() if is_given]


def _custom_io_conflicts(options: Options) -> list[str]:
    """What is wrong with asking for other inputs and outputs than the model's, and for a template of that."""
    found: list[str] = []
    if options.custom_io_list_file is not None and options.from_phase is not None:
        found.append("-from starts with the inputs and outputs that its module has: it excludes -custom-IO-list-file")
    template = options.dump_custom_io_config_template
    if len(template) > 2:
        found.append(f"-dump-custom-IO-config-template has {len(template)} files; it takes template[,profile]")
    if template and (others := _beyond_template(options)):
        found.append(f"-dump-custom-IO-config-template stops when the file is written: it excludes {', '.join(others)}")
    if template and options.quantization_precision != Options().quantization_precision:
        found.append("-quantization-precision: integers of inputs and outputs have 8 bits")
    return found


def _beyond_template(options: Options) -> list[str]:
    """Options of what a template of custom inputs and outputs is not about."""
    asked = {
        "-custom-IO-list-file": options.custom_io_list_file is not None,
        "-from": options.from_phase is not None,
        "-dump-profile": options.dump_profile is not None,
        "-load-profile": options.load_profile is not None,
        "-convert-to-quantize": options.convert_to_quantize,
        "-external-quantization": options.external_quantization is not None,
        "-mdp-dump-partition-config": options.mdp_dump_partition_config is not None,
        "-validate-passes": options.validate_passes,
        "-dump-dir": options.dump_dir is not None,
        "-time-passes": options.time_passes,
        **dict.fromkeys([*_beyond_profile(options), *_execution(options)], True),
    }
    return [name for name, given in asked.items() if given]


def _quantization_conflicts(options: Options) -> list[str]:
    """What is wrong with how the network is to be profiled and quantized."""
    found: list[str] = []
    if options.convert_to_quantize and (options.dump_profile or options.load_profile):
        found.append("-convert-to-quantize profiles and quantizes by itself: it excludes -dump-profile, -load-profile")
    if options.dump_profile and (options.load_profile or options.external_quantization):
        found.append("-dump-profile is made in floating point: it excludes -load-profile, -external-quantization")
    if options.dump_profile and (others := _beyond_profile(options)):
        found.append(f"-dump-profile stops when the profile is made: it excludes {', '.join(others)}")
    if options.quantization_report is not None and options.quantization_report.suffix == ".json":
        found.append("-quantization-report names the page; the same as JSON lies beside it, under this very name")
    profiles = options.convert_to_quantize or options.dump_profile is not None
    if not profiles and (idle := _given(options, _OF_PROFILES)):
        found.append(f"{', '.join(idle)}: a profile is made by -dump-profile or -convert-to-quantize only")
    ranges = options.dump_profile is not None or len(options.dump_custom_io_config_template) > 1
    if not options.quantizes and not ranges and (idle := _given(options, _OF_QUANTIZATION)):
        found.append(f"{', '.join(idle)}: {NOTHING_QUANTIZED}")
    if options.percentile_calibration_value != 100 and options.quantization_calibration != "Percentile":
        found.append("-percentile-calibration-value is for -quantization-calibration=Percentile")
    if profiles and options.from_phase is not None and PHASE_NAMES.index(options.from_phase) > 1:
        found.append("profiles are made of the model: -dump-profile and -convert-to-quantize exclude -from")
    if options.quantizes and options.from_phase not in (None, "graph", "quantize"):
        found.append(f"quantization belongs to the phase quantize: it excludes -from={options.from_phase}")
    if options.from_phase is not None and (named := _given(options, _OF_OPERATORS)):
        found.append(f"{', '.join(named)}: operators of the model, which IR text does not name: it excludes -from")
    return found + _improvement_conflicts(options)


def _improvement_conflicts(options: Options) -> list[str]:
    """What is wrong with changing the network so that integers fit it."""
    found: list[str] = []
    external_alone = options.external_quantization and not (options.load_profile or options.convert_to_quantize)
    if external_alone and options.quantization_bias_correction:
        found.append(
            "-quantization-bias-correction needs the means of a profile: -load-profile or -convert-to-quantize"
        )
    if options.external_quantization and (changing := _given(options, _CHANGING_RANGES)):
        found.append(
            f"{', '.join(changing)}: other ranges than those that the scales of -external-quantization are made for"
        )
    if options.quantization_cross_layer_equalization and options.from_phase == "quantize":
        found.append(
            "-quantization-cross-layer-equalization belongs to the phase graph: it excludes -from=quantize, where text "
            "says by itself that it was given"
        )
    return found


_CHANGING_RANGES = ("quantization_cross_layer_equalization", "quantization_smoothquant")
"""What makes activations have other ranges."""
_OF_PROFILES = ("num_histogram_bins", "profiling_threads")
"""What only making a profile needs."""
_OF_OPERATORS = ("execute_nodes_in_fp16", "keep_original_precision_for_nodes")
_OF_QUANTIZATION = (
    "quantization_schema_activations",
    "quantization_schema_constants",
    "quantization_calibration",
    "quantization_precision",
    "quantization_precision_bias",
    "enable_channelwise",
    "enable_rowwise",
    "quantization_bias_correction",
    "quantization_cross_layer_equalization",
    "quantization_smoothquant",
)
"""What has a meaning only where something is quantized, or profiled by the same command line."""


def _given(options: Options, names: Sequence[str]) -> list[str]:
    """Those of the options that differ from what they are by themselves."""
    default = Options()
    return [f"-{name.replace('_', '-')}" for name in names if getattr(options, name) != getattr(default, name)]


def _beyond_profile(options: Options) -> list[str]:
    """Options of what comes after a profile."""
    asked = {
        "-compile-only": options.compile_only,
        "-aic-binary-dir": options.aic_binary_dir is not None,
        "-to": options.to_phase is not None,
        "-write-output-dir": options.write_output_dir is not None,
        "-run-on-interpreter": options.run_on_interpreter,
        "-aic-num-of-instances": options.aic_num_of_instances > 1,
        "-device-id": options.device_id is not None,
        "-quantization-report": options.quantization_report is not None,
    }
    return [name for name, given in asked.items() if given]


_INPUTS = ("-input-list-file", "-json-input-file", "-use-random-input-data", "-num-iter")
"""Options that say which inputs there are."""


def _phase_conflicts(options: Options) -> list[str]:
    """What is wrong with where the compilation starts and stops."""
    found: list[str] = []
    first, last = PHASE_NAMES[0], PHASE_NAMES[-1]
    if PHASE_NAMES.index(options.from_phase or first) > PHASE_NAMES.index(options.to_phase or last):
        found.append(f"-from={options.from_phase} comes after -to={options.to_phase}: there is nothing to run")
    if options.from_phase is not None and (options.onnx_define_symbol or options.batchsize is not None):
        found.append("-from starts with bound shapes: it excludes -onnx-define-symbol and -batchsize")
    if options.from_phase is not None and options.output_node_name:
        found.append("-from starts with the outputs that its module has: it excludes -output-node-name")
    if options.convert_to_fp16 and options.from_phase not in (None, PRECISION_PHASE):
        found.append(f"-convert-to-fp16 belongs to the phase {PRECISION_PHASE}: it excludes -from={options.from_phase}")
    if options.to_phase == last and options.aic_binary_dir is None:
        found.append(f"-to={last} needs -aic-binary-dir=<folder> to write to")
    if options.to_phase not in (None, last) and options.aic_binary_dir is not None:
        found.append(f"-to={options.to_phase} stops before there is a QPC: it excludes -aic-binary-dir")
    if options.run_on_interpreter and (unused := _of_qpc(options)):
        found.append(f"-run-on-interpreter makes no QPC: it excludes {', '.join(unused)}")
    if options.weights is not None and not (options.from_phase or options.to_phase or options.dump_dir):
        found.append("-weights is where IR text keeps its constants: it needs -from, -to or -dump-dir")
    return found


def _of_qpc(options: Options) -> list[str]:
    """The options given that say what a QPC is to be."""
    asked = {
        "-aic-binary-dir": options.aic_binary_dir is not None,
        "-combine-inputs": options.combine_inputs,
        "-combine-outputs": options.combine_outputs,
    }
    return [name for name, given in asked.items() if given]


def _execution(options: Options) -> list[str]:
    """The options given that ask for an execution."""
    asked = {
        **dict.fromkeys(_sources(options), True),
        "-num-iter": options.num_iter is not None,
        "-aic-num-of-instances": options.aic_num_of_instances > 1,
        "-device-id": options.device_id is not None,
        "-write-output-dir": options.write_output_dir is not None,
        "-run-on-interpreter": options.run_on_interpreter,
    }
    return [name for name, given in asked.items() if given]
