"""Scale and offset from the range of a tensor's values, in four schemas.

Zero is always one of the numbers that integers stand for. The rules, and which steps are in fp32 and which in fp64, are
those of Glow (`chooseQuantizationParams`), with two differences for ranges so small that fp32 hardly tells them from
zero: an offset is not made zero where this would cut the range, and a scale is at least the least normal fp32 number.
"""

from enum import Enum

import numpy as np
import numpy.typing as npt

from dialects.quantized.parameters import LIMITS, Floats, Parameters

_SCALE_OF_ZERO = 0.1
"""Scale of a tensor that is zero everywhere."""

_FINITE = float(np.finfo(np.float32).max)
_CENTRED = float(np.finfo(np.float32).eps)
"""Ends of a range whose sum is not farther from zero than this are at the same distance from zero."""

LEAST_SCALE = float(np.finfo(np.float32).tiny)
"""Scales below this would lose digits in fp32, or be zero."""


class Schema(Enum):
    """How a range of numbers is laid over the integers of a type. The values are those of the options."""

    ASYMMETRIC = "asymmetric"
    """All integers cover the range as it is."""
    SYMMETRIC = "symmetric"
    """Offset zero: the range grows on one side."""
    SYMMETRIC_WITH_UINT8 = "symmetric_with_uint8"
    """Without negative numbers, offset least integer, as an unsigned type would; otherwise symmetric."""
    SYMMETRIC_WITH_POWER2_SCALE = "symmetric_with_power2_scale"
    """Symmetric, and the scale is raised to a power of two."""


def schema_range(low: float, high: float, schema: Schema, bits: int) -> tuple[float, float]:
    """The range from `low` to `high` with what its schema adds: zero, and for offset zero as many steps on both sides
    as there are integers. Both ends are finite fp32 numbers.
    """
    lows, highs = _schema_ranges(np.array([low]), np.array([high]), schema, bits)
    return float(lows[0]), float(highs[0])


def choose_parameters(low: float, high: float, schema: Schema, bits: int) -> Parameters:
    """Scale and offset for values from `low` to `high` in integers of so many bits."""
    scales, offsets = choose_channel_parameters(np.array([low]), np.array([high]), schema, bits)
    return Parameters(float(scales[0]), int(offsets[0]))


def choose_channel_parameters(
    lows: npt.NDArray[np.floating], highs: npt.NDArray[np.floating], schema: Schema, bits: int
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Scales and offsets for many ranges at once, one per channel: each as `choose_parameters` gives it."""
    least, greatest = LIMITS[bits]
    low, high = (ends.astype(np.float64) for ends in _schema_ranges(lows, highs, schema, bits))
    scales = (high - low) / (greatest - least)
    scales = np.where(scales == 0, _SCALE_OF_ZERO, scales)
    offsets = _offsets(low, high, scales, bits)
    if schema is Schema.SYMMETRIC_WITH_POWER2_SCALE:
        scales = _power_of_two(scales)
    return np.maximum(scales, LEAST_SCALE).astype(np.float32), offsets.astype(np.int32)


def _schema_ranges(
    lows: npt.NDArray[np.floating], highs: npt.NDArray[np.floating], schema: Schema, bits: int
) -> tuple[Floats, Floats]:
    assert np.all(lows <= highs), "a range ends before it begins, or an end is NaN"
    least, greatest = LIMITS[bits]
    # What is out of reach of fp32 is infinite until it is cut to finite numbers.
    with np.errstate(over="ignore"):
        low = np.minimum(lows.astype(np.float32), np.float32(0))
        high = np.maximum(highs.astype(np.float32), np.float32(0))
        if schema is not Schema.ASYMMETRIC:
            below, above = low.astype(np.float64) / least, high.astype(np.float64) / greatest
            grows = (low < 0) | (schema is not Schema.SYMMETRIC_WITH_UINT8)
            low = np.where(grows & (below <= above), above * least, low).astype(np.float32)
            high = np.where(grows & (below > above), below * greatest, high).astype(np.float32)
    return np.maximum(low, np.float32(-_FINITE)), np.minimum(high, np.float32(_FINITE))


def _offsets(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], scales: npt.NDArray[np.float64], bits: int
) -> npt.NDArray[np.float64]:
    """The integers that stand for zero."""
    least, greatest = LIMITS[bits]
    below, above = low / scales, high / scales
    # Either end gives the offset; the one with the smaller terms gives it with the smaller error.
    places = np.where(abs(least) - below < greatest + above, least - below, greatest - above)
    centred = np.abs((high + low).astype(np.float32)) <= _CENTRED
    covers = (below >= least - 1) & (above <= greatest + 1)
    places = np.where(centred & covers, 0.0, places)
    return np.clip(_nearest(places), least, greatest)


def _nearest(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The nearest whole numbers, halves away from zero."""
    whole = np.trunc(places)
    return whole + np.copysign(np.abs(places - whole) >= 0.5, places)


def _power_of_two(scales: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The least powers of two that are not smaller."""
    fractions, exponents = np.frexp(scales)
    return np.ldexp(1.0, exponents - (fractions == 0.5))
