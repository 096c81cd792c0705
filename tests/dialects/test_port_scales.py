"""What integers of inputs and outputs mean, as an attribute of programs."""

import pytest
from xdsl.dialects.builtin import ModuleOp

from dialects import create_context
from dialects.errors import AicError
from dialects.port_scales import PORT_SCALES, port_scales_of, set_port_scales
from dialects.quantized.parameters import Parameters
from dialects.text import decode_source, parse_module


def test_what_is_set_is_there_and_inherited() -> None:
    inner = ModuleOp([])
    module = ModuleOp([inner])
    assert port_scales_of(module) == {}
    scales = {"x": Parameters(0.5, -128), "past.key": Parameters(0.25, 3)}
    set_port_scales(module, scales)
    assert port_scales_of(inner) == scales
    set_port_scales(module, {})
    assert PORT_SCALES not in module.attributes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 : i64", "aic.port_scales = 3 : i64: expected a dictionary of ports"),
        ("{x = 0.5 : f64}", "aic.port_scales: 'x' is 5.000000e-01 : f64; expected [scale, offset]"),
        ("{x = [0.5 : f64]}", "expected [scale, offset]"),
        ("{x = [1 : i64, 0.5 : f64]}", "expected [scale, offset]"),
    ],
)
def test_what_means_nothing_is_told(text: str, message: str) -> None:
    source = decode_source(f"builtin.module attributes {{aic.port_scales = {text}}} {{}}".encode(), "text")
    module = parse_module(create_context(), source)
    with pytest.raises(AicError) as caught:
        port_scales_of(module)
    assert message in str(caught.value)
