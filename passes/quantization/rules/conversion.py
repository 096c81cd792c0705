"""Inputs and outputs of a network that are integers: no detour through numbers."""

from collections.abc import Callable, Mapping

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Attribute
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.element_types import storage_type
from dialects.graph.base import GraphOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from dialects.quantized.parameters import LIMITS, Parameters
from dialects.quantized.types import UniformType
from passes.quantization.quantizer import Quantizer, factor_of, rescaling, scaling_of
from passes.quantization.scales import wanted_type


def come_in(quantizer: Quantizer, op: DequantizeOp) -> bool:
    """Integers that become numbers are known as integers, too."""
    offset = op.offset.value.data
    element = UniformType.of(Parameters(op.scale.value.data, offset), _bits(op.operand_types[0].element_type))
    typed = RequantizeOp.of([op.input], {**rescaling(1.0, element), "input_offset": offset})
    typed.location = op.location
    Rewriter.insert_op(typed, InsertPoint.before(op))
    quantizer.integers[op.output] = typed.output
    return True


def go_out(quantizer: Quantizer, op: QuantizeOp) -> bool:
    """Integers that become numbers and integers again are rescaled. Numbers that others read as the same integers are
    turned to these once.
    """
    wanted = wanted_type(op.input)
    same = wanted is not None and wanted.scaling == Parameters(op.scale.value.data, op.offset.value.data)
    if not quantizer.computed_on_integers(op.input) and not same:
        return False
    x = quantizer.integers_of(op.input)
    assert x is not None
    given = scaling_of(x).scaling
    typed = RequantizeOp.of(
        [x],
        {
            **factor_of(given.scale / op.scale.value.data),
            "input_offset": given.offset,
            "output_offset": op.offset.value.data,
            "limits": LIMITS[_bits(op.to)],
            "to": op.to,
        },
    )
    typed.location, typed.output.name_hint = op.location, op.output.name_hint
    Rewriter.insert_op(typed, InsertPoint.before(op))
    op.output.replace_all_uses_with(typed.output)
    return True


def _bits(element: Attribute) -> int:
    storage = storage_type(element)
    assert isinstance(storage, IntegerType)
    return storage.width.data


CONVERSION_RULES: Mapping[type[GraphOp], Callable[..., bool]] = {DequantizeOp: come_in, QuantizeOp: go_out}
