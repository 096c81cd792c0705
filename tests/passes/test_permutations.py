"""Permutations of dimensions, against NumPy."""

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from passes.rewriting.permutations import (
    inverse,
    is_identity,
    moves_only_units,
    permuted,
    transpose_below_reshape,
)

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=5).map(tuple)


@st.composite
def transposed_and_reshaped(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A shape, an order of its dimensions, and a shape into which the result can be reshaped by splits and merges."""
    shape = draw(SHAPES)
    order = tuple(draw(st.permutations(range(len(shape)))))
    target = [shape[d] for d in order]
    for _ in range(draw(st.integers(0, 2))):
        i = draw(st.integers(0, len(target) - 1))
        choice = draw(st.sampled_from(["merge", "split", "unit"]))
        if choice == "merge" and i + 1 < len(target):
            target[i : i + 2] = [target[i] * target[i + 1]]
        elif choice == "split" and target[i] % 2 == 0:
            target[i : i + 1] = [2, target[i] // 2]
        elif choice == "unit":
            target.insert(i, 1)
    return shape, order, tuple(target)


@given(transposed_and_reshaped())
def test_exchange_of_transpose_and_reshape(case: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> None:
    shape, order, target = case
    x = np.arange(prod(shape)).reshape(shape)
    exchange = transpose_below_reshape(shape, order, target)
    if exchange is None:
        return
    result = x.transpose(exchange.before).reshape(exchange.shape).transpose(exchange.after)
    np.testing.assert_array_equal(result, x.transpose(order).reshape(target))
    again = transpose_below_reshape(shape, exchange.before, exchange.shape)
    assert again is None or moves_only_units(again.after, again.shape), "rewriting would not end"


def test_exchange_is_found_where_dimensions_stay_whole() -> None:
    exchange = transpose_below_reshape((2, 8, 9, 6), (0, 3, 1, 2), (2, 2, 3, 8, 9))
    assert exchange is not None
    assert (exchange.before, exchange.shape, exchange.after) == ((0, 1, 2, 3), (2, 8, 9, 2, 3), (0, 3, 4, 1, 2))


def test_no_exchange_where_a_reshape_merges_what_was_moved_apart() -> None:
    assert transpose_below_reshape((2, 3, 5, 7), (0, 2, 1, 3), (2, 5, 21)) is None


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), st.permutations(range(len(shape))))))
def test_orders(case: tuple[tuple[int, ...], list[int]]) -> None:
    shape, order = case
    x = np.arange(prod(shape)).reshape(shape)
    y = x.transpose(order)
    assert y.shape == permuted(shape, order)
    np.testing.assert_array_equal(y.transpose(inverse(order)), x)
    assert is_identity(permuted(order, inverse(order)))
    if moves_only_units(order, shape):
        np.testing.assert_array_equal(x.reshape(y.shape), y)
