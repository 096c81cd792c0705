"""Addresses: nothing that lives at the same time lies at the same place."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.scheduling.placement import Life, lower_bound, place

PROBLEMS = Path(__file__).parents[1] / "data" / "minimalloc"
CAPACITY = 1 << 20

lives = st.lists(
    st.builds(lambda size, first, length: Life(size, first, first + length), *[st.integers(1, 30)] * 3), max_size=25
)


def check(placed: list[Life], offsets: list[int], end: int, alignment: int) -> None:
    assert len(offsets) == len(placed)
    for n, (a, offset) in enumerate(zip(placed, offsets, strict=True)):
        assert offset >= 0
        assert offset % alignment == 0
        for b, other in zip(placed[:n], offsets, strict=False):
            apart_in_time = a.last < b.first or b.last < a.first
            assert apart_in_time or offset + a.size <= other or other + b.size <= offset
    highest = max((offset + life.size for life, offset in zip(placed, offsets, strict=True)), default=0)
    assert highest <= end < highest + alignment


@settings(max_examples=40)
@given(lives, st.sampled_from([1, 4, 16]), st.integers(0, 200), st.booleans())
def test_placed_buffers(given_lives: list[Life], alignment: int, capacity: int, search: bool) -> None:
    offsets, end = place(given_lives, capacity, alignment, search=search)
    check(given_lives, offsets, end, alignment)
    assert end >= lower_bound(given_lives)
    assert (offsets, end) == place(given_lives, capacity, alignment, search=search)


@given(lives)
def test_lower_bound(given_lives: list[Life]) -> None:
    busiest = max((sum(x.size for x in given_lives if x.first <= t <= x.last) for t in range(61)), default=0)
    assert lower_bound(given_lives) == busiest


def test_searching_helps_where_fixed_orders_do_not() -> None:
    """It never makes things worse, and finds places for problem A in less room."""
    problem = read("A")
    assert place(problem, CAPACITY, 1)[1] < place(problem, CAPACITY, 1, search=False)[1]


# End of the highest buffer over the least possible (1 MiB), as found within the bounded search.
LIMITS = {"A": 1.27, "B": 1.29, "C": 1.3, "D": 1.19, "E": 1.29, "F": 1.14}


@pytest.mark.parametrize("name", LIMITS)
def test_hard_problems(name: str) -> None:
    problem = read(name)
    offsets, end = place(problem, CAPACITY, 1)
    check(problem, offsets, end, 1)
    assert lower_bound(problem) <= CAPACITY
    assert end <= LIMITS[name] * CAPACITY


def read(name: str) -> list[Life]:
    """A problem of google/minimalloc; its upper ends are exclusive."""
    with (PROBLEMS / f"{name}.1048576.csv").open() as rows:
        return [Life(int(r["size"]), int(r["lower"]), int(r["upper"]) - 1) for r in csv.DictReader(rows)]
