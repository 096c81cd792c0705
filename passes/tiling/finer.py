"""How to split a kernel's work finer than room demands, so that engines overlap: while one works on a part of an op,
others bring, send and use the parts before it.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod

from passes.tiling.chunks import Cut, Work, chunk_extents

_TOLERANCE = 1.1
"""How much more work a cut along an outer dimension may be than along the best."""


def finer_cut(
    work: Work,
    cuts: Sequence[Cut],
    parts: int,
    dims: Sequence[int],
    cycles: Callable[[tuple[int, ...]], float],
    least: float,
) -> Cut | None:
    """One more loop, through one of `dims`, in which the kernel works through what `cuts` leave, so that there are
    `parts` chunks in all, or as many as can be; None where that makes no more of them.

    `cycles` is the work of a chunk of some extents: of each chunk at least `least`. Where several dimensions can be cut
    into as many chunks for about as much work, the outermost is: then what follows, cut along it too, can follow part
    by part.
    """
    outer = prod(cut.trips for cut in cuts)
    if outer >= parts or work.carried is not None:
        return None
    found = [
        (cut, total)
        for dim in dims
        if work.granularity[dim]
        and (best := _most_parts(work, cuts, dim, -(-parts // outer), cycles, least)) is not None
        for cut, total in [best]
    ]
    most = max((cut.trips for cut, _ in found), default=0)
    enough = [(cut, total) for cut, total in found if cut.trips == most]
    bound = _TOLERANCE * min((total for _, total in enough), default=0.0)
    return next((cut for cut, total in enough if total <= bound), None)


def _most_parts(
    work: Work, cuts: Sequence[Cut], dim: int, most: int, cycles: Callable[[tuple[int, ...]], float], least: float
) -> tuple[Cut, float] | None:
    """The finest cut of one dimension into at most so many chunks of enough work, with the work of all of them."""
    extent = chunk_extents(work, cuts)[dim]
    for cut in _even_cuts(dim, extent, work.granularity[dim], most):
        each = cycles(chunk_extents(work, [*cuts, cut]))
        if each >= least:
            return cut, each * cut.trips
    return None


def _even_cuts(dim: int, extent: int, grain: int, most: int) -> Iterator[Cut]:
    """Cuts of one dimension into `most` to 2 chunks, as even as can be."""
    grains = -(-extent // grain)
    for chunk in dict.fromkeys(-(-grains // parts) * grain for parts in range(min(most, grains), 1, -1)):
        trips = -(-extent // chunk)
        if trips > 1:
            yield Cut(dim, chunk, trips)
