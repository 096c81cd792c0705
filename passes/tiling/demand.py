"""What an op takes that fits into VTCM in no chunks: demand, bound and gap of each limit that it breaks."""

from collections.abc import Iterator, Sequence
from math import ceil

from passes.tiling.chunks import Cut, Limits, Work, all_cuts, chunk_extents, footprint, largest_part, touched

KIB = 1024
_PERCENT = 100


def does_not_fit(work: Work, limits: Limits, live: int, usable: int, help: Sequence[str] = ()) -> str:
    """Why no way to cut keeps to the limits, told of the one that comes nearest.

    `live` are the bytes per core of values that stay in VTCM meanwhile, `usable` those of all VTCM. `help`: what makes
    all demands smaller.
    """
    nearest = min(all_cuts(work, limits), key=lambda cuts: sum(over for _, over in _excesses(work, cuts, limits)))
    broken = [limit for limit, over in _excesses(work, nearest, limits) if over]
    reasons = [_reason(limit, work, nearest, limits, live, usable) for limit in broken]
    less = f"; less is taken with {' or '.join(help)}" if help else ""
    return f"in chunks of {list(chunk_extents(work, nearest))} it {'; it '.join(reasons)}{less}"


def _excesses(work: Work, cuts: Sequence[Cut], limits: Limits) -> Iterator[tuple[str, int]]:
    """Bytes by which cuts exceed each limit."""
    yield "room", max(0, footprint(work, cuts, limits.slots) - limits.room)
    if limits.touched is not None:
        yield "touched", max(0, touched(work, cuts) - limits.touched)
    if limits.part is not None:
        yield "part", max(0, largest_part(work, cuts) - limits.part)


def _reason(limit: str, work: Work, cuts: Sequence[Cut], limits: Limits, live: int, usable: int) -> str:
    match limit:
        case "room":
            streamed, room = footprint(work, cuts, limits.slots), limits.room
            return (
                f"streams through {streamed} bytes of VTCM per core beside {live} bytes of live values, where there "
                f"are {room + live}: {streamed - room} too few"
            )
        case "touched":
            bytes_touched, most = touched(work, cuts), limits.touched or 0
            ratio = ceil(_PERCENT * bytes_touched / usable) / _PERCENT
            return (
                f"touches {bytes_touched} bytes of VTCM per core at once, where the limit of the working set allows "
                f"{most}: {bytes_touched - most} too few; a vtcm-working-set-limit-ratio of {ratio:g} would allow it"
            )
        case _:
            size, most = largest_part(work, cuts), limits.part or 0
            return (
                f"moves {size} bytes of one tensor at once, where the split granularity allows {most}: {size - most} "
                f"too few; a size-split-granularity of {ceil(size / KIB)} would allow it"
            )
