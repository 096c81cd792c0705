"""What inputs and outputs are to be instead of what the model says, as attributes of arguments and results of `@main`.

- `aic.layout = "NHWC"`: a tensor of four dimensions has its channels last. A model's are `NCHW`.
- `aic.element = f16`: other elements: `f32`, `f16`, or `!quantized.uniform<i8, scale : offset>`, integers that mean
  numbers.

Only ports of f32, f16 and i8 may have other elements; of i8 those whose meaning the model tells, right behind an input
or right before an output.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerType, StringAttr, f16, f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, BlockArgument, SSAValue, TypeAttribute

from dialects.graph.ports import Port, input_ports, output_ports
from dialects.quantized.conversion import DequantizeOp, QuantizeOp
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType

LAYOUT, ELEMENT = "aic.layout", "aic.element"
"""Names of the attributes."""
LAYOUTS = ("NCHW", "NHWC")
"""The first is that of models."""
_RANK = 4
_FLOATS = (f32, f16)
_INTEGER = IntegerType(8)


@dataclass(frozen=True)
class Customization:
    """What a port is to be; None: what it is."""

    layout: str | None = None
    element: TypeAttribute | None = None


@dataclass(frozen=True)
class CustomPort:
    """An input or output of a function, and what it is to be."""

    port: Port
    value: SSAValue
    """The argument, or what is returned."""
    wanted: Customization = Customization()

    @property
    def has_layout(self) -> bool:
        """Whether the order of its dimensions can be chosen."""
        return self.port.type.get_num_dims() == _RANK

    @property
    def element(self) -> Attribute:
        """What its elements are; of integers of 8 bits also what they mean, where the model says it."""
        element = self.port.type.element_type
        return (_meaning(self.value) or element) if element == _INTEGER else element

    @property
    def has_precision(self) -> bool:
        """Whether its elements can be chosen."""
        return self.element in _FLOATS or isinstance(self.element, UniformType)

    @property
    def misfit(self) -> str | None:
        """Why it cannot be what it is to be; None when it can."""
        layout, element = self.wanted.layout, self.wanted.element
        if layout is not None and layout not in LAYOUTS:
            return f"layout {layout!r}: there are {' and '.join(LAYOUTS)}"
        if layout is not None and not self.has_layout:
            return f"layout {layout}: it is {self.port.type}, and only tensors of {_RANK} dimensions have a layout"
        if element is not None and element not in _FLOATS and not _is_int8(element):
            return f"precision {element}: there are f32, f16, and i8 with one scale"
        if element is None or self.has_precision:
            return None
        if self.port.type.element_type == _INTEGER:
            return "the model does not say right at this port what its integers mean: their precision stays as it is"
        return f"it is {self.port.type}: only the precision of float, float16 and int8 can be changed"


def custom_inputs(function: FuncOp) -> list[CustomPort]:
    """Inputs with what they are to be."""
    return list(_custom(input_ports(function), function.body.block.args, function.arg_attrs))


def custom_outputs(function: FuncOp) -> list[CustomPort]:
    """Outputs with what they are to be."""
    terminator = function.body.block.last_op
    return list(_custom(output_ports(function), () if terminator is None else terminator.operands, function.res_attrs))


def _custom(
    ports: Sequence[Port], values: Sequence[SSAValue], attributes: ArrayAttr[DictionaryAttr] | None
) -> Iterator[CustomPort]:
    entries = [DictionaryAttr({})] * len(ports) if attributes is None else attributes.data
    for port, value, entry in zip(ports, values, entries, strict=True):
        layout, element = entry.data.get(LAYOUT), entry.data.get(ELEMENT)
        wanted = Customization(
            layout.data if isinstance(layout, StringAttr) else None,
            element if isinstance(element, TypeAttribute) else None,
        )
        yield CustomPort(port, value, wanted)


def set_customizations(function: FuncOp, wanted: Mapping[str, Customization]) -> None:
    """Says what the ports of some names are to be, and of the others that they stay as they are."""
    inputs, outputs = input_ports(function), output_ports(function)
    function.arg_attrs = _entries(inputs, function.arg_attrs, wanted)
    function.res_attrs = _entries(outputs, function.res_attrs, wanted)


def _entries(
    ports: Sequence[Port], attributes: ArrayAttr[DictionaryAttr] | None, wanted: Mapping[str, Customization]
) -> ArrayAttr[DictionaryAttr]:
    given = [DictionaryAttr({})] * len(ports) if attributes is None else attributes.data
    return ArrayAttr(
        [_entry(entry, wanted.get(port.name, Customization())) for port, entry in zip(ports, given, strict=True)]
    )


def _entry(given: DictionaryAttr, wanted: Customization) -> DictionaryAttr:
    entry: dict[str, Attribute] = {key: value for key, value in given.data.items() if key not in (LAYOUT, ELEMENT)}
    if wanted.layout is not None:
        entry[LAYOUT] = StringAttr(wanted.layout)
    if wanted.element is not None:
        entry[ELEMENT] = wanted.element
    return DictionaryAttr(entry)


def _is_int8(element: Attribute) -> bool:
    return isinstance(element, UniformType) and element.storage == _INTEGER and element.channel_axis is None


def _meaning(value: SSAValue) -> UniformType | None:
    """What integers mean that come in or go out, where the model says it right there."""
    if isinstance(value, BlockArgument):
        conversions = [use.operation for use in value.uses]
    else:
        conversions = [value.owner] if isinstance(value.owner, QuantizeOp) else []
    found = {_scaling(op) if isinstance(op, DequantizeOp | QuantizeOp) else None for op in conversions}
    parameters = found.pop() if len(found) == 1 else None
    return None if parameters is None else UniformType.of(parameters, _INTEGER.width.data)


def _scaling(op: DequantizeOp | QuantizeOp) -> Parameters:
    return Parameters(op.scale.value.data, op.offset.value.data)
