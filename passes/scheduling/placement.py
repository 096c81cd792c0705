"""Addresses for buffers: sizes and lifetimes in, offsets out.

Buffers are placed one by one into the lowest gap that is free for their whole life, in a few fixed orders. Where that
takes more than there is, or much more than what is live at once, a search packs them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from passes.scheduling.packing import Box, pack

TOLERANCE = 0.05
"""Share above the lower bound at which a placement is good enough."""

_PROBE, _POLISH, _SEARCH = 1500, 9000, 12000
"""Bounds on the tries of searches: times the buffers, to see whether they fit, to come nearer to the bound, and to fit
at all. The last takes a second or two where there is no placement.
"""

_FEWEST = 3
"""Tries of each search for however many buffers."""


@dataclass(frozen=True)
class Life:
    """A buffer: bytes, and the first and last position (inclusive) at which it holds something."""

    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Placement:
    """An offset per buffer, the end of the highest, and the least end that any placement could have, all in bytes."""

    offsets: list[int]
    end: int
    bound: int

    @property
    def gap(self) -> float:
        """Share by which the end exceeds the bound."""
        return self.end / self.bound - 1 if self.bound else 0.0


def live_bytes(lives: Sequence[Life]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Sum of the sizes that are live at each position, from 0 to the last."""
    change = np.zeros(max((life.last for life in lives), default=-1) + 2, np.int64)
    for life in lives:
        change[life.first] += life.size
        change[life.last + 1] -= life.size
    return change.cumsum()[:-1]


def lower_bound(lives: Sequence[Life]) -> int:
    """Largest sum of sizes that are live at once; no placement can end below it."""
    return int(live_bytes(lives).max(initial=0))


def place(lives: Sequence[Life], capacity: int, alignment: int) -> Placement:
    """Offsets for buffers; the end exceeds `capacity` when no placement that fits was found.

    It is within `TOLERANCE` of the bound where a short search finds such a placement.
    """
    sized, bound, goal = _task(lives, capacity, alignment)
    best = _in_fixed_orders(sized, goal)
    if best[1] > goal and bound <= capacity:
        best = _packed(sized, goal, capacity, best)
    return Placement(*best, bound)


def fits(lives: Sequence[Life], capacity: int, alignment: int, *, tightly: bool = False) -> bool:
    """Whether a short search finds places for all buffers, `tightly`: within `TOLERANCE` of the bound. Then `place`
    finds such places, too.
    """
    sized, bound, goal = _task(lives, capacity, alignment)
    if bound > capacity:
        return False
    ceiling = goal if tightly else capacity
    _, end = _in_fixed_orders(sized, ceiling)
    return end <= ceiling or _pack(_boxes(sized), ceiling, _PROBE) is not None


def _task(lives: Sequence[Life], capacity: int, alignment: int) -> tuple[list[Life], int, int]:
    """Buffers of whole units, the least possible end, and an end that is good enough."""
    sized = [Life(-(-life.size // alignment) * alignment, life.first, life.last) for life in lives]
    bound = lower_bound(sized)
    return sized, bound, max(bound, min(capacity, int(bound * (1 + TOLERANCE)) // alignment * alignment))


def _in_fixed_orders(lives: Sequence[Life], goal: int) -> tuple[list[int], int]:
    """The best of first fit in a few orders, or the first that ends at `goal` or below: offsets and end."""
    meeting = _meeting(lives)
    best: tuple[list[int], int] | None = None
    for order in _orders(lives):
        offsets = _first_fit(lives, order, meeting)
        end = _end(lives, offsets)
        if best is None or end < best[1]:
            best = offsets, end
        if end <= goal:
            break
    return best or ([], 0)


def _orders(lives: Sequence[Life]) -> Iterator[list[int]]:
    """Largest first, largest area first, longest life first, earliest first."""
    numbers, length = range(len(lives)), [life.last - life.first + 1 for life in lives]
    yield sorted(numbers, key=lambda n: (-lives[n].size, lives[n].first))
    yield sorted(numbers, key=lambda n: (-length[n] * lives[n].size, lives[n].first))
    yield sorted(numbers, key=lambda n: (-length[n], -lives[n].size))
    yield sorted(numbers, key=lambda n: (lives[n].first, -lives[n].size))


def _meeting(lives: Sequence[Life]) -> list[list[int]]:
    """For each buffer those whose lives overlap with its own."""
    meeting: list[list[int]] = [[] for _ in lives]
    live: list[int] = []
    for n in sorted(range(len(lives)), key=lambda n: lives[n].first):
        live = [other for other in live if lives[other].last >= lives[n].first]
        meeting[n] += live
        for other in live:
            meeting[other].append(n)
        live.append(n)
    return meeting


def _first_fit(lives: Sequence[Life], order: Iterable[int], meeting: Sequence[Sequence[int]]) -> list[int]:
    """Places in that order, each at the lowest offset where nothing placed before is in the way."""
    offsets = [-1] * len(lives)
    for n in order:
        size, low = lives[n].size, 0
        for offset, other in sorted([(offsets[other], other) for other in meeting[n] if offsets[other] >= 0]):
            if offset - low >= size:
                break
            low = max(low, offset + lives[other].size)
        offsets[n] = low
    return offsets


def _end(lives: Sequence[Life], offsets: Sequence[int]) -> int:
    return max((offset + life.size for offset, life in zip(offsets, lives, strict=True)), default=0)


def _packed(lives: Sequence[Life], goal: int, capacity: int, best: tuple[list[int], int]) -> tuple[list[int], int]:
    """A packing within the capacity, and then as near to `goal` as a short search gets; `best` if none is found."""
    boxes = _boxes(lives)
    if best[1] > capacity:
        # What `fits` finds tightly a longer search with more room need not find.
        offsets = _pack(boxes, goal, _PROBE) or _pack(boxes, capacity, _SEARCH)
        if offsets is None:
            return best
        best = offsets, _end(lives, offsets)
    for ceiling in (goal, (goal + best[1]) // 2):
        offsets = _pack(boxes, ceiling, _POLISH) if ceiling < best[1] else None
        if offsets is not None:
            return offsets, _end(lives, offsets)
    return best


def _pack(boxes: Sequence[Box], ceiling: int, bound: int) -> list[int] | None:
    return pack(boxes, ceiling, max(_FEWEST, bound // len(boxes)))


def _boxes(lives: Sequence[Life]) -> list[Box]:
    """Buffers with their lives in sections: one for each largest set of buffers that are live at once.

    A section begins with the first birth after a death.
    """
    section, ended = -1, True
    beginning, ending = [0] * len(lives), [0] * len(lives)
    events = [(life.first, True, n) for n, life in enumerate(lives)]
    events += [(life.last + 1, False, n) for n, life in enumerate(lives)]
    for _, birth, n in sorted(events):
        if not birth:
            ended = True
            ending[n] = section + 1
            continue
        section += ended
        ended = False
        beginning[n] = section
    return [Box(life.size, *span) for life, *span in zip(lives, beginning, ending, strict=True)]
