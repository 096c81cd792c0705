"""Loops around an op that take little time: estimates against a schedule played through, and choices that differ from
those of least traffic.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, prod

from hypothesis import assume, given
from hypothesis import strategies as st

from dialects.indexing import Along, Whole
from passes.tiling.chunks import Cut, Limits, Stream, Work, choose_cuts, chunk_extents, fits, footprint
from passes.tiling.quickest import Loops, Pace, Timed, quickest_loops

ROWS = (Along(0), Whole())
COLUMNS = (Whole(), Along(1))


def product_of(rows: int, depth: int, columns: int) -> Work:
    """A product whose operands are streamed and whose result stays."""
    streams = (Stream(ROWS, (rows, depth), 2), Stream(COLUMNS, (depth, columns), 2))
    return Work((rows, columns), (1, 1), streams, 2, result_streamed=False)


def tiled(extents: Sequence[int]) -> float:
    """Cycles of an engine that works on 64 rows at a time."""
    rows, columns = extents
    return 100 + ceil(rows / 64) * 64 * columns


@given(
    turns=st.integers(2, 12),
    inner=st.integers(2, 9),
    row_cycles=st.floats(0.01, 4),
    column_cycles=st.floats(0.01, 4),
    kernel=st.floats(1, 1000),
)
def test_estimate_against_a_schedule_played_through(
    turns: int, inner: int, row_cycles: float, column_cycles: float, kernel: float
) -> None:
    """Loops of many turns are estimated well, whether transfers or kernels take longer."""
    work = product_of(8 * turns, 8, 8 * inner)
    cuts = (Cut(0, 8, turns), Cut(1, 8, inner))
    pace = Pace(lambda _: kernel, (row_cycles, column_cycles), 0.0)
    estimate = Timed(work, pace, turns * inner * kernel).cycles(Loops(cuts))
    once, each = 8 * 8 * 2 * row_cycles, 8 * 8 * 2 * column_cycles
    played = played_through(turns, inner, once, each, kernel)
    # The first turn and the last one differ from the others.
    assert abs(estimate - played) <= 0.12 * played + 2 * (once + each + kernel)


def played_through(turns: int, inner: int, once: float, each: float, kernel: float) -> float:
    """When the last kernel ends: one transfer after the other in the order of `pipeline-loops`, each into one of two
    slots that a kernel has left.
    """
    dma = once
    rows_there = [dma]
    kernels: list[list[float]] = []
    left = [0.0, 0.0]
    for turn in range(turns):
        dma = max(dma, left[0]) + each
        there = [dma]
        if turn + 1 < turns:
            dma = max(dma, kernels[turn - 1][-1] if turn else 0.0) + once
            rows_there.append(dma)
        ends: list[float] = []
        for part in range(inner):
            if part + 1 < inner:
                dma = max(dma, left[(part + 1) % 2]) + each
                there.append(dma)
            before = ends[-1] if ends else (kernels[-1][-1] if kernels else 0.0)
            ends.append(max(before, there[part], rows_there[turn]) + kernel)
            left[part % 2] = ends[-1]
        kernels.append(ends)
    return kernels[-1][-1]


@given(
    rows=st.integers(1, 400),
    depth=st.integers(1, 64),
    columns=st.integers(1, 400),
    room=st.integers(200, 60000),
    part=st.integers(200, 60000),
    wished=st.booleans(),
)
def test_loops_keep_to_limits_and_take_no_longer(
    rows: int, depth: int, columns: int, room: int, part: int, wished: bool
) -> None:
    work, pace = product_of(rows, depth, columns), Pace(tiled, (0.02, 0.02), 0.02)
    limits = Limits(room, wished_part=part) if wished else Limits(room, part=part)
    loops = quickest_loops(work, limits, pace)
    first = choose_cuts(work, limits)
    if loops is None:
        assert choose_cuts(work, replace(limits, slots=1)) is None
        return
    assert fits(work, loops.cuts, replace(limits, slots=loops.slots))
    if first:
        timed = Timed(work, pace, tiled(work.extents))
        assert timed.cycles(loops) <= 1.05 * timed.cycles(Loops(first))


@given(rows=st.integers(1, 400), columns=st.integers(1, 400), room=st.integers(200, 60000))
def test_where_chunks_cost_nothing_traffic_decides(rows: int, columns: int, room: int) -> None:
    """A kernel that is as quick in parts as whole leaves the loops of least traffic."""
    work, limits = product_of(rows, 8, columns), Limits(room)
    cuts = choose_cuts(work, limits)
    assume(cuts is not None)
    loops = quickest_loops(work, limits, Pace(lambda extents: float(prod(extents)), (0.0, 0.0), 0.0))
    assert loops == Loops(cuts or ())


def test_few_rows_at_a_time_are_not_worth_whole_weights() -> None:
    """Weights that leave room for a row or two of 64 that the engine works on at once come in parts."""
    work = product_of(640, 512, 256)
    limits = Limits(footprint(work, (Cut(0, 2, 320),)))
    loops = quickest_loops(work, limits, Pace(tiled, (0.02, 0.02), 0.02))
    assert choose_cuts(work, limits) == (Cut(0, 2, 320),)
    assert loops is not None
    assert chunk_extents(work, loops.cuts)[0] >= 32


def test_one_buffer_where_two_would_bring_weights_again_and_again() -> None:
    """Either direction's weights fit once, not twice: brought one after the other, not in every step of both."""
    steps, state = 1000, 64
    weights = Stream((Along(0), Whole(), Along(2)), (2, state, state), 2)
    work = Work((2, steps, state), (1, 1, 1), (weights,), 2, result_streamed=False, carried=1, across=2)
    limits = Limits(room=state * state * 2 + 1000)
    loops = quickest_loops(work, limits, Pace(lambda extents: float(prod(extents)), (0.02,), 0.02))
    assert loops is not None
    assert loops.slots == 1
    assert loops.cuts[0] == Cut(0, 1, 2)
    assert all(cut.dim != 2 for cut in loops.cuts)
