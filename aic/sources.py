"""What the compiler starts with: a model, or IR text, as a module that says what the options ask for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr

from aic.custom_io.setting import customize_ports
from aic.options import Options, UsageError
from aic.options.conflicts import NOTHING_QUANTIZED, PRECISION_PHASE
from aic.partitions.setting import set_partitions
from aic.phases import PHASE_NAMES
from aic.quantization import settings_for
from aic.specializations.importing import import_network
from dialects import create_context
from dialects.aic import TargetAttr
from dialects.module import CORES, TARGET, cores_of, set_combined, set_target, target_of
from dialects.text import decode_source, parse_module, verify
from dialects.tuning import Tuning, set_tuning, tuning_of
from dialects.weights import STORE_ATTRIBUTE, locate_store
from passes.quantization.scales import is_quantized
from passes.quantization.settings import changed, set_settings, settings_of
from passes.retain_state import RetainStatePass


def import_source(model: Path, options: Options) -> ModuleOp:
    """A model as a module that carries the name of its file, and what passes and emission must know of the options.

    Raises AicError for a model, or a file that the options name, that is wrong.
    """
    module = import_network(model, options)
    customize_ports(module, options)
    module.sym_name = StringAttr(re.sub(r"[^A-Za-z0-9_.$-]+", "_", model.stem) or "network")
    set_target(module, TargetAttr.of(options.aic_sku), options.aic_num_cores)
    set_partitions(module, options)
    _combine(module, options)
    set_tuning(module, options.tuning)
    _set_quantization(module, options)
    if options.retained_state:
        RetainStatePass().apply(create_context(), module)
    return module


_IN_FP16 = {
    "execute_nodes_in_fp16": "-execute-nodes-in-fp16",
    "node_precision_info": "-node-precision-info",
}
"""Options that list nodes to compute in fp16."""
_KEPT = {"keep_original_precision_for_nodes": "-keep-original-precision-for-nodes"}
"""Options that list nodes to compute in the model's precision, while others do not."""
_OF_QUANTIZED = {"quantization_report": "-quantization-report"}
"""Options of networks that are quantized, by an option or because the model came so."""


_NOT_OF_QUANTIZED = {
    "quantization_bias_correction": "-quantization-bias-correction",
    "quantization_cross_layer_equalization": "-quantization-cross-layer-equalization",
    "quantization_smoothquant": "-quantization-smoothquant",
}
"""Options that make weights fit integers: those of a model that comes quantized do."""


def _set_quantization(module: ModuleOp, options: Options) -> None:
    quantizes = options.quantizes or is_quantized(module) or options.dump_profile is not None
    listed = _given(options, _IN_FP16)
    if not quantizes:
        _check_floating(options, listed)
    late = _given(options, _NOT_OF_QUANTIZED)
    if late and is_quantized(module):
        raise UsageError([f"{', '.join(late)}: the model comes quantized, its weights are made for its scales"])
    if quantizes or listed:
        set_settings(module, changed(settings_of(module), settings_for(options)))


def _check_floating(options: Options, listed: Sequence[str]) -> None:
    """Raises UsageError for what says nothing of a network in floating point, with some nodes `listed` for fp16."""
    idle = _given(options, _OF_QUANTIZED if listed else _KEPT | _OF_QUANTIZED)
    if idle:
        raise UsageError([f"{', '.join(idle)}: {NOTHING_QUANTIZED}, unless the model comes quantized"])
    if listed and options.convert_to_fp16:
        raise UsageError([f"{', '.join(listed)}: -convert-to-fp16 has all nodes in fp16 where nothing is quantized"])
    if listed and options.from_phase not in (None, PRECISION_PHASE):
        raise UsageError(
            [
                f"{', '.join(listed)}: where nothing is quantized, precision belongs to the phase {PRECISION_PHASE}, "
                f"which is done with -from={options.from_phase}"
            ]
        )


def _given(options: Options, names: Mapping[str, str]) -> list[str]:
    """Those of some options that are given."""
    return [name for field, name in names.items() if getattr(options, field)]


def read_text(path: Path, options: Options, start: str) -> ModuleOp:
    """The module in a file of IR text, to start with the phase `start`, with what the options change.

    Raises AicError for text that is wrong, and UsageError for options that contradict work that is done.
    """
    source = decode_source(path.read_bytes(), str(path))
    module = parse_module(create_context(), source)
    verify(module, source)
    locate_store(module, path.parent)
    if options.weights is not None:
        module.attributes[STORE_ATTRIBUTE] = StringAttr(str(options.weights))
    _retarget(module, options, start)
    set_partitions(module, options)
    _combine(module, options)
    _retune(module, options.tuning, start)
    _set_quantization(module, options)
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
