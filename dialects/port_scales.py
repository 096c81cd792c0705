"""What integers of inputs and outputs mean to the host: x = scale * (q - offset).

`aic.port_scales` of a program has scale and offset by the name of the port. The program itself does not need them, as
what it computes stands in its operations: they are for whoever fills inputs and reads outputs.
"""

from collections.abc import Mapping

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FloatAttr, IntegerAttr, ModuleOp, f64, i64
from xdsl.ir import Attribute

from dialects.errors import AicError
from dialects.module import inherited
from dialects.quantized.parameters import Parameters

PORT_SCALES = "aic.port_scales"


def port_scales_of(module: ModuleOp) -> dict[str, Parameters]:
    """Scales and offsets by the names of inputs and outputs. Raises AicError for anything else in the attribute."""
    given = inherited(module, PORT_SCALES)
    if given is None:
        return {}
    if not isinstance(given, DictionaryAttr):
        raise AicError(f"{PORT_SCALES} = {given}: expected a dictionary of ports")
    return {name: _parameters(name, each) for name, each in given.data.items()}


def set_port_scales(module: ModuleOp, scales: Mapping[str, Parameters]) -> None:
    """Says what integers of inputs and outputs mean; nothing where there are none."""
    if not scales:
        module.attributes.pop(PORT_SCALES, None)
        return
    module.attributes[PORT_SCALES] = DictionaryAttr(
        {name: ArrayAttr([FloatAttr(each.scale, f64), IntegerAttr(each.offset, i64)]) for name, each in scales.items()}
    )


def _parameters(name: str, given: Attribute) -> Parameters:
    match given:
        case ArrayAttr(data=(FloatAttr() as scale, IntegerAttr() as offset)):
            return Parameters(scale.value.data, offset.value.data)
        case _:
            raise AicError(f"{PORT_SCALES}: {name!r} is {given}; expected [scale, offset]")
