"""Constants made from constants: the same values as NumPy's, and no new bytes where a handle can say it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType, f16, f32

from dialects.aic import DenseAttr, WeightAttr
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.rewriting.constants import channel_vector, part_of, reshaped, retyped, transposed

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


@given(st.permutations(range(4)), st.integers(0, 3), st.data())
def test_a_part_of_a_handle_is_a_box_of_what_is_stored(order: list[int], dim: int, data: st.DataObject) -> None:
    store, weight = store_with_weight()
    moved = transposed(weight, order, store)
    size = moved.type.get_shape()[dim]
    start = data.draw(st.integers(0, size - 1))
    positions = range(start, data.draw(st.integers(start + 1, size)))
    part = part_of(moved, dim, positions, store)
    np.testing.assert_array_equal(store.held(part), np.take(STORED.transpose(order), positions, dim))
    assert list(store.arrays) == [weight.key.data]


def test_a_part_of_a_regrouped_handle_needs_no_bytes_between_rows_of_what_is_stored() -> None:
    store, weight = store_with_weight()
    for shape, dim, positions in [((6, 40), 1, range(3, 9)), ((2, 12, 10), 1, range(4, 8)), ((2, 120), 1, range(40))]:
        part = part_of(reshaped(weight, shape), dim, positions, store)
        np.testing.assert_array_equal(store.held(part), np.take(STORED.reshape(shape), positions, dim))
    assert list(store.arrays) == [weight.key.data]
    part = part_of(reshaped(weight, (2, 120)), 1, range(30), store)
    np.testing.assert_array_equal(store.held(part), STORED.reshape(2, 120)[:, :30])
    assert len(store.arrays) == 2


def test_scales_along_the_dimension_go_with_a_part() -> None:
    scales, offsets = np.arange(1, 41, dtype=np.float32), np.zeros(40, np.int32)
    store = WeightStore("")
    element = UniformType.of_channels(1, DenseAttr.from_array(scales), DenseAttr.from_array(offsets), 8)
    weight = WeightAttr.of(store.add(np.ones((50, 40), np.int8)), TensorType(element, (50, 40)))
    columns, rows = part_of(weight, 1, range(3, 5), store), part_of(weight, 0, range(3, 5), store)
    narrowed = columns.type.element_type
    assert isinstance(narrowed, UniformType)
    assert isinstance(narrowed.scales, DenseAttr)
    assert narrowed.scales.array().tolist() == [4, 5]
    assert rows.type.element_type == element


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
