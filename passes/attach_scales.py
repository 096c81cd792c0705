"""`attach-scales`: says of every tensor which scale it has as integers, from a profile and from an external file.

Ranges of the profile are calibrated and laid over integers as the settings say (`aic.quantization`, which
`set-quantization` writes). Encodings of the external file stand before them: of activations, and of constants, whose
scales otherwise follow from their values. What the file calls floating-point joins the nodes that the settings list.
Scales that a model arrives with stand before those of the profile. Tensors that nobody knows get no scale and stay in
floating point. `quantize-operations` acts on what stands here.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.errors import AicError
from dialects.graph.locations import tensor_name
from dialects.module import main_of, specializations_of
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from dialects.weights import store_of
from passes.quantization.calibration.choice import calibrated_range
from passes.quantization.external import External, external_types
from passes.quantization.files.external import read_external
from passes.quantization.files.profile import Profile, TensorProfile, read_profile
from passes.quantization.fingerprint import fingerprint_of
from passes.quantization.histogram import Histogram
from passes.quantization.names import float_values
from passes.quantization.scales import attach, wanted_type
from passes.quantization.schemas import choose_parameters
from passes.quantization.settings import Settings, set_settings, settings_of
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass

_LOG = logging.getLogger("aic")


@dataclass(frozen=True)
class AttachScalesPass(ProgramPass):
    """Attaches the scales of tensors."""

    name = "attach-scales"
    PRECISION: ClassVar[Precision] = Precision.QUANTIZED

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        settings, main = settings_of(op), main_of(op)
        types: dict[SSAValue, UniformType] = {}
        if settings.load_profile:
            types |= _profiled(op, Path(settings.load_profile), settings)
        if settings.external_quantization:
            path = Path(settings.external_quantization)
            external = external_types(main, read_external(path), path, store_of(op))
            types = {value: kind for value, kind in (types | external.types).items() if value not in external.floats}
            set_settings(op, _with_floats(settings, external))
        for value, kind in types.items():
            attach(value, kind)


def _profiled(program: ModuleOp, path: Path, settings: Settings) -> dict[SSAValue, UniformType]:
    """Types of values by their profile, but for those that have a scale in the model. Specializations share one."""
    profile, values = read_profile(path), float_values(main_of(program))
    check_model(profile, path, fingerprint_of(specializations_of(program)))
    scales = scales_of({name: record for name, record in profile.records.items() if name in values}, settings)
    if not scales:
        _LOG.warning("%s: it has no record of any tensor of the network, which stays in floating point", path)
    types = {values[name]: UniformType.of(chosen, settings.bits) for name, chosen in scales.items()}
    return {value: kind for value, kind in types.items() if wanted_type(value) is None}


def check_model(profile: Profile, path: Path, own: int) -> None:
    """Raises AicError for a profile that is not of the graph whose fingerprint is `own`."""
    if profile.graph_hash != own:
        raise AicError(
            f"{path} is the profile of another model, or of this one with other options: its graph has the hash "
            f"0x{profile.graph_hash:016X}, this one 0x{own:016X}; profiles depend on the model, on the outputs asked "
            "for (output-node-name), on custom-IO-list-file, quantization-cross-layer-equalization, "
            "quantization-smoothquant and on the version of the compiler, not on the batch size: make it anew by "
            "dump-profile"
        )


def scales_of(records: Mapping[str, TensorProfile], settings: Settings) -> dict[str, Parameters]:
    """Scale and offset of every tensor that has a record."""
    return {name: _scale_of(record, settings) for name, record in records.items()}


def _scale_of(record: TensorProfile, settings: Settings) -> Parameters:
    schema, bits = settings.activations, settings.bits
    histogram = Histogram(record.low, record.high, record.counts)
    low, high = calibrated_range(histogram, settings.calibration, schema, bits, settings.percentile_calibration_value)
    chosen = choose_parameters(low, high, schema, bits)
    if low < 0 < high and -low < chosen.scale / 2:
        # A negative number that rounds to zero must not cost a sign.
        return choose_parameters(0.0, high, schema, bits)
    return chosen


def _with_floats(settings: Settings, external: External) -> Settings:
    """Settings that list what an external file calls floating-point, too."""
    makers = {"float16": list(settings.in_float), "float32": list(settings.in_original)}
    for value, encoding in external.floats.items():
        if isinstance(value.owner, Operation):
            makers[encoding.precision].append(tensor_name(value.owner))
    return replace(settings, in_float=_once(makers["float16"]), in_original=_once(makers["float32"]))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
