"""Chains of descriptors: every byte moves once, every descriptor keeps to the limits, and few are taken."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dialects.hardware import load_hardware
from dialects.tile.descriptors import Chain, Limits, Route, Shape, Steps, chain_of, descriptor_counts, most_descriptors

PRO = Limits.of(load_hardware("pro"))


class Descriptor(NamedTuple):
    """Rows of bytes, from an offset in the source to one in the target; a single row is linear."""

    source: int
    target: int
    width: int
    rows: int
    steps: Steps
    linear: bool


def unfolded(chain: Chain) -> Iterator[Descriptor]:
    for at in product(*(range(steps.times) for steps in chain.outer)):
        source = sum(n * steps.source for n, steps in zip(at, chain.outer, strict=True))
        target = sum(n * steps.target for n, steps in zip(at, chain.outer, strict=True))
        for row in range(0, chain.rows.times, chain.block):
            rows = min(chain.block, chain.rows.times - row)
            for column in range(0, chain.width, chain.column):
                width = min(chain.column, chain.width - column)
                start = source + row * chain.rows.source + column, target + row * chain.rows.target + column
                yield Descriptor(*start, width, rows, chain.rows, chain.block == 1)


class Transfer(NamedTuple):
    extents: Shape
    route: Route


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """A box that fits into both memories; often it spans them."""
    rank = draw(st.integers(0, 4))
    extents = [draw(st.integers(1, 5)) for _ in range(rank)]
    source, target = ([extent + draw(st.sampled_from([0, 0, 0, 1, 3])) for extent in extents] for _ in range(2))
    return Transfer(tuple(extents), Route(tuple(source), tuple(target), draw(st.sampled_from([1, 2, 4]))))


LIMITS = st.builds(
    Limits,
    linear_bytes=st.sampled_from([4, 7, 1 << 20]),
    width_bytes=st.sampled_from([4, 8, 1 << 16]),
    rows=st.sampled_from([2, 3, 1 << 16]),
    stride_bytes=st.sampled_from([4, 16, 64, 1 << 16]),
    chain=st.just(128),
)


def places(shape: Shape, extents: Shape, item_bytes: int) -> list[int]:
    """Offsets of the bytes of a box at the corner of a memory, in the order of its items."""
    items = np.arange(prod(shape)).reshape(shape)[tuple(map(slice, extents))]
    return (items.reshape(-1, 1) * item_bytes + np.arange(item_bytes)).ravel().tolist()


@given(transfers(), LIMITS)
def test_every_byte_moves_once_to_its_place(transfer: Transfer, limits: Limits) -> None:
    extents, route = transfer
    moved = [
        (each.source + row * each.steps.source + byte, each.target + row * each.steps.target + byte)
        for each in unfolded(chain_of(extents, route, limits))
        for row in range(each.rows)
        for byte in range(each.width)
    ]
    ends = (places(shape, extents, route.item_bytes) for shape in (route.source, route.target))
    assert sorted(moved) == sorted(zip(*ends, strict=True))


@given(transfers(), LIMITS)
def test_every_descriptor_keeps_to_the_limits(transfer: Transfer, limits: Limits) -> None:
    chain = chain_of(*transfer, limits)
    descriptors = list(unfolded(chain))
    assert len(descriptors) == chain.count
    for each in descriptors:
        if each.linear:
            assert each.rows == 1
            assert each.width <= limits.linear_bytes
        else:
            assert each.width <= limits.width_bytes
            assert each.rows <= limits.rows
            assert max(each.steps.source, each.steps.target) <= limits.stride_bytes


@given(transfers(), LIMITS, st.data())
def test_the_bound_holds_for_all_smaller_boxes(transfer: Transfer, limits: Limits, data: st.DataObject) -> None:
    extents, route = transfer
    limits = limits._replace(linear_bytes=1 << 20)
    smaller = tuple(data.draw(st.integers(1, extent)) for extent in extents)
    assert chain_of(smaller, route, limits).count <= most_descriptors(smaller, route, limits)
    assert most_descriptors(smaller, route, limits) <= most_descriptors(extents, route, limits)


def count(extents: Shape, source: Shape, target: Shape) -> int:
    return chain_of(extents, Route(source, target, 2), PRO).count


def test_what_spans_memories_is_linear() -> None:
    assert chain_of((4, 56, 56), Route((9, 56, 56), (4, 56, 56), 2), PRO) == Chain(
        4 * 56 * 56 * 2, PRO.linear_bytes, Steps(1, 0, 0), 1, ()
    )


def test_rows_take_one_descriptor_as_long_as_the_stride_fits() -> None:
    assert count((128, 64), (128, 32767), (128, 64)) == 1
    assert count((128, 64), (128, 32768), (128, 64)) == 128
    # As well between samples, whose rows then are single descriptors.
    assert count((8, 128, 64), (8, 128, 512), (8, 128, 64)) == 1
    assert count((8, 100, 64), (8, 128, 512), (8, 100, 64)) == 8
    assert count((8, 100, 64), (8, 128, 32768), (8, 100, 64)) == 800


def test_the_longest_dimension_becomes_the_rows() -> None:
    assert count((50, 4, 64), (50, 8, 128), (50, 4, 64)) == 4


def test_long_rows_are_cut() -> None:
    length = PRO.linear_bytes // 2
    assert count((length,), (length,), (length,)) == 1
    assert count((length + 1,), (length + 1,), (length + 1,)) == 2


def test_empty_boxes_take_none() -> None:
    assert descriptor_counts([(2, 3), (0, 3), (2, 0)], Route((4, 8), (2, 3), 2), PRO) == [1, 0, 0]
    assert descriptor_counts([()], Route((), (), 2), PRO) == [1]
