"""A custom I/O file of a model as it is, for people to edit."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.custom_io.setting import PRECISION_NAMES, ports_by_name
from aic.options import Options, UsageError
from aic.phases import phases_between, run_phases
from aic.sources import import_source
from dialects.files import written_aside
from dialects.module import main_of, programs_of
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from dialects.weights import drop_store, store_of
from passes.attach_scales import check_model, scales_of
from passes.ports.customization import LAYOUTS, CustomPort
from passes.quantization.files.custom_io import INT8, PortEntry, custom_io_text
from passes.quantization.files.profile import read_profile
from passes.quantization.fingerprint import fingerprint_of
from passes.quantization.names import float_values
from passes.quantization.settings import settings_of

_LOG = logging.getLogger("aic")
_GRAPH = "graph"
"""The phase whose result profiles are of."""

_COMMENT = """\
Inputs and outputs of {model} as they are in the model. Edit, and give the file with -custom-IO-list-file.
Layout: NCHW or NHWC. Precision: float, float16 or int8. An int8 q means Scale * (q - Offset), from -128 to 127."""


def write_template(options: Options) -> int:
    """Writes the file of `-dump-custom-IO-config-template`; the number of inputs and outputs in it.

    Scales and offsets are those by which `-load-profile` would quantize the network with the same options. Without a
    profile they are left open.

    Raises AicError for a model that cannot be imported, a profile that is of another one, and a file that cannot be
    written.
    """
    path, *profiles = options.dump_custom_io_config_template
    if options.model is None:
        raise UsageError(["the model is missing"])
    profile = profiles[0] if profiles else None
    module = import_source(options.model, replace(options, load_profile=profile))
    try:
        inputs, outputs = ports_by_name(module)
        scales = {} if profile is None else _profiled(module, profile, options)
        outputs = {name: each for name, each in outputs.items() if name not in inputs}
        parts = {"Inputs": inputs, "Outputs": outputs}
        entries = {
            part: [_entry(each, scales.get(name)) for name, each in ports.items()] for part, ports in parts.items()
        }
    finally:
        drop_store(store_of(module).folder)
    if profile is not None:
        _tell_unknown([entry for part in entries.values() for entry in part], profile)
    with written_aside(path) as partial:
        comment = _COMMENT.format(model=options.model.name)
        partial.write_text(custom_io_text(comment, entries), encoding="utf-8", newline="\n")
    return len(inputs) + len(outputs)


def _entry(each: CustomPort, profiled: Parameters | None) -> PortEntry:
    layout = LAYOUTS[0] if each.has_layout else None
    if isinstance(each.element, UniformType):
        return PortEntry(each.port.name, layout, INT8, each.element.scaling)
    precision = PRECISION_NAMES.get(each.element)
    return PortEntry(each.port.name, layout, precision, profiled)


def _profiled(module: ModuleOp, path: Path, options: Options) -> Mapping[str, Parameters]:
    """Scales and offsets of inputs and outputs by a profile; those that it knows."""
    profile = read_profile(path)
    run_phases(module, phases_between(_GRAPH, _GRAPH), quantized=True, threads=options.compile_threads)
    check_model(profile, path, fingerprint_of(list(programs_of(module))))
    program = next(programs_of(module))
    names = {value: name for name, value in float_values(main_of(program)).items()}
    records = {
        each.port.name: profile.records[names[each.value]]
        for side in ports_by_name(module)
        for each in side.values()
        if each.value in names and names[each.value] in profile.records
    }
    return scales_of(records, settings_of(program))


def _tell_unknown(entries: list[PortEntry], profile: Path) -> None:
    unknown = [repr(entry.name) for entry in entries if entry.precision is not None and entry.scaling is None]
    if unknown:
        _LOG.warning("%s: it has no record of %s, whose scale and offset are left open", profile, ", ".join(unknown))
