"""Chunks of one core's work: they cover it, fit, and move little."""

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from math import ceil, prod

from hypothesis import assume, given
from hypothesis import strategies as st

from dialects.indexing import Along, Whole, window
from passes.tiling.chunks import Cut, Stream, Work, choose_cuts, footprint, least_footprint, traffic

extents = st.tuples(*[st.integers(1, 12)] * 3)
grains = st.tuples(*[st.sampled_from([0, 1, 1, 2, 3])] * 3)
# A product: rows and depth, depth and columns; an image under a window; something broadcast.
ACCESSES = (
    (Along(0), Along(1), Whole()),
    (Whole(), Along(2)),
    (Along(0), window(1, 2, 1, 3), Whole()),
    (Along(2),),
)


@st.composite
def works(draw: st.DrawFn) -> Work:
    size = draw(extents)
    streams: list[Stream] = []
    for accesses in draw(st.lists(st.sampled_from(ACCESSES), max_size=3)):
        shape = [
            a.interval(0, size[a.dim])[1] - a.interval(0, size[a.dim])[0] if isinstance(a, Along) else 5
            for a in accesses
        ]
        streams.append(Stream(accesses, tuple(shape), draw(st.sampled_from([1, 2, 4]))))
    return Work(size, draw(grains), tuple(streams), 2, draw(st.booleans()))


@given(works(), st.integers(1, 2000))
def test_chosen_cuts(work: Work, budget: int) -> None:
    """They fit in as few loops as can be, cover each dimension, and move little more than the best of all cuts."""
    cuts = choose_cuts(work, budget)
    every = {
        depth: [nest for nest in nests(work, depth) if brute_footprint(work, nest) <= budget] for depth in range(4)
    }
    if cuts is None:
        assert not any(every.values())
        assert least_footprint(work) > budget
        return
    assert brute_footprint(work, cuts) <= budget
    assert len(cuts) == next(depth for depth, fitting in every.items() if fitting)
    for cut in cuts:
        assert cut.chunk % work.granularity[cut.dim] == 0
        assert (cut.trips - 1) * cut.chunk < work.extents[cut.dim] <= cut.trips * cut.chunk
    best = min(brute_traffic(work, nest) for nest in every[len(cuts)])
    assert brute_traffic(work, cuts) <= 2 * best


@given(works())
def test_sums_of_bytes(work: Work) -> None:
    every = [nest for depth in range(3) for nest in nests(work, depth)]
    assume(len(every) > 1)
    for nest in every[:: max(1, len(every) // 20)]:
        assert footprint(work, nest) == brute_footprint(work, nest)
        assert traffic(work, nest) == brute_traffic(work, nest)


def nests(work: Work, depth: int) -> Iterator[tuple[Cut, ...]]:
    """Every nest of that many loops over different dimensions, with every size of chunk."""
    for dims in permutations(range(3), depth):
        ladders = [
            [Cut(d, chunk, ceil(work.extents[d] / chunk)) for chunk in range(grain, work.extents[d], grain)]
            for d in dims
            for grain in [work.granularity[d] or work.extents[d]]
        ]
        yield from product(*ladders)


def chunk(work: Work, cuts: Sequence[Cut]) -> list[int]:
    sizes = list(work.extents)
    for cut in cuts:
        sizes[cut.dim] = cut.chunk
    return sizes


def fetched(stream: Stream, sizes: Sequence[int]) -> int:
    """Bytes that a chunk needs of a stream."""
    part = [
        a.interval(0, sizes[a.dim])[1] - a.interval(0, sizes[a.dim])[0] if isinstance(a, Along) else whole
        for a, whole in zip(stream.accesses, stream.shape, strict=True)
    ]
    return prod(part) * stream.element_bytes


def moves(stream: Stream, cut: Cut) -> bool:
    return any(isinstance(a, Along) and a.dim == cut.dim for a in stream.accesses)


def brute_footprint(work: Work, cuts: Sequence[Cut]) -> int:
    sizes = chunk(work, cuts)
    total = sum(fetched(s, sizes) * (2 if any(moves(s, cut) for cut in cuts) else 1) for s in work.streams)
    return total + (prod(sizes) * work.result_bytes * (2 if cuts else 1) if work.result_streamed else 0)


def brute_traffic(work: Work, cuts: Sequence[Cut]) -> int:
    """Runs the loops: a stream is fetched when a loop around its fetch has moved on."""
    sizes, total = chunk(work, cuts), 0
    for stream in work.streams:
        last = max((k for k, cut in enumerate(cuts) if moves(stream, cut)), default=-1)
        seen = {iteration[: last + 1] for iteration in product(*(range(cut.trips) for cut in cuts))}
        total += len(seen) * fetched(stream, sizes)
    return total
