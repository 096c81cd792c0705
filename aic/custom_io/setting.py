"""What a custom I/O file says of inputs and outputs, held against the model and brought about."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, f16, f32
from xdsl.ir import Attribute, TypeAttribute

from aic.files.names import unknown_names
from aic.options import Options
from dialects import create_context
from dialects.module import main_of, programs_of
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from passes.customize_ports import CustomizePortsPass
from passes.ports.customization import (
    Customization,
    CustomPort,
    custom_inputs,
    custom_outputs,
    set_customizations,
)
from passes.quantization.files.custom_io import FLOAT, FLOAT16, INT8, REMEDY, PortEntry, read_custom_io
from passes.quantization.files.encodings import BITS, TensorEncoding
from passes.quantization.files.external import read_external
from passes.quantization.files.nodes import Flaw, Flaws, about, collected, refusing

_ELEMENTS: Mapping[str, TypeAttribute] = {FLOAT: f32, FLOAT16: f16}
PRECISION_NAMES: Mapping[Attribute, str] = {element: name for name, element in _ELEMENTS.items()}
"""Names of floating-point precisions."""


def customize_ports(module: ModuleOp, options: Options) -> None:
    """Gives a model's inputs and outputs what the file of `-custom-IO-list-file` asks for, in all specializations, and
    notes what their integers mean.

    What int8 means stands in the file of `-external-quantization`, where there is one, else in the entries.

    Raises AicError for a file that is wrong by itself, and for all entries that the model has no port for, or whose
    port cannot be so.
    """
    path, external = options.custom_io_list_file, options.external_quantization
    if path is not None:
        encodings = None if external is None else read_external(external)
        with refusing(path, REMEDY):
            entries = read_custom_io(path, scales=encodings is None)
            wanted = _customizations(module, entries, external, encodings)
        for program in programs_of(module):
            set_customizations(main_of(program), wanted)
    CustomizePortsPass().apply(create_context(), module)


def ports_by_name(module: ModuleOp) -> tuple[dict[str, CustomPort], dict[str, CustomPort]]:
    """Inputs and outputs of a model; a tensor may be both. Specializations have the same."""
    main = main_of(next(programs_of(module)))
    sides = (custom_inputs(main), custom_outputs(main))
    inputs, outputs = ({each.port.name: each for each in side} for side in sides)
    return inputs, outputs


def _customizations(
    module: ModuleOp,
    entries: tuple[PortEntry, ...],
    external: Path | None,
    encodings: Mapping[str, TensorEncoding] | None,
) -> dict[str, Customization]:
    ports: dict[str, list[CustomPort]] = {}
    for name, each in chain.from_iterable(part.items() for part in ports_by_name(module)):
        ports.setdefault(name, []).append(each)
    unknown = unknown_names([entry.name for entry in entries if entry.name not in ports], ports)
    strange = [entry for entry in entries if entry.name not in ports]
    if strange:
        raise Flaws([
            Flaw(f"no input or output of the model: {text}", entry.line)
            for entry, text in zip(strange, unknown, strict=True)
        ])  # fmt: skip

    def customization(entry: PortEntry) -> Customization:
        with about(entry.name):
            element = _element(entry, ports[entry.name], external, encodings)
            for each in ports[entry.name]:
                misfit = CustomPort(each.port, each.value, Customization(entry.layout, element)).misfit
                if misfit is not None:
                    raise Flaw(misfit, entry.line)
            return Customization(entry.layout, element)

    return dict(zip([entry.name for entry in entries], collected(entries, customization), strict=True))


def _element(
    entry: PortEntry,
    ports: list[CustomPort],
    external: Path | None,
    encodings: Mapping[str, TensorEncoding] | None,
) -> TypeAttribute | None:
    """What the elements of a port are to be."""
    if entry.precision is None or entry.precision in _ELEMENTS:
        return None if entry.precision is None else _ELEMENTS[entry.precision]
    if encodings is None:
        assert entry.scaling is not None
        return UniformType.of(entry.scaling, BITS[INT8])
    encoding = encodings.get(entry.name)
    if encoding is None and all(isinstance(each.element, UniformType) for each in ports):
        return None  # the model's own scale, which nobody changes
    if encoding is None or encoding.precision != INT8 or len(encoding.scales) != 1:
        says = "says nothing of it" if encoding is None else f"says {encoding.precision}"
        raise Flaw(f"scale and offset of int8 are those of {external}, which {says}", entry.line)
    return UniformType.of(Parameters(encoding.scales[0], encoding.offsets[0]), BITS[INT8])
