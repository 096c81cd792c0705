"""Averages of integers."""

from collections.abc import Callable, Mapping
from math import prod

from dialects.graph.base import GraphOp, integers, tensor_type
from dialects.graph.pooling import AveragePoolOp
from dialects.graph.reduction import ReduceMeanOp
from dialects.quantized import pooling as integer
from passes.quantization.quantizer import Quantizer, kept, rescaling, scaling_of
from passes.quantization.rules.demand import computed_for_integers
from passes.quantization.scales import wanted_type


def average_pool(quantizer: Quantizer, op: AveragePoolOp) -> bool:
    """An average under a window; padding counts."""
    names = ("kernel_shape", "strides", "dilations", "pads")
    return _average(quantizer, op, integer.AveragePoolOp, prod(integers(op.kernel_shape)), names)


def reduce_mean(quantizer: Quantizer, op: ReduceMeanOp) -> bool:
    """A mean along dimensions."""
    shape = tensor_type(op.input).get_shape()
    count = prod(shape[axis] for axis in integers(op.axes))
    return count > 0 and _average(quantizer, op, integer.ReduceMeanOp, count, ("axes", "keepdims"))


def _average(
    quantizer: Quantizer,
    op: AveragePoolOp | ReduceMeanOp,
    kind: type[integer.AveragePoolOp | integer.ReduceMeanOp],
    count: int,
    names: tuple[str, ...],
) -> bool:
    wanted = wanted_type(op.output)
    if wanted is None or not quantizer.computed_on_integers(op.input) or not computed_for_integers(quantizer, op):
        return False
    x = quantizer.integers_of(op.input)
    assert x is not None
    given = scaling_of(x).scaling
    properties = {
        **kept(op, *names),
        **rescaling(given.scale / (count * wanted.scaling.scale), wanted),
        "input_offset": given.offset,
    }
    quantizer.put(op, kind.of([x], properties))
    return True


POOLING_RULES: Mapping[type[GraphOp], Callable[..., bool]] = {AveragePoolOp: average_pool, ReduceMeanOp: reduce_mean}
