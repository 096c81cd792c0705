"""The range with which quantized values differ least from what they were, in the mean of squares.

Candidates are ranges with zero in them that begin and end at edges of bins; each is tried with the parameters that the
schema makes of it. That is the rule of AIMET's `MseEncodingAnalyzer`, with three differences. It tries all pairs of
edges; here a thinned grid of them is tried, and then finer ones around the best. It cuts values off where the range
ends; here where the integers end, as the card does. And it takes the middle of a bin for its values (see `errors.py`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dialects.quantized.parameters import LIMITS
from passes.quantization.calibration.errors import first_least, squared_errors
from passes.quantization.histogram import Doubles, Histogram
from passes.quantization.schemas import Schema

_MOST_BINS = 1024
"""Histograms with more bins are made coarser."""

_POINTS = {1: 256, 2: 20}
"""Places tried at a time for each end of the range that is free, by how many are."""


class _Family(NamedTuple):
    """Ranges in two dimensions, along each from the widest to the narrowest."""

    lows: Doubles
    highs: Doubles


def mse_range(histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float]:
    """The range of the least squared error in so many bits. The histogram has different values.

    With offset zero, it may reach beyond them on one side.
    """
    known = histogram.without_zeros()
    if known.counts.size > _MOST_BINS:
        known = known.rebinned(known.low, known.high, _MOST_BINS)
    found = [_best(family, known, schema, bits) for family in _families(histogram.edges, schema, bits)]
    best = first_least(np.array([cost for cost, _, _ in found]))
    return found[best][1:]


def _families(edges: Doubles, schema: Schema, bits: int) -> Iterator[_Family]:
    lows, highs = np.append(edges[edges < 0], 0.0), np.append(edges[edges > 0][::-1], 0.0)
    if schema is Schema.ASYMMETRIC:
        yield _Family(*np.broadcast_arrays(lows[:, None], highs))
        return
    if schema is Schema.SYMMETRIC_WITH_UINT8:
        yield _Family(*np.broadcast_arrays(np.zeros((1, 1)), highs))
        if lows.size == 1:
            return
    # With offset zero, one end follows from the other.
    least, greatest = LIMITS[bits]
    yield _Family(highs[:, None] * (least / greatest), highs[:, None])
    yield _Family(lows[:, None], lows[:, None] * (greatest / least))


def _best(family: _Family, histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float, float]:
    """The least cost of a family, and the low and high of its range."""
    points = _POINTS[max(1, sum(size > 1 for size in family.lows.shape))]
    axes = [np.arange(size) for size in family.lows.shape]
    while True:
        some = [_thinned(axis, points) for axis in axes]
        lows, highs = (ends[np.ix_(*some)] for ends in family)
        costs = squared_errors(histogram, lows.ravel(), highs.ravel(), schema, bits, saturation=1.0)
        # A range of nothing but zero would get the scale of zeros.
        costs[(lows == highs).ravel()] = np.inf
        best = first_least(costs)
        if all(axis.size == each.size for axis, each in zip(axes, some, strict=True)):
            return float(costs[best]), float(lows.flat[best]), float(highs.flat[best])
        places = np.unravel_index(best, lows.shape)
        axes = [_around(each, int(place)) for each, place in zip(some, places, strict=True)]


def _thinned(axis: npt.NDArray[np.intp], points: int) -> npt.NDArray[np.intp]:
    """So many of the places on an axis, the first and the last among them."""
    if axis.size <= points:
        return axis
    return axis[np.linspace(0, axis.size - 1, points).astype(np.intp)]


def _around(some: npt.NDArray[np.intp], place: int) -> npt.NDArray[np.intp]:
    """All places between the neighbours of one."""
    return np.arange(some[max(place - 1, 0)], some[min(place + 1, some.size - 1)] + 1)
