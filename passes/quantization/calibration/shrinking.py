"""Ranges that shrink bin by bin, and the one of them that diverges least: what both KL minimizations share.

A range that must stay symmetric loses a bin at each end. Another one loses two bins: two at one end, or one at each,
whichever have the fewest values. The last one has as many bins as there are integers.
"""

from dataclasses import dataclass

import numpy as np

from passes.quantization.calibration.divergence import GROUPS, MOST_BINS, Grouping, divergences
from passes.quantization.calibration.errors import first_least
from passes.quantization.histogram import Counts, Histogram
from passes.quantization.schemas import Schema, schema_range

_NOISE = 1e-12
"""Divergences below this are zero but for rounding."""


@dataclass(frozen=True)
class Minimization:
    """What differs between the two."""

    grouping: Grouping
    """Which bins of a window become one integer."""
    fills_ends: bool
    """Whether Q has values in an empty bin at a window's end to which P has moved some."""
    keeps_zero: bool
    """Whether a range that would lose zero at one end shrinks at the other."""

    def best_range(self, histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float]:
        """The range that diverges least, the widest of equals. With fewer bins than integers it is the whole range.

        The histogram has different values. What its schema adds to the range is added before it shrinks.
        """
        low, high = schema_range(histogram.low, histogram.high, schema, bits)
        if histogram.counts.size < GROUPS:
            return low, high
        known = histogram.without_zeros().rebinned(low, high, min(histogram.counts.size, MOST_BINS))
        symmetric = schema is not Schema.ASYMMETRIC and low < 0
        windows = symmetric_windows(known.counts.size) if symmetric else self._asymmetric_windows(known)
        costs = divergences(known.counts, windows, self.grouping, self.fills_ends)
        first, last = windows[first_least(np.maximum(costs, _NOISE))].tolist()
        begin, end = low + first * known.width, high - (known.counts.size - 1 - last) * known.width
        if not symmetric:
            return begin, end
        # Zero stays where it is only if both ends shrink by the same factor.
        factor = max(begin / low, end / high)
        return factor * low, factor * high

    def _asymmetric_windows(self, histogram: Histogram) -> Counts:
        return asymmetric_windows(histogram.counts, -histogram.low / histogram.width if self.keeps_zero else None)


def symmetric_windows(bins: int) -> Counts:
    """First and last bin of ranges that lose a bin at each end, shape (n, 2)."""
    lost = np.arange((bins - GROUPS) // 2 + 1)
    return np.stack([lost, bins - 1 - lost], axis=1)


def asymmetric_windows(counts: Counts, zero: float | None) -> Counts:
    """First and last bin of ranges that lose the two bins with the fewest values, shape (n, 2).

    Among equals one at each end comes first, then two at the left. `zero`: its distance from the histogram's begin, in
    bins, if ranges must keep it.
    """
    each = counts.tolist()
    first, last = 0, len(each) - 1
    windows: list[tuple[int, int]] = []
    while last - first + 1 >= GROUPS:
        windows.append((first, last))
        losses = (each[first] + each[last], each[first] + each[first + 1], each[last] + each[last - 1])
        from_left = (1, 2, 0)[losses.index(min(losses))]
        if zero is not None and from_left and first + from_left > zero:
            from_left = 0
        elif zero is not None and from_left < 2 and last + 1 - (2 - from_left) < zero:
            from_left = 2
        first, last = first + from_left, last - (2 - from_left)
    return np.array(windows)
