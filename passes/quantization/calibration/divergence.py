"""How much a narrower range changes a distribution: Kullback-Leibler divergence of many windows of a histogram at once.

A window of bins stands for a range. Distribution P is what lies in it, with all that lies beyond moved to its ends. For
Q the window is cut into 255 groups of bins, one per integer, and what lies in a group is spread evenly over those of
its bins that are not empty. Both are smoothed: an empty bin gets 0.0001, and the others give that up in equal parts.
The divergence is the sum of P ln(P / Q), both divided by their totals.

No bin of a window is visited for that. Empty bins add nothing. In a group Q is one number, so P ln Q needs only the
group's counts, which are differences of running sums. P ln P is a sum of (h - e) ln(h - e) over counts h, less what
each gives up, e, which is another one in each window: as a series in e its coefficients are sums over h, differences of
running sums again. Bins at the ends of a window, where P has what was moved, are counted apart.

Source: `optimizeKL` of Glow, with one difference. There a window without values has divergence zero, so it is the best
of all, and everything saturates; nearly so one that has values in an end bin only, where P and Q agree. Here a window
with no values between its end bins has an infinite divergence.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from passes.quantization.histogram import Counts, Doubles

GROUPS = 255
"""Integers that a range is divided into; windows have at least so many bins."""

MOST_BINS = 1 << 13
"""So many bins at most: then what a bin gives up is less than one value."""

_SMALL = 1e-4
_ORDER = 8
"""Terms of the series, in powers of e / h. That is below a hundredth if one bin in a hundred has values."""

_BLOCK = 64
"""Windows whose groups are computed at a time: they fit a core's second-level cache."""

Grouping: TypeAlias = Callable[[Counts, Counts], Counts]
"""Where groups begin in windows, from the sizes of windows and the numbers of groups, which are broadcast."""


class _Sums(NamedTuple):
    """Running sums over bins: entry i is of the bins before i."""

    counts: Doubles
    filled: Doubles
    """Bins that are not empty."""
    series: list[Doubles]
    """Coefficients of the series of (h - e) ln(h - e)."""


class _Ends(NamedTuple):
    """The first or the last bins of windows."""

    counts: Doubles
    moved: Doubles
    """Their counts and those of all bins beyond: P before it is smoothed."""
    group: Doubles
    """What bins of their group that are not empty have in Q."""
    even: Doubles
    """What they themselves have in Q before it is smoothed."""


def divergences(counts: Counts, windows: Counts, grouping: Grouping, fills_ends: bool) -> Doubles:
    """The divergence of windows, given as first and last bin of each, shape (n, 2). The histogram has values.

    `fills_ends`: whether Q gives an empty bin at a window's end a part of its group's values if P moves some there.
    """
    assert counts.size <= MOST_BINS, "a bin would give up more than it has"
    sums = _running_sums(counts)
    total = sums.counts[-1]
    first, last = windows[:, 0], windows[:, 1]
    sizes = last - first + 1
    second_group, last_group = (first + grouping(sizes, np.array(group)) for group in (1, GROUPS - 1))
    ends = (
        _ends(sums, counts[first], sums.counts[first + 1], first, second_group, fills_ends),
        _ends(sums, counts[last], total - sums.counts[last], last_group, last + 1, fills_ends),
    )
    inside = sums.filled[last] - sums.filled[first + 1]
    p_gives = _given_up(sizes, inside + sum(end.moved > 0 for end in ends))
    q_gives = _given_up(sizes, inside + sum(end.even > 0 for end in ends))
    q_total = sums.counts[last + 1] - sums.counts[first]
    spread = sum(p_gives**m * (term[last] - term[first + 1]) for m, term in enumerate(sums.series))
    spread -= _of_groups(sums, windows, grouping, p_gives, q_gives)
    for end in ends:
        filled = end.counts > 0
        q_total += end.even - np.where(filled, end.group, 0.0)
        # The group's sum has the bin as if nothing were moved to it.
        spread += np.where(filled, (end.counts - p_gives) * np.log(np.where(filled, end.group - q_gives, 1.0)), 0.0)
        p = np.where(end.moved > 0, end.moved - p_gives, _SMALL)
        q = np.where(end.even > 0, end.even - q_gives, _SMALL)
        spread += p * np.log(p / q)
    usable = inside > 0
    return np.where(usable, spread / total + np.log(np.where(usable, q_total, total) / total), np.inf)


def _running_sums(counts: Counts) -> _Sums:
    filled = counts > 0
    h = np.maximum(counts, 1).astype(np.float64)
    terms = [h * np.log(h), -np.log(h) - 1, *(h ** (1 - m) / (m * (m - 1)) for m in range(2, _ORDER))]
    return _Sums(_before(counts), _before(filled), [_before(term * filled) for term in terms])


def _before(values: npt.NDArray[np.generic]) -> Doubles:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _ends(sums: _Sums, counts: Counts, moved: Doubles, begin: Counts, end: Counts, fills_ends: bool) -> _Ends:
    """Bins at ends of windows whose groups reach from `begin` to `end`."""
    even = (sums.counts[end] - sums.counts[begin]) / np.maximum(sums.filled[end] - sums.filled[begin], 1)
    return _Ends(counts.astype(np.float64), moved, even, np.where((moved if fills_ends else counts) > 0, even, 0.0))


def _given_up(bins: Counts, filled: Doubles) -> Doubles:
    """What each filled bin of windows gives up for the empty ones."""
    return _SMALL * (bins - filled) / np.maximum(filled, 1)


def _of_groups(sums: _Sums, windows: Counts, grouping: Grouping, p_gives: Doubles, q_gives: Doubles) -> Doubles:
    """For each window the sum of P ln Q over its bins that are not empty, as if nothing were moved to its ends."""
    products = np.empty(len(windows))
    for at in range(0, len(windows), _BLOCK):
        some = slice(at, at + _BLOCK)
        first, end = windows[some, :1], windows[some, 1:] + 1
        edges = np.concatenate([first + grouping(end - first, np.arange(GROUPS)), end], axis=1)
        counts, filled = (np.diff(before[edges]) for before in (sums.counts, sums.filled))
        even = counts / np.maximum(filled, 1.0) - q_gives[some, None]
        np.copyto(even, 1.0, where=filled == 0)
        products[some] = ((counts - filled * p_gives[some, None]) * np.log(even)).sum(axis=1)
    return products
