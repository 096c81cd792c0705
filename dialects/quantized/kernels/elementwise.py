"""Kernels of element-wise ops on integers."""

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Attribute

from dialects.element_types import stored_dtype
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.quantized.arithmetic import factors, in_blocks, rescaled


@kernel_of("quantized")
def add(
    a: Array,
    b: Array,
    *,
    multipliers: Sequence[int],
    shift: int,
    input_offsets: Sequence[int],
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Both operands on the scale of the result, added, and rounded once. Exact in fp64: 17 bits times 31."""
    first, second = factors(multipliers, shift).tolist()
    zero = input_offsets[0] * first + input_offsets[1] * second

    def place(a: Array, b: Array, out: Array) -> None:
        np.multiply(a, first, out=out)
        out += b * second
        out -= zero

    return in_blocks(place, (a, b), output_offset, limits, stored_dtype(to))


@kernel_of("quantized")
def mul(
    a: Array,
    b: Array,
    *,
    multiplier: int,
    shift: int,
    input_offsets: Sequence[int],
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    centred, other = (x.astype(np.float64) - offset for x, offset in zip((a, b), input_offsets, strict=True))
    return rescaled(centred * other, 0, multiplier, shift, output_offset, limits, stored_dtype(to))


@kernel_of("quantized")
def clip(x: Array, *, limits: Sequence[int]) -> Array:
    return np.clip(x, limits[0], limits[1])


@kernel_of("quantized")
def look_up(x: Array, table: Array, *, lowest: int, to: Attribute) -> Array:
    """Entry q - lowest of the table for every integer q."""
    found = table[x.astype(np.int64) - lowest] if table.ndim == 1 else _stacked_look_up(x, table, lowest)
    return found.astype(stored_dtype(to), copy=False)


def _stacked_look_up(x: Array, table: Array, lowest: int) -> Array:
    """The same where every core has its own copy of the table."""
    places = x.astype(np.int64) - lowest
    lead = table.shape[:-1]
    flat = places.reshape(*places.shape[: len(lead)], -1)
    found = np.take_along_axis(np.broadcast_to(table, (*flat.shape[: len(lead)], table.shape[-1])), flat, axis=-1)
    return found.reshape(places.shape)
