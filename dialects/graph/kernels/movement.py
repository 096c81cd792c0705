"""Kernels of ops that move values without changing them. Where NumPy can, the result is a view."""

from collections.abc import Sequence

import numpy as np

from dialects.errors import AicError
from dialects.graph.kernels.registry import Array, kernel


@kernel
def transpose(x: Array, *, permutation: Sequence[int]) -> Array:
    stack = x.ndim - len(permutation)
    return x.transpose(*range(stack), *(stack + source for source in permutation))


@kernel
def reshape(x: Array, *, shape: Sequence[int], rank: int) -> Array:
    """`rank` is the operand's; what stands before is the stack, and stays."""
    return x.reshape((*x.shape[: x.ndim - rank], *shape))


@kernel
def expand(x: Array, *, shape: Sequence[int]) -> Array:
    return np.broadcast_to(x, (*x.shape[: x.ndim - len(shape)], *shape))


@kernel
def concat(*operands: Array, axis: int) -> Array:
    return np.concatenate(operands, axis=axis)


@kernel
def slice_(x: Array, *, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Array:
    """Positions start, start + step, ..

    before stop of every dimension; with a negative step, stop may be -1: before the first.
    """
    ranges = [
        slice(start, None if stop < 0 else stop, step) for start, stop, step in zip(starts, stops, steps, strict=True)
    ]
    return x[(..., *ranges)]


@kernel
def pad(x: Array, *, pads: Sequence[int], value: float, mode: str) -> Array:
    """`pads` are the positions before each dimension, then those after each; negative ones were removed by slicing."""
    rank = len(pads) // 2
    widths = [(0, 0)] * (x.ndim - rank) + list(zip(pads[:rank], pads[rank:], strict=True))
    if mode == "constant":
        return np.pad(x, widths, constant_values=x.dtype.type(value))
    return np.pad(x, widths, "edge" if mode == "edge" else "wrap" if mode == "wrap" else "reflect")


@kernel
def gather(data: Array, indices: Array, *, axis: int, rank: int, index_rank: int) -> Array:
    """Slices of `data` along `axis` (from the end).

    `rank` and `index_rank` are the operands' own; either may be a stack.
    """
    stack = data.shape[: data.ndim - rank] or indices.shape[: indices.ndim - index_rank]
    if not stack:
        return _take(data, indices, axis)
    data = np.broadcast_to(data, (*stack, *data.shape[data.ndim - rank :])).reshape(-1, *data.shape[data.ndim - rank :])
    own = indices.shape[indices.ndim - index_rank :]
    indices = np.broadcast_to(indices, (*stack, *own)).reshape(-1, *own)
    parts = [_take(part, positions, axis) for part, positions in zip(data, indices, strict=True)]
    return np.stack(parts).reshape(*stack, *parts[0].shape)


def _take(data: Array, indices: Array, axis: int) -> Array:
    try:
        return np.take(data, indices, axis=axis)
    except IndexError:
        size = data.shape[axis]
        wrong = indices[(indices < -size) | (indices >= size)].flat[0]
        raise AicError(f"gather: index {wrong} is outside of the {size} positions of its table") from None


@kernel
def gather_elements(data: Array, indices: Array, *, axis: int) -> Array:
    """result[i, .., j] = data[i, .., indices[i, .., j], ..], index at `axis`; data may be longer elsewhere."""
    rank = data.ndim
    size = data.shape[axis]
    if ((indices < -size) | (indices >= size)).any():
        raise AicError(f"gather_elements: an index is outside of the {size} positions along the axis")
    clipped = tuple(slice(None) if d == rank + axis else slice(indices.shape[d]) for d in range(rank))
    return np.take_along_axis(data[clipped], np.where(indices < 0, indices + size, indices), axis=axis)
