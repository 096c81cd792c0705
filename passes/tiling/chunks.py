"""How to cut one core's part of a result into chunks, so that what is streamed from and to DDR fits into VTCM beside
what stays there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from dialects.indexing import Access, Along


@dataclass(frozen=True)
class Stream:
    """An operand that comes from DDR: its accesses, its shape as far as one core needs it, and its element size."""

    accesses: tuple[Access, ...]
    shape: tuple[int, ...]
    element_bytes: int

    def depends_on(self, dim: int) -> bool:
        """True when chunks of result dimension `dim` need different parts of the operand."""
        return any(isinstance(access, Along) and access.dim == dim for access in self.accesses)

    def part(self, extents: Sequence[int]) -> tuple[int, ...]:
        """Shape of the part that a chunk of these extents needs."""
        return tuple(
            needed_extent(access, extents[access.dim]) if isinstance(access, Along) else size
            for access, size in zip(self.accesses, self.shape, strict=True)
        )


def needed_extent(access: Along, extent: int) -> int:
    """Positions that `extent` positions of the result need along one dimension."""
    low, high = access.interval(0, extent)
    return high - low


@dataclass(frozen=True)
class Cut:
    """One loop: `trips` chunks of `chunk` positions of dimension `dim`."""

    dim: int
    chunk: int
    trips: int


@dataclass(frozen=True)
class Work:
    """One core's part of an op: the extents of its result, where it may be cut, what is streamed."""

    extents: tuple[int, ...]
    granularity: tuple[int, ...]
    streams: tuple[Stream, ...]
    result_bytes: int
    """Bytes per element of the result."""
    result_streamed: bool


def footprint(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes of VTCM for the streams and the streamed result; what changes from chunk to chunk is there twice."""
    extents = chunk_extents(work, cuts)
    total = 0
    for stream in work.streams:
        slots = 2 if any(stream.depends_on(cut.dim) for cut in cuts) else 1
        total += slots * prod(stream.part(extents)) * stream.element_bytes
    if work.result_streamed:
        total += (2 if cuts else 1) * prod(extents) * work.result_bytes
    return total


def chunk_extents(work: Work, cuts: Sequence[Cut]) -> tuple[int, ...]:
    """Extents of one chunk of the result."""
    chunks = {cut.dim: cut.chunk for cut in cuts}
    return tuple(chunks.get(dim, extent) for dim, extent in enumerate(work.extents))


def traffic(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes that the streams move in all; an operand is fetched anew in every iteration of a loop outside the last one
    it depends on.
    """
    extents = chunk_extents(work, cuts)
    total = 0
    for stream in work.streams:
        level = max((k + 1 for k, cut in enumerate(cuts) if stream.depends_on(cut.dim)), default=0)
        total += prod(cut.trips for cut in cuts[:level]) * prod(stream.part(extents)) * stream.element_bytes
    return total


def choose_cuts(work: Work, budget: int) -> tuple[Cut, ...] | None:
    """Loops, outermost first, with the least traffic and then the fewest chunks that fit into `budget` bytes; None when
    nothing fits.
    """
    if footprint(work, ()) <= budget:
        return ()
    for depth in (1, 2, 3):
        fitting = [cuts for cuts in _nests(work, depth) if footprint(work, cuts) <= budget]
        if fitting:
            return min(fitting, key=lambda cuts: (traffic(work, cuts), prod(cut.trips for cut in cuts)))
    return None


def least_footprint(work: Work) -> int:
    """Bytes that the smallest chunks take."""
    return min(footprint(work, cuts) for depth in (0, 1, 2, 3) for cuts in (_nests(work, depth) if depth else [()]))


def _nests(work: Work, depth: int) -> Iterator[tuple[Cut, ...]]:
    """All nests of that depth, in the order of the result's dimensions and with the last dimension also outside."""
    useful = [
        dim
        for dim, extent in enumerate(work.extents)
        if work.granularity[dim]
        and extent > work.granularity[dim]
        and (work.result_streamed or any(stream.depends_on(dim) for stream in work.streams))
    ]
    for dims in product(useful, repeat=depth):
        if len(set(dims)) == depth:
            yield from product(*(_cuts(dim, work.extents[dim], work.granularity[dim]) for dim in dims))


def _cuts(dim: int, extent: int, grain: int) -> list[Cut]:
    """Even cuts of one dimension into 2, 3, 4, 6, 8, .. chunks."""
    grains = -(-extent // grain)
    cuts: dict[int, Cut] = {}
    parts = 2
    while parts < 2 * grains:
        chunk = -(-grains // parts) * grain
        cuts.setdefault(chunk, Cut(dim, chunk, -(-extent // chunk)))
        parts = parts * 3 // 2 if parts & (parts - 1) == 0 else parts * 4 // 3
    return [cut for cut in cuts.values() if cut.trips > 1]
