"""The range with the highest ratio of signal to quantization noise, in which saturation weighs three times.

Candidates are fractions of the step that covers all values, with zero at some of the integers. That is the rule of
AIMET's `TfEnhancedEncodingAnalyzer`, with these differences: what is tried of one step does not depend on what was
tried of it before; ranges may be narrower than 0.01; values count as spread in their bin (see `errors.py`); and the
histogram grows, where AIMET forgets what lies far from its first batch. Among equals the widest range is taken.
"""

import numpy as np

from dialects.quantized.parameters import LIMITS
from passes.quantization.calibration.errors import first_least, squared_errors
from passes.quantization.histogram import Doubles, Histogram
from passes.quantization.schemas import Schema

_SATURATION = 3.0
"""How much worse saturation is than rounding."""

_STEPS_WITH_OFFSET, _OFFSETS = 16, 20
"""Into how many parts the step that covers all values is cut, and the integers, to place zero."""

_STEPS = 100
"""The former where the offset is given."""


def sqnr_range(histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float]:
    """The range of the least noise in so many bits. The histogram has different values."""
    lows, highs = candidates(min(histogram.low, 0.0), max(histogram.high, 0.0), schema, bits)
    costs = squared_errors(histogram.without_zeros(), lows, highs, schema, bits, _SATURATION)
    best = first_least(costs)
    return float(lows[best]), float(highs[best])


def candidates(low: float, high: float, schema: Schema, bits: int) -> tuple[Doubles, Doubles]:
    """Lows and highs of the ranges that are tried for values from `low` to `high`, by falling steps."""
    least, greatest = LIMITS[bits]
    if schema is Schema.ASYMMETRIC:
        return _with_offsets(low, high, greatest - least)
    fractions = np.arange(_STEPS + 1, 0, -1) / _STEPS
    if schema is Schema.SYMMETRIC_WITH_UINT8 and low == 0:
        return np.zeros_like(fractions), np.minimum(fractions * high, high)
    steps = fractions * (2 * max(high, -low) / (greatest - least))
    return np.maximum(steps * least, low), np.minimum(steps * greatest, high)


def _with_offsets(low: float, high: float, count: int) -> tuple[Doubles, Doubles]:
    step = (high - low) / count
    low = step * round(low / step)
    high = low + step * count
    steps = step * np.arange(_STEPS_WITH_OFFSET + 1, 0, -1)[:, None] / _STEPS_WITH_OFFSET
    lows = steps * np.trunc(count * (np.arange(_OFFSETS + 1) / _OFFSETS - 1))
    highs = lows + steps * count
    lows, highs = np.maximum(lows, low), np.minimum(highs, high)
    useful = lows < highs
    return np.append(low, lows[useful]), np.append(high, highs[useful])
