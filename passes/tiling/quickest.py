"""The loops around an op that take least time. Those of least traffic mostly do; where they take much longer than the
op must, as chunks of few rows or few channels can, others are looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import cast

import numpy as np

from passes.tiling.chunks import Cut, Limits, Stream, Work, choose_cuts, chunk_extents, fetched, fitting_cuts

_TOLERANCE = 1.2
"""How much longer an op may take than its kernel in one piece, or than bringing everything once, before other cuts are
looked at.
"""

_ABOUT = 1.05
"""How much longer than the quickest cuts those of fewest chunks may take."""

_SLOTS = 2
"""Of a buffer whose content changes from part to part, so that one part is brought while another is used."""

_DEPTHS = (1, 2)
"""Numbers of loops of these others."""

_TRIED = 8
"""Cuts of every nest of loops that are looked at: the best ones if all chunks of a kernel took no longer than it does
whole.
"""


@dataclass(frozen=True)
class Pace:
    """How long the parts of an op take, in cycles of the core clock."""

    kernel: Callable[[tuple[int, ...]], float]
    """Cycles of the kernel for a chunk of some extents."""
    streams: tuple[float, ...]
    """Cycles per byte of every stream, while all cores bring theirs."""
    result: float
    """Cycles per byte of the result, where it is streamed."""


@dataclass(frozen=True)
class Loops:
    """Loops around an op, outermost first, and how many buffers there are for what changes from chunk to chunk."""

    cuts: tuple[Cut, ...]
    slots: int = _SLOTS


def quickest_loops(work: Work, limits: Limits, pace: Pace) -> Loops | None:
    """Loops that keep to the limits and take about as little time as any; None when none keep to them."""
    first = _of_least_traffic(work, limits)
    if first is None or not first.cuts:
        return first
    timed = Timed(work, pace, pace.kernel(work.extents))
    times = {first: timed.cycles(first)}
    parts = [limits.part] if limits.wished_part is None else [limits.wished_part, limits.part]
    for part, slots, depth in product(parts, (_SLOTS, 1), _DEPTHS):
        if min(times.values()) <= _TOLERANCE * timed.least:
            break
        found = timed.promising(replace(limits, part=part, slots=slots), depth)
        times |= {loops: timed.cycles(loops) for loops in found}
    about = _ABOUT * min(times.values())
    return min((loops for loops, time in times.items() if time <= about), key=lambda loops: _chunks(loops.cuts))


def _of_least_traffic(work: Work, limits: Limits) -> Loops | None:
    """Loops with two buffers for what changes, or with one where two have no room."""
    for slots in (_SLOTS, 1):
        cuts = choose_cuts(work, replace(limits, slots=slots))
        if cuts is not None:
            return Loops(cuts, slots)
    return None


def _chunks(cuts: Sequence[Cut]) -> int:
    return prod(cut.trips for cut in cuts)


@dataclass(frozen=True)
class Timed:
    """What loops around one op cost."""

    work: Work
    pace: Pace
    whole: float
    """Cycles of the kernel in one piece."""

    @property
    def least(self) -> float:
        """Cycles that any loops take: those of the kernel, or of what is brought and stored."""
        return max(self.whole, sum(cycles for _, cycles in self._fetching(())) + self._stored)

    def cycles(self, loops: Loops) -> float:
        """Cycles with these loops."""
        kernel = self.pace.kernel(chunk_extents(self.work, loops.cuts))
        return self._cycles(loops.cuts, loops.slots, kernel)

    def promising(self, limits: Limits, depth: int) -> Iterator[Loops]:
        """Of every nest of `depth` loops that keep to the limits, those that are best if the chunks of a kernel take no
        longer than it does whole.
        """

        def bound(cuts: Sequence[Cut]) -> float:
            return self._cycles(cuts, limits.slots, self.whole / _chunks(cuts))

        for cuts in fitting_cuts(self.work, limits, depth, bound, _TRIED):
            yield Loops(cuts, limits.slots)

    @property
    def _stored(self) -> float:
        work = self.work
        return prod(work.extents) * work.result_bytes * self.pace.result if work.result_streamed else 0.0

    def _fetching(self, cuts: Sequence[Cut]) -> Iterator[tuple[Stream, float]]:
        """The streams, and cycles in which each is brought in all."""
        for stream, cycles in zip(self.work.streams, self.pace.streams, strict=True):
            yield stream, fetched(self.work, stream, cuts) * cycles

    def _cycles(self, cuts: Sequence[Cut], slots: int, kernel: float) -> float:
        """Cycles in loops as `pipeline-loops` makes them, where the kernel takes so many for a chunk. This is as good
        for arrays of sizes as for one.

        In every turn of the innermost loop its first part is brought, then what the next turn needs of the outer loops,
        then its other parts while the kernel works. What a single loop needs first may come while the op before works.
        Where there is one buffer, and where a turn ends with the slot that the next one begins with, nothing is
        brought, or stored, meanwhile.
        """
        *outer, last = cuts
        inner, turns = last.trips, _chunks(outer)
        fetching = list(self._fetching(cuts))
        each = sum(cycles for stream, cycles in fetching if stream.depends_on(last.dim)) / (turns * inner)
        once = sum(cycles for stream, cycles in fetching if not stream.depends_on(last.dim)) / turns
        stored = self._stored / turns
        if slots == 1:
            return turns * (once + inner * (each + kernel) + stored)
        alone = each + np.maximum(inner * kernel, once + (inner - 1) * each) + stored
        ahead = np.where(turns > 1, once, 0.0)
        idle = np.where(turns > 1, np.maximum(each - kernel, 0.0), 0.0)
        from_second = ahead + each + (inner - 1) * kernel
        from_last = ahead + (inner - 1) * each + kernel
        kernels = idle + np.maximum(inner * kernel, np.maximum(from_second, from_last))
        overlapped = np.maximum(kernels, once + inner * each + stored)
        return turns * cast(float, np.where((turns > 1) & (inner % _SLOTS > 0), alone, overlapped))
