"""Requantization: sums of integers brought to the scale of a result, exactly as stated here on every machine.

y = ((x * multiplier + 2^(shift - 1)) >> shift) + offset, then limited: rounding half up, as if with integers of any
width. Results of 8 bits are computed in floating point, which is faster, and exact where they are in range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.quantized.arithmetic import factors
from dialects.quantized.nearest import Floats, Part, broadcast_part, margin_of, nearest

Array: TypeAlias = npt.NDArray[Any]

_LOW_BITS = 20
_FAR = 1 << 40


@dataclass(frozen=True)
class Rescaling:
    """What brings sums to the scale of a result: numbers for all of them, or rows of numbers [.., F], one per column
    (the last dimension), where what stands before F is what stands before the sums' own dimensions.
    """

    bias: npt.NDArray[np.int64]
    """In units of the sums; added to them."""
    multiplier: npt.NDArray[np.int64]
    shift: npt.NDArray[np.int64]
    offset: int
    limits: Sequence[int]
    dtype: np.dtype[np.generic]
    factor: npt.NDArray[np.float64]
    """multiplier / 2^shift."""
    estimate: tuple[Floats, Floats]
    """What sums are multiplied by, and what is added then, for places in fp32 as `nearest` wants them."""
    margin: float

    @staticmethod
    def of(
        bias: npt.ArrayLike,
        multiplier: npt.ArrayLike,
        shift: npt.ArrayLike,
        offset: int,
        limits: Sequence[int],
        dtype: np.dtype[np.generic],
    ) -> "Rescaling":
        """Bias, multiplier and shift of results of a dtype of 8 or 16 bits."""
        bias, multiplier, shift = (np.asarray(row, np.int64) for row in (bias, multiplier, shift))
        factor = factors(multiplier, shift)
        constant = bias * factor + (offset + 0.5)
        margin = margin_of(float(np.abs(constant).max(initial=0)))
        estimate = factor.astype(np.float32), (constant + margin).astype(np.float32)
        return Rescaling(bias, multiplier, shift, offset, limits, dtype, factor, estimate, margin)

    def apply(self, sums: Array) -> Array:
        """Results for integer sums, of any dtype that holds them exactly."""
        if self.dtype.itemsize == 1:
            return nearest(_Sums(sums, self), self.offset, self.limits, self.dtype)
        bias, multiplier, shift = (along_columns(row, sums.ndim) for row in (self.bias, self.multiplier, self.shift))
        places = np.asarray(_shifted(sums.astype(np.int64) + bias, multiplier, shift))
        np.clip(places, self.limits[0] - self.offset, self.limits[1] - self.offset, out=places)
        return np.add(places, self.offset, out=places).astype(self.dtype)


def rescaled(
    sums: Array,
    bias: npt.ArrayLike,
    multiplier: npt.ArrayLike,
    shift: npt.ArrayLike,
    offset: int,
    limits: Sequence[int],
    dtype: np.dtype[np.generic],
) -> Array:
    """Integer sums (of any dtype that holds them exactly) and a bias on the scale of a result of 8 or 16 bits, within
    `limits`.
    """
    return Rescaling.of(bias, multiplier, shift, offset, limits, dtype).apply(sums)


def along_columns(row: Array, ndim: int) -> Array:
    """A row [.., F] made to broadcast against the last of `ndim` dimensions; what stands before is its stack."""
    return row.reshape(*row.shape[:-1], *(1,) * (ndim - row.ndim), row.shape[-1]) if row.ndim else row


class _Sums:
    """Places of rescaled sums of 8 bits."""

    def __init__(self, sums: Array, rescaling: Rescaling) -> None:
        self.margin = rescaling.margin
        self.shape = np.broadcast_shapes(sums.shape, along_columns(rescaling.factor, sums.ndim).shape)
        self._sums, self._rescaling = sums, rescaling

    def estimate(self, part: Part, out: Floats, spare: Floats) -> None:
        """Two roundings of factors, one of the sums, two of operations."""
        sums = broadcast_part(self._sums, part)
        if sums.dtype != np.float32:
            np.copyto(out, sums, casting="same_kind")
            sums = out
        times, plus = (self._row(row, part) for row in self._rescaling.estimate)
        np.multiply(sums, times, out=out)
        out += plus

    def exact(self, part: Part) -> Array:
        """In range these are integers of less than 53 bits, over 2^shift."""
        bias, factor = (self._row(row, part) for row in (self._rescaling.bias, self._rescaling.factor))
        return (broadcast_part(self._sums, part).astype(np.float64) + bias) * factor

    def _row(self, row: Array, part: Part) -> Array:
        return broadcast_part(along_columns(row, len(self.shape)), part)


def _shifted(sums: npt.NDArray[np.int64], multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(sums * multiplier + half) >> shift, where the product may take more than 64 bits: high and low bits apart."""
    wide, bits = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    half = np.int64(1) << (bits - 1)
    low = (sums & ((1 << _LOW_BITS) - 1)) * wide + half
    high = (sums >> _LOW_BITS) * wide
    near = bits - _LOW_BITS
    places = (high + (low >> _LOW_BITS)) >> np.maximum(near, 0)
    if (near >= 0).all():
        return places
    # Fewer bits are shifted out than the low part has: the high part moves up. What is cut off from it here is far
    # beyond the limits of a result.
    far = (np.clip(high, -_FAR, _FAR) << np.maximum(-near, 0)) + (low >> bits)
    return np.where(near >= 0, places, far)
