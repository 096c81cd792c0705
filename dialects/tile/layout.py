"""How boxes lie in memory: tensors and buffers are row-major and dense."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from dialects.tile.boxes import Integers


class Piece(NamedTuple):
    """The dimensions of a box in memory whose positions lie next to each other, and those in front of them."""

    outer: int
    """The first so many dimensions step from piece to piece."""
    offset: int
    """Elements from the place of the outer dimensions to the piece."""
    length: int
    """Elements of a piece."""


def piece_of(shape: Sequence[int], low: Sequence[int], high: Sequence[int]) -> Piece:
    """The largest contiguous pieces of a box [low, high) in memory of that shape."""
    outer, length = len(shape), 1
    while outer and (low[outer - 1], high[outer - 1]) == (0, shape[outer - 1]):
        outer -= 1
        length *= shape[outer]
    if not outer:
        return Piece(0, 0, length)
    return Piece(outer - 1, low[outer - 1] * length, (high[outer - 1] - low[outer - 1]) * length)


def piece_offsets(shape: Sequence[int], low: Sequence[int], high: Sequence[int]) -> Integers:
    """Where each contiguous piece of a box begins, in elements from the corner of the memory, in order."""
    piece = piece_of(shape, low, high)
    offsets = np.array([piece.offset], np.int64)
    for dim in reversed(range(piece.outer)):
        steps = np.arange(low[dim], high[dim]) * prod(shape[dim + 1 :])
        offsets = (steps[:, None] + offsets).ravel()
    return offsets
