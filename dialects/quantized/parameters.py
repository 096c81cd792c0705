"""What integers mean: x = scale * (q - offset), and the way from numbers to integers and back.

Scales are fp32 numbers, offsets integers of the storage type. Both may be arrays that broadcast against the values, one
number per channel. Source: Glow's quantization, `x = scale * (q - offset)` with signed q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Integers: TypeAlias = npt.NDArray[np.signedinteger]

LIMITS: Mapping[int, tuple[int, int]] = {
    8: (-128, 127),
    16: (-32768, 32767),
    # Narrower than 32 bits hold, so that a bias less its offset never overflows.
    32: (-(1 << 29), (1 << 29) - 1),
}
"""Least and greatest integer that quantization uses, by bits of the storage type."""

_STORED: Mapping[int, np.dtype[np.signedinteger]] = {bits: np.dtype(f"int{bits}") for bits in LIMITS}


@dataclass(frozen=True)
class Parameters:
    """Scale and offset of a tensor: x = scale * (q - offset)."""

    scale: float
    """An fp32 number above zero."""
    offset: int


def quantized(
    values: npt.NDArray[np.floating], scale: Floats | float, offset: npt.ArrayLike, bits: int
) -> npt.NDArray[np.signedinteger]:
    """The integers nearest to values: clip(rint(x / scale + offset)), in fp32, ties to even, offset added first.

    NaN becomes the offset; infinities saturate.
    """
    low, high = LIMITS[bits]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        places = np.asarray(values.astype(np.float32, copy=False) / np.asarray(scale, np.float32))
        places += np.asarray(offset, np.float32)
    np.rint(places, out=places)
    np.copyto(places, np.asarray(offset, np.float32), where=np.isnan(places))
    # In fp32 the greatest integer of 32 bits rounds up: clip in fp64.
    return np.clip(places.astype(np.float64) if bits == 32 else places, low, high).astype(_STORED[bits])


def dequantized(integers: Integers, scale: Floats | float, offset: npt.ArrayLike) -> Floats:
    """The numbers that integers mean, in fp32."""
    centred = integers.astype(np.int64) - np.asarray(offset, np.int64)
    return centred.astype(np.float32) * np.asarray(scale, np.float32)
