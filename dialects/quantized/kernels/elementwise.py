"""Kernels of element-wise ops on integers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.ir import Attribute

from dialects.element_types import stored_dtype
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.quantized.arithmetic import factors
from dialects.quantized.nearest import Floats, Part, broadcast_part, margin_of, nearest
from dialects.quantized.rescaling import rescaled


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
    """Both operands on the scale of the result, added, and rounded once."""
    places = _Sum((a, b), factors(multipliers, shift), input_offsets, output_offset)
    return nearest(places, output_offset, limits, stored_dtype(to))


class _Sum:
    """Places of the sums of two operands."""

    def __init__(
        self, operands: tuple[Array, Array], factors: npt.NDArray[np.float64], zeros: Sequence[int], offset: int
    ) -> None:
        self.shape = np.broadcast_shapes(*(x.shape for x in operands))
        rank = len(self.shape)
        self._a, self._b = (x.reshape((*(1,) * (rank - x.ndim), *x.shape)) for x in operands)
        self._first, self._second = factors.tolist()
        self._zero = zeros[0] * self._first + zeros[1] * self._second
        constant = offset + 0.5 - self._zero
        reach = sum(-float(np.iinfo(x.dtype).min) * factor for x, factor in zip(operands, factors, strict=True))
        self.margin = margin_of(reach + abs(constant))
        self._times = np.float32(self._first), np.float32(self._second)
        self._plus = np.float32(constant + self.margin)

    def estimate(self, part: Part, out: Floats, spare: Floats) -> None:
        """Two roundings of every term, two of sums."""
        np.copyto(out, broadcast_part(self._a, part))
        np.copyto(spare, broadcast_part(self._b, part))
        out *= self._times[0]
        spare *= self._times[1]
        out += spare
        out += self._plus

    def exact(self, part: Part) -> Array:
        """Integers of 17 bits times 31 bits, over 2^shift."""
        a, b = (broadcast_part(x, part) for x in (self._a, self._b))
        return a * self._first + b * self._second - self._zero


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
