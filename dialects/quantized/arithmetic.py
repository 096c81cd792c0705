"""Factors of requantization: how a ratio of scales becomes a multiplier of 31 bits and a shift.

y = ((x * multiplier + 2^(shift - 1)) >> shift) + offset, then limited: rounding half up, as if with integers of any
width (`quantized.rescaling`).
"""

from collections.abc import Sequence
from math import frexp
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_MANTISSA = 31
MOST_SHIFT = 45
"""With larger ones the products of results that are in range would not be exact in fp64."""
_MOST_RATIO = float((1 << 30) - 1)
"""Already with this one any sum but 0 is far beyond the limits of a result; the shift of a larger one would be none."""


class Rescale(NamedTuple):
    """A factor as an integer and a number of bits: multiplier / 2^shift."""

    multiplier: int
    shift: int

    @staticmethod
    def of(ratio: float) -> "Rescale":
        """The nearest to a ratio above zero; one of less than 2^-46 becomes 0, one above 2^30 - 1 becomes that."""
        ratio = min(ratio, _MOST_RATIO)
        exponent = frexp(ratio)[1]
        shift = min(_MANTISSA - exponent, MOST_SHIFT)
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
    shifts = np.minimum(_MANTISSA - exponents, MOST_SHIFT)
    multipliers = np.rint(np.ldexp(ratios, shifts)).astype(np.int64)
    rounded_up = multipliers == 1 << _MANTISSA
    return np.where(rounded_up, multipliers >> 1, multipliers).astype(np.int32), (shifts - rounded_up).astype(np.int32)


def shared_rescale(ratios: Sequence[float]) -> tuple[tuple[int, ...], int]:
    """Multipliers of several ratios below 2^29 with one shift, so that a sum of products is rounded once."""
    shift = min(_MANTISSA - 1 - frexp(max(ratios))[1], MOST_SHIFT)
    return tuple(round(ratio * 2.0**shift) for ratio in ratios), shift


def factors(multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What multipliers with their shifts multiply by, exactly."""
    return np.ldexp(np.asarray(multiplier, np.float64), -np.asarray(shift))
