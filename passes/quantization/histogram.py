"""Histograms of the values that a tensor takes, which calibration chooses ranges from.

The range is that of all values seen and grows with them, as in Glow's profiles. When it changes, counts move to new
bins as if values were spread evenly within their bin: of a bin that comes to lie in two, the first gets its share,
rounded, and the second the rest. So counts stay whole, and none is lost while the range grows.
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.errors import AicError
from dialects.quantized.parameters import Floats

Counts: TypeAlias = npt.NDArray[np.int64]
Doubles: TypeAlias = npt.NDArray[np.float64]

_BLOCK = 1 << 15
"""Values that are counted at a time: they and what is computed of them fit a core's second-level cache."""

_SPANS_OF_FP32 = (1e-30, float(np.finfo(np.float32).max))
"""Ranges so wide are divided into bins in fp32; others need fp64."""


@dataclass(eq=False)
class Histogram:
    """Counts of values in bins of the same width from `low` to `high`, the least and the greatest value.

    A value on the edge of two bins is counted in the upper one, `high` in the last one, up to rounding in fp32. If all
    values are the same, the first bin has them all. Without values, both ends are zero.
    """

    low: float
    high: float
    counts: Counts

    @classmethod
    def empty(cls, bins: int) -> Self:
        """A histogram of no values."""
        return cls(0.0, 0.0, np.zeros(bins, np.int64))

    @property
    def total(self) -> int:
        """Values counted."""
        return int(self.counts.sum())

    @property
    def edges(self) -> Doubles:
        """Where bins begin, and where the last one ends."""
        return np.linspace(self.low, self.high, self.counts.size + 1)

    @property
    def width(self) -> float:
        """Width of a bin."""
        return (self.high - self.low) / self.counts.size

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Count the values of a batch, in fp32. How earlier batches lie in the bins depends on their order.

        Raises AicError, and counts nothing, if some value is NaN or infinite.
        """
        if not values.size:
            return
        flat, weights = _distinct(values) if values.dtype == np.float16 else (_in_fp32(values), None)
        low, high = _finite_range(flat)
        if self.total:
            low, high = min(low, self.low), max(high, self.high)
        bins = self.counts.size
        new = _binned(flat, low, high, bins) if weights is None else _weighed(flat, weights, low, high, bins)
        self.counts = self._counts_over(low, high) + new
        self.low, self.high = low, high

    def rebinned(self, low: float, high: float, bins: int | None = None) -> Self:
        """The counts in bins from `low` to `high`, as many as there are now or `bins`. What lies outside is dropped."""
        edges = np.linspace(low, high, (bins or self.counts.size) + 1)
        return type(self)(low, high, np.diff(self._counts_below(edges)))

    def without_zeros(self) -> Self:
        """The histogram without the zeros of a ReLU: where it begins or ends at zero, the bin there has at most as many
        values as the next one. If it had all, it keeps them.

        Zero is exact whatever the parameters. As values that lie anywhere in a bin, half of all would weigh too much.
        """
        counts = self.counts.copy()
        if self.low == 0:
            counts[0] = counts[:2].min()
        elif self.high == 0:
            counts[-1] = counts[-2:].min()
        return type(self)(self.low, self.high, counts) if counts.any() else self

    def _counts_over(self, low: float, high: float) -> Counts:
        """The counts in as many bins over a range that holds this one's."""
        if (low, high) == (self.low, self.high) or not self.total:
            return self.counts
        return self.rebinned(low, high).counts

    def _counts_below(self, edges: Doubles) -> Counts:
        """How many values lie below each of rising numbers; of `high`, below or at the last one."""
        if self.low == self.high:
            below = edges > self.low
            below[-1] = edges[-1] >= self.low
            return below * self.total
        before = np.concatenate([[0], np.cumsum(self.counts)])
        places = np.clip((edges - self.low) / self.width, 0, self.counts.size)
        bins = np.minimum(places.astype(np.int64), self.counts.size - 1)
        return before[bins] + np.floor((places - bins) * self.counts[bins] + 0.5).astype(np.int64)


def _in_fp32(values: npt.NDArray[np.floating]) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False).ravel(order="K")


def _distinct(values: npt.NDArray[np.float16]) -> tuple[Floats, Counts]:
    """The different values of an fp16 array, and how often each occurs: faster than converting all of them."""
    bits = values.ravel(order="K").view(np.uint16)
    tally = np.zeros(1 << 16, np.int64)
    for at in range(0, bits.size, 8 * _BLOCK):
        tally += np.bincount(bits[at : at + 8 * _BLOCK], minlength=tally.size)
    found = np.flatnonzero(tally)
    return found.astype(np.uint16).view(np.float16).astype(np.float32), tally[found]


def _finite_range(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if np.isnan(low):
        raise AicError("some values are NaN, and a profile must be of finite numbers")
    if np.isinf(low) or np.isinf(high):
        raise AicError("some values are infinite in fp32, and a profile must be of finite numbers")
    return low, high


def _binned(values: Floats, low: float, high: float, bins: int) -> Counts:
    """How many values from `low` to `high` lie in each bin."""
    if low == high:
        return _first(values.size, bins)
    start, factor = _division(low, high, bins)
    size = min(values.size, _BLOCK)
    scaled, narrow, wide = np.empty(size, start.dtype), np.empty(size, np.int32), np.empty(size, np.intp)
    counts = np.zeros(bins + 1, np.int64)
    for at in range(0, values.size, _BLOCK):
        block = values[at : at + _BLOCK]
        part = slice(block.size)
        np.subtract(block, start, out=scaled[part])
        np.multiply(scaled[part], factor, out=scaled[part])
        # Two conversions are twice as fast as the one to 64 bits.
        np.copyto(narrow[part], scaled[part], casting="unsafe")
        np.copyto(wide[part], narrow[part])
        counts += np.bincount(wide[part], minlength=counts.size)
    return _with_high(counts)


def _weighed(values: Floats, weights: Counts, low: float, high: float, bins: int) -> Counts:
    """As `_binned`, each value counted so often."""
    if low == high:
        return _first(int(weights.sum()), bins)
    start, factor = _division(low, high, bins)
    counts = np.zeros(bins + 1, np.int64)
    np.add.at(counts, ((values - start) * factor).astype(np.intp), weights)
    return _with_high(counts)


def _division(low: float, high: float, bins: int) -> tuple[np.floating, np.floating]:
    """What to take off a value, and what to multiply it by, to get its bin."""
    fits = _SPANS_OF_FP32[0] <= high - low <= _SPANS_OF_FP32[1]
    number = np.float32 if fits else np.float64
    return number(low), number(bins / (high - low))


def _first(total: int, bins: int) -> Counts:
    counts = np.zeros(bins, np.int64)
    counts[0] = total
    return counts


def _with_high(counts: Counts) -> Counts:
    """Counts in which the last bin has what is beyond it: the greatest value, and what rounding made as large."""
    counts[-2] += counts[-1]
    return counts[:-1]
