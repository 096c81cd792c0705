"""How to cut one core's part of a result into chunks, so that what is streamed from and to DDR fits into VTCM beside
what stays there.

All chunk sizes of a nest of loops are looked at together: the sums below are as good for arrays of sizes as for one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import permutations, product
from math import prod
from typing import cast

import numpy as np

from dialects.indexing import Access, Along


@dataclass(frozen=True)
class Stream:
    """An operand: its accesses, its shape as far as one core needs it, and its element size."""

    accesses: tuple[Access, ...]
    shape: tuple[int, ...]
    element_bytes: int

    def depends_on(self, dim: int) -> bool:
        """True when chunks of result dimension `dim` need different parts of the operand."""
        return any(isinstance(access, Along) and access.dim == dim for access in self.accesses)

    def part(self, extents: Sequence[int]) -> tuple[int, ...]:
        """Shape of the part that a chunk of these extents needs."""
        return tuple(
            access.needed(extents[access.dim]) if isinstance(access, Along) else size
            for access, size in zip(self.accesses, self.shape, strict=True)
        )

    def part_bytes(self, extents: Sequence[int]) -> int:
        """Bytes of that part."""
        return prod(self.part(extents)) * self.element_bytes


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
    resident: tuple[Stream, ...] = ()
    """Operands that lie in VTCM already."""
    columns: int = 1
    """Columns of a tile of the engine: chunks of the last dimension that are larger are whole tiles."""
    carried: int | None = None
    """Dimension whose chunks are made one after the other, so that its loop is the innermost."""
    across: int | None = None
    """Dimension that may be cut where chunks have one position of the carried one, its loop within that one's."""
    states: tuple[Stream, ...] = ()
    """What chunks hand on, as far as it is not streamed."""


@dataclass(frozen=True)
class Limits:
    """What a cut must keep to, in bytes per core."""

    room: int
    """VTCM that is free for what is streamed."""
    touched: int | None = None
    """VTCM that one chunk may touch in all; None: as much as there is."""
    part: int | None = None
    """Largest part of one tensor that may come from DDR or go there at once; None: any."""
    wished_part: int | None = None
    """The same, as far as it makes no more traffic."""
    slots: int = 2
    """Buffers for what changes from chunk to chunk: two that are used in turn, or one."""


def chunk_extents(work: Work, cuts: Sequence[Cut]) -> tuple[int, ...]:
    """Extents of one chunk of the result."""
    chunks = {cut.dim: cut.chunk for cut in cuts}
    return tuple(chunks.get(dim, extent) for dim, extent in enumerate(work.extents))


def kept_cuts(work: Work, cuts: Sequence[Cut]) -> Sequence[Cut]:
    """The loops whose chunks of the result are kept by themselves: not those across the carried dimension, which all
    write one part.
    """
    return [cut for cut in cuts if cut.dim != work.across]


