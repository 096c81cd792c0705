"""Kernels of reductions and of running sums. Axes count from the end."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from dialects.graph.kernels.extremes import highest, lowest
from dialects.graph.kernels.registry import Array, kernel


@kernel
def reduce_sum(x: Array, *, axes: Sequence[int], keepdims: bool) -> Array:
    return np.sum(x, axis=tuple(axes), keepdims=keepdims, dtype=x.dtype)


@kernel
def reduce_mean(x: Array, *, axes: Sequence[int], keepdims: bool) -> Array:
    wide = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    sums = np.sum(x, axis=tuple(axes), keepdims=keepdims, dtype=wide)
    return np.divide(sums, wide.type(prod(x.shape[axis] for axis in axes))).astype(x.dtype, copy=False)


@kernel
def reduce_max(x: Array, *, axes: Sequence[int], keepdims: bool) -> Array:
    return np.maximum.reduce(x, axis=tuple(axes), keepdims=keepdims, initial=lowest(x.dtype) if x.size == 0 else None)


@kernel
def reduce_min(x: Array, *, axes: Sequence[int], keepdims: bool) -> Array:
    return np.minimum.reduce(x, axis=tuple(axes), keepdims=keepdims, initial=highest(x.dtype) if x.size == 0 else None)


@kernel
def reduce_prod(x: Array, *, axes: Sequence[int], keepdims: bool) -> Array:
    return np.prod(x, axis=tuple(axes), keepdims=keepdims, dtype=x.dtype)


@kernel
def arg_max(x: Array, *, axis: int, keepdims: bool, select_last: bool) -> Array:
    return _position(np.argmax, x, axis, keepdims, select_last)


@kernel
def arg_min(x: Array, *, axis: int, keepdims: bool, select_last: bool) -> Array:
    return _position(np.argmin, x, axis, keepdims, select_last)


def _position(find: Callable[..., Array], x: Array, axis: int, keepdims: bool, select_last: bool) -> Array:
    if not select_last:
        return np.asarray(find(x, axis=axis, keepdims=keepdims), np.int64)
    return np.asarray(x.shape[axis] - 1 - find(np.flip(x, axis), axis=axis, keepdims=keepdims), np.int64)


@kernel
def top_positions(x: Array, *, axis: int, count: int, largest: bool) -> Array:
    """Of equal values the one that comes first."""
    if not largest:
        return _first(np.argsort(x, axis=axis, kind="stable"), axis, count)
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return _first(x.shape[axis] - 1 - np.flip(backwards, axis), axis, count)


def _first(positions: Array, axis: int, count: int) -> Array:
    return np.asarray(positions[(..., slice(count), *(slice(None),) * (-axis - 1))], np.int64)


@kernel
def cumsum(x: Array, *, axis: int, exclusive: bool, reverse: bool) -> Array:
    values = np.flip(x, axis) if reverse else x
    sums = np.cumsum(values, axis=axis, dtype=x.dtype)
    if exclusive:
        sums -= values
    return np.flip(sums, axis) if reverse else sums
