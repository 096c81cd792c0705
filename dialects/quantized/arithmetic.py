"""Requantization: sums of integers brought to the scale of a result, exactly as stated here on every machine.

y = ((x * multiplier + 2^(shift - 1)) >> shift) + offset, then limited: a multiplier of up to 31 bits, rounding half up,
as if with integers of any width. Where it is exact the work is done in fp64, which is faster than 64-bit integers.
"""

from collections.abc import Callable, Sequence
from math import frexp
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_Access: TypeAlias = list[Literal["readonly", "writeonly"]]

_BLOCK = 1 << 14
"""Elements that are rescaled at a time: they and what is computed of them fit a core's second-level cache."""
_MANTISSA = 31
_MOST_SHIFT = 45
"""With larger ones the products of results that are in range would not be exact in fp64."""
_MOST_RATIO = float((1 << 30) - 1)
"""Already with this one any sum but 0 is far beyond the limits of a result; the shift of a larger one would be none."""
_LOW_BITS = 20
_FAR = 1 << 40


class Rescale(NamedTuple):
    """A factor as an integer and a number of bits: multiplier / 2^shift."""

    multiplier: int
    shift: int

    @staticmethod
    def of(ratio: float) -> "Rescale":
        """The nearest to a ratio above zero; one of less than 2^-46 becomes 0, one above 2^30 - 1 becomes that."""
        ratio = min(ratio, _MOST_RATIO)
        exponent = frexp(ratio)[1]
        shift = min(_MANTISSA - exponent, _MOST_SHIFT)
        multiplier = round(ratio * 2.0**shift)
        if multiplier == 1 << _MANTISSA:  # rounded up to the next power of two
            return Rescale(multiplier >> 1, shift - 1)
        return Rescale(multiplier, shift)

    @property
    def factor(self) -> float:
        """What it multiplies by; an fp64 number exactly."""
        return self.multiplier * 2.0**-self.shift


def rescales(ratios: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Multipliers and shifts of many ratios: `Rescale.of` of each."""
    ratios = np.minimum(ratios, _MOST_RATIO)
    _, exponents = np.frexp(ratios)
    shifts = np.minimum(_MANTISSA - exponents, _MOST_SHIFT)
    multipliers = np.rint(np.ldexp(ratios, shifts)).astype(np.int64)
    rounded_up = multipliers == 1 << _MANTISSA
    return np.where(rounded_up, multipliers >> 1, multipliers).astype(np.int32), (shifts - rounded_up).astype(np.int32)


def shared_rescale(ratios: Sequence[float]) -> tuple[tuple[int, ...], int]:
    """Multipliers of several ratios below 2^29 with one shift, so that a sum of products is rounded once."""
    shift = min(_MANTISSA - 1 - frexp(max(ratios))[1], _MOST_SHIFT)
    return tuple(round(ratio * 2.0**shift) for ratio in ratios), shift


def rescaled(
    sums: Array,
    bias: npt.ArrayLike,
    multiplier: npt.ArrayLike,
    shift: npt.ArrayLike,
    offset: int,
    limits: Sequence[int],
    dtype: np.dtype[np.generic],
) -> Array:
    """Integer sums (of any dtype that holds them exactly) and a bias on the scale of a result of 8 or 16 bits.

    `bias`, `multiplier` and `shift` broadcast against the sums. The result is within `limits`.
    """
    if dtype.itemsize > 1:
        whole = sums.astype(np.int64) + np.asarray(bias, np.int64)
        return _limited(np.asarray(_shifted(whole, multiplier, shift)), offset, limits, dtype)

    def place(sums: Array, bias: Array, factor: Array, out: Array) -> None:
        np.add(sums, bias, out=out)
        out *= factor

    return in_blocks(place, (sums, np.asarray(bias), factors(multiplier, shift)), offset, limits, dtype)


def factors(multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What multipliers with their shifts multiply by, exactly."""
    return np.ldexp(np.asarray(multiplier, np.float64), -np.asarray(shift))


def in_blocks(
    place: Callable[..., None],
    operands: Sequence[Array],
    offset: int,
    limits: Sequence[int],
    dtype: np.dtype[np.generic],
) -> Array:
    """Exact places, rounded half up, moved by the offset, and limited.

    `place(*blocks, out)` computes those of blocks of the operands, which broadcast, in fp64; blocks fit a core's cache.
    """
    result = np.empty(np.broadcast_shapes(*(operand.shape for operand in operands)), dtype)
    if result.size == 0:
        return result
    reads: list[_Access] = [["readonly"]] * len(operands)
    blocks = np.nditer(
        [*operands, result],
        ["external_loop", "buffered"],
        [*reads, ["writeonly"]],
        op_dtypes=[np.dtype(np.float64)] * (len(operands) + 1),
        casting="unsafe",
        buffersize=_BLOCK,
    )
    low, high = limits
    # Of 8 bits the offset can be added at once: places that are in range stay exact.
    early = offset if dtype.itemsize == 1 else 0
    with blocks:
        for *parts, out in blocks:
            place(*parts, out)
            out += 0.5 + early
            np.floor(out, out=out)
            np.maximum(out, low - offset + early, out=out)
            np.minimum(out, high - offset + early, out=out)
            if early != offset:
                out += offset
    return result


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


def _limited(places: Array, offset: int, limits: Sequence[int], dtype: np.dtype[np.generic]) -> Array:
    low, high = limits
    np.clip(places, low - offset, high - offset, out=places)
    return np.add(places, offset, out=places).astype(dtype)