def _result_part(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes of the result that are kept and stored as one."""
    return prod(chunk_extents(work, kept_cuts(work, cuts))) * work.result_bytes


def footprint(work: Work, cuts: Sequence[Cut], slots: int = 2) -> int:
    """Bytes of VTCM for the streams and the streamed result; what changes from chunk to chunk has `slots` buffers."""
    extents = chunk_extents(work, cuts)
    total = 0
    for stream in work.streams:
        changes = any(stream.depends_on(cut.dim) for cut in cuts)
        total = total + (slots if changes else 1) * stream.part_bytes(extents)
    if work.result_streamed:
        total = total + (slots if cuts else 1) * _result_part(work, cuts)
    if any(cut.dim == work.carried for cut in cuts):
        total = total + sum(state.part_bytes(extents) for state in work.states)
    return total


def touched(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes of VTCM that the kernel reads and writes in one chunk."""
    extents = chunk_extents(work, cuts)
    read = sum(stream.part_bytes(extents) for stream in (*work.streams, *work.resident))
    return read + prod(extents) * work.result_bytes


def largest_part(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes of the largest part of one tensor that a chunk brings from DDR or sends there."""
    extents = chunk_extents(work, cuts)
    parts = [stream.part_bytes(extents) for stream in work.streams]
    return reduce(np.maximum, [*parts, _result_part(work, cuts) if work.result_streamed else 0])


def fits(work: Work, cuts: Sequence[Cut], limits: Limits) -> bool:
    """True when cuts keep to all limits."""
    kept = footprint(work, cuts, limits.slots) <= limits.room
    if limits.touched is not None:
        kept = kept & (touched(work, cuts) <= limits.touched)
    if limits.part is not None:
        kept = kept & (largest_part(work, cuts) <= limits.part)
    return kept


def traffic(work: Work, cuts: Sequence[Cut]) -> int:
    """Bytes that the streams move in all; an operand is fetched anew in every iteration of a loop outside the last one
    it depends on.
    """
    return sum(fetched(work, stream, cuts) for stream in work.streams)


def fetched(work: Work, stream: Stream, cuts: Sequence[Cut]) -> int:
    """The bytes of one operand among these."""
    level = max((k + 1 for k, cut in enumerate(cuts) if stream.depends_on(cut.dim)), default=0)
    again = prod(cut.trips for cut in cuts[:level] if not stream.depends_on(cut.dim))
    return again * _fetched_once(work, stream, {cut.dim: cut for cut in cuts}) * stream.element_bytes


def _fetched_once(work: Work, stream: Stream, cuts: Mapping[int, Cut]) -> int:
    """Positions of an operand that all chunks together need, what neighbours share counted for each."""
    total = 1
    for access, size in zip(stream.accesses, stream.shape, strict=True):
        if not isinstance(access, Along):
            total = total * size
            continue
        extent = work.extents[access.dim]
        cut = cuts.get(access.dim, Cut(access.dim, extent, 1))
        last = extent - (cut.trips - 1) * cut.chunk
        total = total * ((cut.trips - 1) * access.needed(cut.chunk) + access.needed(last))
    return total


def choose_cuts(work: Work, limits: Limits) -> tuple[Cut, ...] | None:
    """Loops, outermost first, with the least traffic and then the fewest chunks that keep to the limits; None when
    none do.
    """
    cuts = _fewest_cuts(work, limits)
    if cuts is None or limits.wished_part is None:
        return cuts
    smaller = _fewest_cuts(work, replace(limits, part=limits.wished_part))
    return cuts if smaller is None or traffic(work, smaller) > traffic(work, cuts) else smaller


def _fewest_cuts(work: Work, limits: Limits) -> tuple[Cut, ...] | None:
    if fits(work, (), limits):
        return ()
    for depth in _DEPTHS:
        fitting = list(fitting_cuts(work, limits, depth, lambda cuts: traffic(work, cuts), 1))
        if fitting:
            return min(fitting, key=lambda cuts: (traffic(work, cuts), prod(cut.trips for cut in cuts)))
    return None


def fitting_cuts(
    work: Work, limits: Limits, depth: int, cost: Callable[[Sequence[Cut]], float], most: int
) -> Iterator[tuple[Cut, ...]]:
    """Of every nest of `depth` loops the cuts that keep to the limits, at most so many, those of least cost first.
    `cost` is to be as good for arrays of sizes as for one.
    """
    for ladders in _nests(work, depth, limits):
        yield from _ranked(work, limits, ladders, cost, most)


def _ranked(
    work: Work, limits: Limits, ladders: Sequence[Sequence[Cut]], cost: Callable[[Sequence[Cut]], float], most: int
) -> list[tuple[Cut, ...]]:
    """Cuts with one of each ladder that keep to the limits: at most so many, of the least cost and then the fewest
    chunks.
    """
    sizes = tuple(map(len, ladders))
    grid = [_as_array(ladder, len(ladders), k) for k, ladder in enumerate(ladders)]
    kept = np.broadcast_to(fits(work, grid, limits), sizes)
    if not kept.any():
        return []
    costs, trips = (np.broadcast_to(v, sizes)[kept] for v in (cost(grid), prod(cut.trips for cut in grid)))
    rungs = np.argwhere(kept)[np.lexsort((trips, costs))[:most]]
    return [tuple(ladder[rung] for ladder, rung in zip(ladders, row, strict=True)) for row in rungs]


def _as_array(ladder: Sequence[Cut], depth: int, loop: int) -> Cut:
    """All cuts of a ladder as one whose numbers are arrays along axis `loop` of `depth`."""
    shape = [-1 if k == loop else 1 for k in range(depth)]
    chunks, trips = (
        np.array(v, np.int64).reshape(shape) for v in zip(*((c.chunk, c.trips) for c in ladder), strict=True)
    )
    return Cut(ladder[0].dim, cast(int, chunks), cast(int, trips))


def all_cuts(work: Work, limits: Limits) -> Iterator[tuple[Cut, ...]]:
    """Every way to cut that is tried, whether it keeps to the limits or not; first that of one piece."""
    yield ()
    for depth in _DEPTHS:
        for ladders in _nests(work, depth, limits):
            yield from product(*ladders)


_DEPTHS = (1, 2, 3)
"""Numbers of loops that are tried."""


def _nests(work: Work, depth: int, limits: Limits) -> Iterator[list[list[Cut]]]:
    """All nests of that depth that make something smaller, in the order of the result's dimensions and in others: the
    cuts that each loop may have.
    """
    useful = [
        dim
        for dim, extent in enumerate(work.extents)
        if work.granularity[dim]
        and extent > work.granularity[dim]
        and (
            (limits.touched is not None or work.result_streamed or any(s.depends_on(dim) for s in work.streams))
            or (dim == work.carried and work.across is not None)
        )
    ]
    last = len(work.extents) - 1
    for dims in permutations(useful, depth):
        if not _in_order(work, dims):
            continue
        ladders = [_cuts(d, work.extents[d], work.granularity[d], work.columns if d == last else 1) for d in dims]
        if work.across in dims and work.carried in dims:
            ladders[-2] = [cut for cut in ladders[-2] if cut.chunk == 1]
        yield ladders


def _in_order(work: Work, dims: Sequence[int]) -> bool:
    """Whether nothing comes between chunks that hand something on."""
    if work.carried is None:
        return True
    if work.across is None or work.across not in dims:
        return work.carried not in dims[:-1]
    if work.extents[work.carried] == 1:
        return dims[-1] == work.across
    return tuple(dims[-2:]) == (work.carried, work.across)


def _cuts(dim: int, extent: int, grain: int, quantum: int) -> list[Cut]:
    """Even cuts of one dimension into 2, 3, 4, 6, 8, .. chunks, those of more than a quantum rounded up to whole
    ones.
    """
    grains = -(-extent // grain)
    cuts: dict[int, Cut] = {}
    parts = 2
    while parts < 2 * grains:
        chunk = -(-grains // parts) * grain
        chunk = -(-chunk // quantum) * quantum if chunk > quantum and quantum % grain == 0 else chunk
        cuts.setdefault(chunk, Cut(dim, chunk, -(-extent // chunk)))
        parts = parts * 3 // 2 if parts & (parts - 1) == 0 else parts * 4 // 3
    return [cut for cut in cuts.values() if cut.trips > 1]
