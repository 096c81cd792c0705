"""Kernels of conversion: numbers to integers and back, and from one scale to another."""

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Attribute

from dialects.element_types import held_dtype, storage_type, stored_dtype
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.quantized.parameters import dequantized, quantized
from dialects.quantized.rescaling import rescaled


@kernel_of("quantized")
def quantize(x: Array, *, scale: float, offset: int, to: Attribute) -> Array:
    storage = storage_type(to)
    assert isinstance(storage, IntegerType)
    return quantized(x, scale, offset, storage.width.data)


@kernel_of("quantized")
def dequantize(x: Array, *, scale: float, offset: int, to: Attribute) -> Array:
    return dequantized(x, scale, offset).astype(held_dtype(to), copy=False)


@kernel_of("quantized")
def requantize(
    x: Array,
    *,
    multiplier: int,
    shift: int,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    return rescaled(x, -input_offset, multiplier, shift, output_offset, limits, stored_dtype(to))
