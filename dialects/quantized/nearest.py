"""Places on the scale of a result, rounded half up to its integers: estimated in fp32, and exact all the same.

fp32 is fast, but errs. How much it errs at most is known: a place that lies further than that from the middle between
two integers is rounded right, and the few others are computed again, exactly. Places are added a half and the margin of
the error, rounded down, and computed again where what was cut off is less than twice the margin.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]
Part: TypeAlias = tuple[Any, ...]
"""An index of arrays: of a block of them, or of single elements."""

_BLOCK = 1 << 15
"""Elements that are rounded at a time: they and what is computed of them fit a core's second-level cache."""
_ROUNDING = 2.0**-24
"""What an operation in fp32 errs at most, of its result."""
_ROUNDINGS = 5
"""Of every term of a place: its factor, the sum that it multiplies, their product, and what is added to that are
rounded; one more for what these few bits multiply up to.
"""
_FURTHEST = 257.0
"""Beyond the magnitude of all places of 8-bit integers, with their offset."""
_WIDEST_MARGIN = 2.0**-6
"""With wider ones too many places are computed twice."""


class Places(Protocol):
    """Where the elements of a result lie, exactly."""

    margin: float
    """More than estimates err by."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        ...

    def estimate(self, part: Part, out: Floats, spare: Floats) -> None:
        """Writes places + offset of the result + 1/2 + margin, of a part; `spare` has room for as many numbers."""
        ...

    def exact(self, part: Part) -> Array:
        """The places of a part in fp64, exactly where they are in the range of the result."""
        ...


def margin_of(reach: float) -> float:
    """The margin of estimates where terms beside the one that varies without bounds are of a magnitude up to `reach`.

    That one is as large as these and the place together.
    """
    return _ROUNDINGS * _ROUNDING * (reach + _FURTHEST)


def nearest(places: Places, offset: int, limits: Sequence[int], dtype: np.dtype[np.generic]) -> Array:
    """Places rounded half up, moved by the offset, and limited; in C order."""
    result = np.empty(places.shape, dtype)
    if result.size == 0:
        return result
    if dtype.itemsize > 1 or places.margin > _WIDEST_MARGIN:
        for part in _blocks(result.shape):
            result[part] = _rounded(places.exact(part), offset, limits)
        return result
    close = _round_estimates(places, limits, result)
    again = np.flatnonzero(close)
    if again.size:
        exact = places.exact(tuple(np.unravel_index(again, result.shape)))
        result.reshape(-1)[again] = _rounded(exact, offset, limits)
    return result


def broadcast_part(array: Array, part: Part) -> Array:
    """A part of the result's shape of an array that has as many dimensions, or none, and broadcasts against it.

    Blocks may lack dimensions of 1 in front.
    """
    index = (0 if size == 1 else index for size, index in zip(array.shape, part, strict=False))
    return array[(*index, ...)]


def _round_estimates(places: Places, limits: Sequence[int], result: Array) -> npt.NDArray[np.bool_]:
    """Writes what estimates round to; gives where they are too close to the middle between two integers."""
    close = np.empty(result.shape, np.bool_)
    scratch = np.empty((2, min(result.size, _BLOCK)), np.float32)
    low, high = np.float32(limits[0] + 0.5), np.float32(limits[1] + 0.5)
    twice = np.float32(2 * places.margin)
    for part in _blocks(result.shape):
        to = result[part]
        place, integer = (row[: to.size].reshape(to.shape) for row in scratch)
        places.estimate(part, place, integer)
        place.clip(low, high, out=place)
        np.floor(place, out=integer)
        np.subtract(place, integer, out=place)
        np.less(place, twice, out=close[part])
        np.copyto(to, integer, casting="unsafe")
    return close


def _rounded(places: Array, offset: int, limits: Sequence[int]) -> Array:
    return np.minimum(np.maximum(np.floor(places + 0.5) + offset, limits[0]), limits[1])


def _blocks(shape: Sequence[int]) -> Iterator[Part]:
    """Indices of blocks of at most `_BLOCK` elements that make up an array."""
    axis = next((axis for axis in range(len(shape)) if prod(shape[axis + 1 :]) <= _BLOCK), None)
    if axis is None:
        yield (...,)
        return
    step = _BLOCK // prod(shape[axis + 1 :])
    for lead in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            yield (*lead, slice(start, start + step))
