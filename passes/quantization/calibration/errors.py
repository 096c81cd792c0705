"""Errors of quantized values, summed over a histogram for many parameters at once."""

import numpy as np

from dialects.quantized.parameters import LIMITS
from passes.quantization.histogram import Doubles, Histogram
from passes.quantization.schemas import Schema, choose_channel_parameters

_SAME = 1e-9
"""Costs that differ by less than this fraction are the same: on another machine they may come in another order."""

_BLOCK = 1 << 14
"""Errors that are computed at a time: they fit a core's second-level cache."""


def first_least(costs: Doubles) -> int:
    """Place of the first of the least costs, none of which is below zero."""
    return int(np.argmax(costs <= costs.min() * (1 + _SAME)))


def squared_errors(
    histogram: Histogram, lows: Doubles, highs: Doubles, schema: Schema, bits: int, saturation: float
) -> Doubles:
    """For each range from `lows` to `highs` the sum of squared errors of values, quantized with the parameters that the
    schema makes of it; of values that saturate, times `saturation`. The histogram has different values.

    The values of a bin are taken to lie evenly spread in it. The middle of the bin could stand for them only if bins
    were much narrower than the steps between integers.
    """
    least, greatest = LIMITS[bits]
    scales, offsets = choose_channel_parameters(lows, highs, schema, bits)
    steps = scales.astype(np.float64)[:, None]
    lowest, highest = ((end - offsets.astype(np.float64))[:, None] for end in (least, greatest))
    edges, errors = histogram.edges, np.empty(lows.size)
    # A sum over bins of count times difference of integrals at its edges, as a sum over edges.
    drops = -np.diff(histogram.counts.astype(np.float64), prepend=0.0, append=0.0)
    rows = max(1, _BLOCK // edges.size)
    for at in range(0, lows.size, rows):
        some = slice(at, at + rows)
        integrals = _integrals(edges / steps[some], lowest[some], highest[some], saturation)
        errors[some] = (integrals * drops).sum(axis=1)
    return np.maximum(errors, 0.0) * steps[:, 0] ** 3 / histogram.width


def _integrals(places: Doubles, lowest: Doubles, highest: Doubles, saturation: float) -> Doubles:
    """The integral from zero of the squared distance to the nearest whole number from `lowest` to `highest`.

    From half to half it grows by 1/12. What is farther than a half saturates.
    """
    nearest = np.minimum(np.maximum(np.rint(places), lowest), highest)
    rest = places - nearest
    cubes = rest * rest * rest
    if saturation != 1:
        within = np.minimum(np.maximum(rest, -0.5), 0.5)
        cubes = saturation * cubes + (1 - saturation) * within * within * within
    return nearest / 12 + cubes / 3
