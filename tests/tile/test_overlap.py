"""Splitting finer than room demands: what is cut, and when it is worth it."""

from passes.tiling.chunks import Cut, Work
from passes.tiling.finer import finer_cut
from passes.tiling.overlap import worthwhile_parts

ROWS, COLUMNS = 64, 128


def work(granularity: tuple[int, int] = (1, 1), carried: int | None = None) -> Work:
    return Work((ROWS, COLUMNS), granularity, (), 2, False, carried=carried)


def cycles(extents: tuple[int, ...]) -> float:
    """A start of 10, then one per element of rows that come by eights."""
    return 10 + -(-extents[0] // 8) * 8 * extents[1]


def test_as_many_parts_as_asked_for_along_the_outer_dimension() -> None:
    assert finer_cut(work(), (), 4, (0, 1), cycles, 20) == Cut(0, 16, 4)


def test_another_dimension_where_the_first_wastes_work() -> None:
    """16 parts of four rows would work on eight rows each."""
    assert finer_cut(work(), (), 16, (0, 1), cycles, 20) == Cut(1, 8, 16)
    assert finer_cut(work(), (), 16, (0,), cycles, 20) == Cut(0, 4, 16)


def test_parts_are_worth_their_start() -> None:
    """A part of 32 rows takes 4106 cycles, one of 16 rows 2058."""
    assert finer_cut(work((1, 0)), (), 8, (0, 1), cycles, 4000) == Cut(0, 32, 2)
    assert finer_cut(work((1, 0)), (), 8, (0, 1), cycles, 5000) is None


def test_loops_that_are_there_count() -> None:
    around = [Cut(0, 16, 4)]
    assert finer_cut(work(), around, 4, (0, 1), cycles, 20) is None
    assert finer_cut(work(), around, 8, (1,), cycles, 20) == Cut(1, 64, 2)


def test_grains_stay_whole() -> None:
    assert finer_cut(work((24, 0)), (), 8, (0, 1), cycles, 20) == Cut(0, 24, 3)
    assert finer_cut(work((0, 0)), (), 8, (0, 1), cycles, 20) is None


def test_what_hands_states_on_is_left_whole() -> None:
    assert finer_cut(work(carried=0), (), 8, (1,), cycles, 20) is None


def parts(total: float, start: float):
    return lambda count: total + count * start


def test_long_work_on_two_engines_is_split() -> None:
    count, worth = worthwhile_parts(parts(100_000, 500), parts(100_000, 300))
    assert count == 8
    assert 0 < worth < 100_000


def test_short_work_is_not() -> None:
    assert worthwhile_parts(parts(2000, 500), parts(100_000, 300)) == (1, 0.0)


def test_what_cannot_be_split_is_not() -> None:
    assert worthwhile_parts(parts(100_000, 500), lambda count: 100_000 if count == 1 else float("inf")) == (1, 0.0)


def test_what_saves_little_is_not_split() -> None:
    """Half of the shorter op is saved: a share that grows with it."""
    assert worthwhile_parts(parts(100_000, 0), parts(20_000, 0)) == (1, 0.0)
    assert worthwhile_parts(parts(100_000, 0), parts(50_000, 0))[0] == 8
