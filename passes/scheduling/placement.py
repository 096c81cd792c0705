"""Addresses for buffers: sizes and lifetimes in, offsets out.

Buffers are placed one by one into the lowest gap that is free for their whole life. The order decides how well that
goes, so several orders are tried, and the best result is improved by moving what lies on top to the front (as in the
hill climbing of Arm's Vela).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_EFFORT = 30_000
"""Buffers that may be placed again, in all, while improving an order."""


@dataclass(frozen=True)
class Life:
    """A buffer: bytes, and the first and last position (inclusive) at which it holds something."""

    size: int
    first: int
    last: int


def lower_bound(lives: Sequence[Life]) -> int:
    """Largest sum of sizes that are live at once; no placement can end below it."""
    if not lives:
        return 0
    change = np.zeros(max(life.last for life in lives) + 2, np.int64)
    for life in lives:
        change[life.first] += life.size
        change[life.last + 1] -= life.size
    return int(change.cumsum().max())


def place(lives: Sequence[Life], capacity: int, alignment: int, *, search: bool = True) -> tuple[list[int], int]:
    """An offset per buffer and the end of the highest; the end exceeds `capacity` when nothing found fits.

    Without `search` only the fixed orders are tried.
    """
    sized = [Life(-(-life.size // alignment) * alignment, life.first, life.last) for life in lives]
    goal = max(capacity, lower_bound(sized))
    orders: list[Callable[[int], tuple[int, ...]]] = [
        lambda n: (-sized[n].size, sized[n].first),
        lambda n: (-(sized[n].last - sized[n].first + 1) * sized[n].size, sized[n].first),
        lambda n: (-(sized[n].last - sized[n].first), -sized[n].size),
        lambda n: (sized[n].first, -sized[n].size),
    ]
    best: tuple[list[int], int] | None = None
    best_order: list[int] = []
    for key in orders:
        order = sorted(range(len(sized)), key=key)
        placed = _first_fit(sized, order)
        if best is None or placed[1] < best[1]:
            best, best_order = placed, order
        if best[1] <= goal:
            return best
    best = best or ([], 0)
    return _improved(sized, best_order, best, goal) if search else best


def _improved(lives: Sequence[Life], order: list[int], best: tuple[list[int], int], goal: int) -> tuple[list[int], int]:
    """Moves the buffer that ends highest before one that it shares time with, keeps what is no worse, until it ends at
    `goal`.

    The choice is drawn from a fixed seed: the same buffers always get the same addresses.
    """
    draw = np.random.default_rng(0)
    current, end = order, best[1]
    for _ in range(_EFFORT // len(lives)):
        if best[1] <= goal:
            break
        offsets = best[0] if current is order else _first_fit(lives, current)[0]
        top = max(range(len(lives)), key=lambda n: offsets[n] + lives[n].size)
        rivals = [at for at, n in enumerate(current[: current.index(top)]) if _meet(lives[n], lives[top])]
        if not rivals:
            break
        trial = [n for n in current if n != top]
        trial.insert(rivals[int(draw.integers(len(rivals)))], top)
        placed = _first_fit(lives, trial)
        if placed[1] <= end:
            current, end = trial, placed[1]
            best = min(best, placed, key=lambda result: result[1])
    return best


def _meet(a: Life, b: Life) -> bool:
    return a.first <= b.last and b.first <= a.last


def _first_fit(lives: Sequence[Life], order: Sequence[int]) -> tuple[list[int], int]:
    """Places in that order, each at the lowest offset where nothing placed before is in the way."""
    count = len(lives)
    first = np.array([life.first for life in lives], np.int64)
    last = np.array([life.last for life in lives], np.int64)
    sizes = np.array([life.size for life in lives], np.int64)
    offsets = np.full(count, -1, np.int64)
    for n in order:
        others = np.flatnonzero((offsets >= 0) & (first <= last[n]) & (last >= first[n]))
        starts = offsets[others]
        by_start = np.argsort(starts, kind="stable")
        begins, ends = starts[by_start], np.maximum.accumulate((starts + sizes[others])[by_start])
        floor = np.concatenate([np.zeros(1, np.int64), ends])
        gaps = np.concatenate([begins, [np.iinfo(np.int64).max]]) - floor
        offsets[n] = floor[int(np.argmax(gaps >= sizes[n]))]
    end = int((offsets + sizes).max()) if count else 0
    return [int(offset) for offset in offsets], end
