"""Resizing in numbers: blocks of positions, and neighbours with their weights."""

import numpy as np
import pytest

from aic.importer.builder import Array
from aic.importer.resizing import LINEAR, Axis, blocks, cubic, interpolation_weights, near_blocks

SIZES = [(32, 64), (20, 37), (7, 13), (13, 5), (64, 32), (1, 5), (5, 1), (33, 100)]
ROOM = 10
COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric"]


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize(("size", "result"), SIZES)
def test_near_blocks_are_the_same_sums(size: int, result: int, coordinates: str) -> None:
    axis = Axis(size, result, result / size, coordinates)
    for kind in (LINEAR, cubic(-0.75)):
        first, weights = interpolation_weights(axis, kind, antialias=False, exclude_outside=False)
        found = near_blocks(first, weights)
        if found is None:
            continue
        step, pattern, wide = found
        positions = np.arange(result)
        blocked = step * (positions // len(pattern)) + np.array(pattern)[positions % len(pattern)]
        np.testing.assert_array_equal(dense(blocked, wide, size), dense(first, weights, size))


def dense(first: Array, weights: Array, size: int) -> Array:
    """The sums as a matrix [result, operand], with room for neighbours outside of the operand."""
    matrix = np.zeros((len(first), size + 2 * ROOM))
    for row, (position, shares) in enumerate(zip(first, weights, strict=True)):
        matrix[row, position + ROOM : position + ROOM + len(shares)] += shares
    return matrix


def test_weights_sum_to_one_and_lie_inside() -> None:
    first, weights = interpolation_weights(
        Axis(4, 8, 2.0, "half_pixel"), LINEAR, antialias=False, exclude_outside=False
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    outside = (first[:, None] + np.arange(2) < 0) | (first[:, None] + np.arange(2) >= 4)
    assert not weights[outside].any()
    assert blocks(first) == (1, (-1, 0))


def test_corners_that_are_aligned_lie_nearly_in_blocks() -> None:
    """Twice as many positions need one neighbour more than two, whatever the size."""
    for size in (16, 512):
        axis = Axis(size, 2 * size, 2.0, "align_corners")
        found = near_blocks(*interpolation_weights(axis, LINEAR, antialias=False, exclude_outside=False))
        assert found is not None
        assert (found[0], len(found[1]), found[2].shape[1]) == (1, 2, 3)
