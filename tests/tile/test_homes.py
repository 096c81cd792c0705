"""Which values live in DDR: what is live fits at every op, unless nothing more could make room."""

from hypothesis import given
from hypothesis import strategies as st

from passes.sharding.demands import Buffer, Demands, Stream
from passes.sharding.homes import FILL_FACTOR, STREAM_FACTOR, homes_in_ddr

CAPACITY = 1000


@st.composite
def some_demands(draw: st.DrawFn) -> Demands:
    """Ops that each read some earlier values and perhaps a constant, some values in copies of their own."""
    count = draw(st.integers(1, 8))
    size = st.integers(1, 600)
    reads = [draw(st.lists(st.integers(0, time - 1), max_size=3, unique=True)) if time else [] for time in range(count)]
    streams: list[tuple[Stream, ...]] = []
    buffers: list[Buffer] = []
    for time, values in enumerate(reads):
        constant = [drawn_stream(draw, None, draw(size))] if draw(st.booleans()) else []
        operands = [drawn_stream(draw, value, draw(size)) for value in values]
        streams.append((*constant, *operands, drawn_stream(draw, time, draw(size))))
        last = max([t for t, read in enumerate(reads) if time in read], default=time)
        buffers.append(Buffer(time, draw(size), time, last))
        buffers += [Buffer(value, draw(size), time, time) for value in values if draw(st.booleans())]
    return Demands(tuple(buffers), tuple(streams))


def drawn_stream(draw: st.DrawFn, value: int | None, whole: int) -> Stream:
    return Stream(value, whole, draw(st.integers(1, whole)))


def occupied(demands: Demands, moved: frozenset[int], time: int) -> int:
    held = sum(b.size for b in demands.buffers if b.value not in moved and b.first <= time <= b.last)
    streamed = [s for s in demands.streams[time] if s.value is None or s.value in moved]
    return held + sum(min(s.whole, max(s.least, int(CAPACITY * STREAM_FACTOR))) for s in streamed)


@given(some_demands())
def test_what_is_live_fits(demands: Demands) -> None:
    moved = homes_in_ddr(demands, CAPACITY)
    for time in range(len(demands.streams)):
        if occupied(demands, moved, time) <= CAPACITY * FILL_FACTOR:
            continue
        live = {b.value for b in demands.buffers if b.first <= time <= b.last} - moved
        assert all(occupied(demands, moved | {value}, time) >= occupied(demands, moved, time) for value in live)


@given(some_demands())
def test_nothing_moves_where_all_fits(demands: Demands) -> None:
    if all(occupied(demands, frozenset(), time) <= CAPACITY * FILL_FACTOR for time in range(len(demands.streams))):
        assert homes_in_ddr(demands, CAPACITY) == frozenset()


def test_what_is_needed_last_goes_first() -> None:
    """Of two values that wait, that which is needed later; the op's own stay."""
    streams = [[0], [1], [2], [1, 3], [0, 4]]
    buffers = (
        Buffer(0, 300, 0, 4),
        Buffer(1, 300, 1, 3),
        Buffer(2, 300, 2, 2),
        Buffer(3, 10, 3, 3),
        Buffer(4, 10, 4, 4),
    )
    demands = Demands(buffers, tuple(tuple(Stream(value, 100, 50) for value in values) for values in streams))
    assert homes_in_ddr(demands, CAPACITY) == {0}


def test_values_that_are_not_held_anyway() -> None:
    demands = Demands((Buffer(0, 600, 0, 1), Buffer(1, 600, 1, 1)), ((Stream(0, 90, 90),), (Stream(1, 90, 90),)))
    assert homes_in_ddr(demands, CAPACITY, unheld=[1]) == {1}


def test_what_moves_for_a_later_op_may_take_more_at_an_earlier_one() -> None:
    """Value 0 moves for the last op; the one before then streams it, in more than it took, so value 1 must move too."""
    buffers = (Buffer(0, 400, 0, 2), Buffer(1, 300, 1, 1), Buffer(2, 380, 2, 2))
    streams = ((Stream(0, 1, 1),), (Stream(0, 524, 524), Stream(1, 1, 1)), (Stream(0, 1, 1), Stream(2, 1, 1)))
    assert homes_in_ddr(Demands(buffers, streams), CAPACITY) == {0, 1}
