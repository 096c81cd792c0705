"""Chunks of one core's work: they cover it, fit, and move little."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations, product
from math import ceil, prod

from hypothesis import assume, given
from hypothesis import strategies as st

from dialects.indexing import Access, Along, Whole, window
from passes.tiling.chunks import Cut, Limits, Stream, Work, choose_cuts, footprint, largest_part, touched, traffic
from passes.tiling.demand import does_not_fit

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

    def operands(most: int) -> tuple[Stream, ...]:
        accesses = draw(st.lists(st.sampled_from(ACCESSES), max_size=most))
        return tuple(Stream(a, operand_shape(a, size), draw(st.sampled_from([1, 2, 4]))) for a in accesses)

    return Work(size, draw(grains), operands(3), 2, draw(st.booleans()), operands(2))


def operand_shape(accesses: Sequence[Access], size: Sequence[int]) -> tuple[int, ...]:
    """What a result of that size needs; dimensions that it needs whole have 5 positions."""
    along = [a.interval(0, size[a.dim]) if isinstance(a, Along) else (0, 5) for a in accesses]
    return tuple(high - low for low, high in along)


@st.composite
def some_limits(draw: st.DrawFn) -> Limits:
    return Limits(draw(st.integers(1, 2000)), *draw(st.tuples(*[st.none() | st.integers(1, 500)] * 2)))


@given(works(), some_limits())
def test_chosen_cuts(work: Work, limits: Limits) -> None:
    """They fit in as few loops as can be, cover each dimension, and move little more than the best of all cuts."""
    cuts = choose_cuts(work, limits)
    every = {depth: [nest for nest in nests(work, depth) if keeps(work, nest, limits)] for depth in range(4)}
    if cuts is None:
        assert not any(every.values())
        return
    assert keeps(work, cuts, limits)
    assert len(cuts) == next(depth for depth, fitting in every.items() if fitting)
    for cut in cuts:
        assert cut.chunk % work.granularity[cut.dim] == 0
        assert (cut.trips - 1) * cut.chunk < work.extents[cut.dim] <= cut.trips * cut.chunk
    best = min(brute_traffic(work, nest) for nest in every[len(cuts)])
    assert brute_traffic(work, cuts) <= 2 * best


@given(works(), some_limits(), st.integers(1, 500))
def test_small_parts_where_they_cost_nothing(work: Work, limits: Limits, part: int) -> None:
    cuts, wished = choose_cuts(work, limits), choose_cuts(work, replace(limits, wished_part=part))
    smaller = choose_cuts(work, replace(limits, part=part))
    if cuts is None or smaller is None or traffic(work, smaller) > traffic(work, cuts):
        assert wished == cuts
    else:
        assert wished is not None
        assert keeps(work, wished, replace(limits, part=part))


@given(works(), some_limits())
def test_demand_of_what_does_not_fit(work: Work, limits: Limits) -> None:
    """Every limit that is named is broken, by what is named as too few; and one is."""
    if choose_cuts(work, limits) is not None:
        return
    text = does_not_fit(work, limits, live=100, usable=4000)
    broken = re.findall(r"(\d+) bytes (?:of|at).*? (?:are|allows?) (\d+): (\d+) too few", text)
    assert broken
    for demand, bound, gap in (map(int, found) for found in broken):
        live = 100 if "live" in text and bound == limits.room + 100 else 0
        assert demand + live - bound == gap > 0


def keeps(work: Work, cuts: Sequence[Cut], limits: Limits) -> bool:
    sizes = chunk(work, cuts)
    parts = [fetched(stream, sizes) for stream in work.streams]
    result = prod(sizes) * work.result_bytes
    touches = sum(parts) + sum(fetched(stream, sizes) for stream in work.resident) + result
    largest = max([*parts, result if work.result_streamed else 0])
    assert (touched(work, cuts), largest_part(work, cuts)) == (touches, largest)
    return (
        brute_footprint(work, cuts) <= limits.room
        and (limits.touched is None or touches <= limits.touched)
        and (limits.part is None or largest <= limits.part)
    )


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
    total = 0
    for stream in work.streams:
        last = max((k for k, cut in enumerate(cuts) if moves(stream, cut)), default=-1)
        for iteration in product(*(range(cut.trips) for cut in cuts[: last + 1])):
            sizes = list(work.extents)
            for cut, i in zip(cuts, iteration, strict=False):
                sizes[cut.dim] = min(cut.chunk, work.extents[cut.dim] - i * cut.chunk)
            total += fetched(stream, sizes)
    return total
