"""Addresses: nothing that lives at the same time lies at the same place, and little is left unused."""

import csv
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.scheduling import packing
from passes.scheduling.packing import Box, pack
from passes.scheduling.placement import Life, Placement, fits, live_bytes, lower_bound, place

DATA = Path(__file__).parents[1] / "data"
CAPACITY = 1 << 20

lives = st.lists(
    st.builds(lambda size, first, length: Life(size, first, first + length), *[st.integers(1, 30)] * 3), max_size=25
)
boxes = st.lists(
    st.builds(lambda size, left, width: Box(size, left, left + width), *[st.integers(1, 4)] * 3), min_size=1, max_size=6
)


def check(placed: list[Life], found: Placement, alignment: int) -> None:
    assert len(found.offsets) == len(placed)
    for n, (a, offset) in enumerate(zip(placed, found.offsets, strict=True)):
        assert offset >= 0
        assert offset % alignment == 0
        for b, other in zip(placed[:n], found.offsets, strict=False):
            apart_in_time = a.last < b.first or b.last < a.first
            assert apart_in_time or offset + a.size <= other or other + b.size <= offset
    highest = max((offset + life.size for life, offset in zip(placed, found.offsets, strict=True)), default=0)
    assert highest <= found.end < highest + alignment
    assert lower_bound(placed) <= found.bound <= found.end


@settings(max_examples=60)
@given(lives, st.sampled_from([1, 4, 16]), st.integers(0, 400))
def test_placed_buffers(given_lives: list[Life], alignment: int, capacity: int) -> None:
    found = place(given_lives, capacity, alignment)
    check(given_lives, found, alignment)
    assert found == place(given_lives, capacity, alignment)
    for tightly in (False, True):
        if fits(given_lives, capacity, alignment, tightly=tightly):
            assert found.end <= capacity
            assert not tightly or found.gap <= 0.05


@given(lives)
def test_what_is_live(given_lives: list[Life]) -> None:
    live = live_bytes(given_lives).tolist()
    last = max((life.last for life in given_lives), default=-1)
    assert live == [sum(x.size for x in given_lives if x.first <= t <= x.last) for t in range(last + 1)]
    assert lower_bound(given_lives) == max(live, default=0)


@settings(max_examples=60)
@given(boxes)
def test_the_search_finds_what_there_is(given_boxes: list[Box]) -> None:
    """A packing below a ceiling exactly when some order of pushing boxes down has one."""
    least = min(map(pushed_down, permutations(given_boxes)))
    offsets = pack(given_boxes, least, 1000)
    assert offsets is not None
    assert pack(given_boxes, least - 1, 1000) is None
    as_lives = [Life(box.size, box.left, box.right - 1) for box in given_boxes]
    check(as_lives, Placement(offsets, least, lower_bound(as_lives)), 1)


def pushed_down(order: tuple[Box, ...]) -> int:
    """The end of boxes that are laid upon each other in this order."""
    floor = [0] * max(box.right for box in order)
    for size, left, right in order:
        floor[left:right] = [max(floor[left:right]) + size] * (right - left)
    return max(floor)


@pytest.mark.parametrize("name", "ABCDEF")
def test_hard_problems(name: str) -> None:
    """All of them fit, though in most of them some position leaves not a byte unused."""
    problem = read(name)
    found = place(problem, CAPACITY, 1)
    check(problem, found, 1)
    assert found.end <= CAPACITY


@pytest.mark.parametrize("turns", [1, 6])
def test_long_problems(turns: int) -> None:
    """A problem after itself again and again, in time: far more sections than the search looks at at once."""
    once = read("B")
    length = 1 + max(life.last for life in once)
    problem = [Life(life.size, life.first + n * length, life.last + n * length) for n in range(turns) for life in once]
    capacity = CAPACITY * 9 // 8
    found = place(problem, capacity, 1)
    check(problem, found, 1)
    assert found.end <= capacity
    assert not fits(problem, CAPACITY - 1, 1)


@settings(max_examples=60)
@given(boxes)
def test_a_search_of_parts_of_valleys_is_sound(given_boxes: list[Box]) -> None:
    """What it finds is a packing."""
    least = min(map(pushed_down, permutations(given_boxes)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_REACH", 1)
        offsets = pack(given_boxes, least, 1)
    if offsets is not None:
        as_lives = [Life(box.size, box.left, box.right - 1) for box in given_boxes]
        check(as_lives, Placement(offsets, least, lower_bound(as_lives)), 1)


def test_what_cannot_fit() -> None:
    """Where no placement fits, the best one that is known says how much is missing."""
    problem = read("A")
    capacity = CAPACITY - 1
    found = place(problem, capacity, 1)
    check(problem, found, 1)
    assert capacity < found.bound <= found.end
    assert not fits(problem, capacity, 1)


def test_what_fits_tightly_is_placed() -> None:
    """Buffers of a network for which a search finds places close to the bound, and does not with more room."""
    problem, capacity, alignment = read_file("bert_base_on_4_cores"), 8_323_072, 2048
    found = place(problem, capacity, alignment)
    check(problem, found, alignment)
    assert fits(problem, capacity, alignment, tightly=True)
    assert found.end <= capacity


def read(name: str) -> list[Life]:
    """A problem of google/minimalloc."""
    return read_file(f"minimalloc/{name}.1048576")


def read_file(name: str) -> list[Life]:
    """A problem; upper ends are exclusive."""
    with (DATA / f"{name}.csv").open() as rows:
        return [Life(int(r["size"]), int(r["lower"]), int(r["upper"]) - 1) for r in csv.DictReader(rows)]
