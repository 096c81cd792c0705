"""Constants made from constants: the same values as NumPy's, and no new bytes where a handle can say it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType, f16, f32

from dialects.aic import DenseAttr, WeightAttr
from dialects.weights import WeightStore
from passes.rewriting.constants import channel_vector, reshaped, retyped, transposed

STORED = np.arange(2 * 3 * 1 * 40, dtype=np.float32).reshape(2, 3, 1, 40)


def store_with_weight() -> tuple[WeightStore, WeightAttr]:
    store = WeightStore("")
    return store, WeightAttr.of(store.add(STORED), TensorType(f32, STORED.shape))


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_transposes_of_a_handle_compose(first: list[int], second: list[int]) -> None:
    store, weight = store_with_weight()
    moved = transposed(transposed(weight, first, store), second, store)
    assert isinstance(moved, WeightAttr)
    assert moved.key == weight.key
    np.testing.assert_array_equal(store.held(moved), STORED.transpose(first).transpose(second))


@given(st.permutations(range(3)))
def test_dimensions_of_size_1_do_not_need_bytes(order: list[int]) -> None:
    store, weight = store_with_weight()
    moved = transposed(reshaped(weight, (2, 3, 40)), order, store)
    assert isinstance(moved, WeightAttr)
    assert moved.key == weight.key
    np.testing.assert_array_equal(store.held(moved), STORED.reshape(2, 3, 40).transpose(order))


def test_a_regrouped_handle_is_copied_to_be_transposed() -> None:
    store, weight = store_with_weight()
    moved = transposed(reshaped(weight, (6, 40)), (1, 0), store)
    assert isinstance(moved, WeightAttr)
    np.testing.assert_array_equal(store.held(moved), STORED.reshape(6, 40).T)
    moved = transposed(reshaped(weight, (8, 30)), (1, 0), store)
    assert isinstance(moved, WeightAttr)
    assert moved.key != weight.key
    np.testing.assert_array_equal(store.held(moved), STORED.reshape(8, 30).T)


def test_an_identity_has_no_permutation() -> None:
    store, weight = store_with_weight()
    there = transposed(weight, (3, 0, 1, 2), store)
    assert transposed(there, (1, 2, 3, 0), store) == weight


def test_conversion_keeps_the_handle() -> None:
    store, weight = store_with_weight()
    half = retyped(transposed(weight, (3, 1, 0, 2), store), f16)
    assert isinstance(half, WeightAttr)
    assert half.key == weight.key
    assert half.type == TensorType(f16, [40, 3, 2, 1])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), [7.0] * 3), ((1, 1), [7.0] * 3), ((3, 1), [7.0, 8.0, 9.0]), ((1, 3, 1), [7.0, 8.0, 9.0])],
)
def test_channel_vectors(shape: tuple[int, ...], expected: list[float]) -> None:
    values = np.arange(7, 7 + int(np.prod(shape)), dtype=np.float32).reshape(shape)
    vector = channel_vector(DenseAttr.from_array(values), 1, TensorType(f32, [2, 3, 4]), WeightStore(""))
    assert vector is not None
    assert vector.tolist() == expected


@pytest.mark.parametrize("shape", [(4,), (2, 1, 1), (1, 1, 3, 1)])
def test_what_varies_otherwise_is_no_channel_vector(shape: tuple[int, ...]) -> None:
    constant = DenseAttr.from_array(np.zeros(shape, np.float32))
    assert channel_vector(constant, 1, TensorType(f32, [2, 3, 4]), WeightStore("")) is None
