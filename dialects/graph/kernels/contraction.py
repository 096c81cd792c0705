"""Kernels of the ops that contract: convolution, transposed convolution and matrix multiplication.

The sums run in BLAS, in float32 (float64 for f64).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product as pairs
from math import gcd, prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from dialects.graph.kernels.activation import activate
from dialects.graph.kernels.registry import Array, kernel
from dialects.graph.kernels.windows import extents, padded, taps

Product: TypeAlias = Callable[[Array, Array], Array]
"""A product of matrices, in the way of `np.matmul`."""


@kernel
def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    activation: str = "",
    bounds: Sequence[float] = (),
) -> Array:
    """Convolution, channels last.

    x [.., H, W, C], w [.., kh, kw, C / groups, F] (its leading dimensions, if any, match those of x before its batch
    dimension), b [.., F]; `pads` are rows before, columns before, rows after, columns after. Result [.., H', W', F].
    The number of groups follows from the shapes.
    """
    y = convolved(padded(x, pads, 0.0), w, strides, dilations)
    if b is not None:
        y = np.add(y, stacked(b, y.ndim, 1), out=y)
    return activate(y, activation, bounds)


def convolved(
    x: Array, w: Array, strides: Sequence[int], dilations: Sequence[int], product: Product = np.matmul
) -> Array:
    """Convolution without padding, groups by the shapes. `product` multiplies matrices."""
    groups = x.shape[-1] // w.shape[-2]
    if groups == 1:
        return _dense(x, w, strides, dilations, product)
    if w.shape[-2] == 1 and w.shape[-1] == groups:
        return _depthwise(x, w, strides, dilations)
    return _grouped(x, w, groups, strides, dilations, product)


@dataclass(frozen=True)
class _Phase:
    """Every stride-th position of the result, from `first` on: a convolution of its own, with a part of the weight."""

    first: int
    start: int
    """Operand position under the first position of the window, for the first position of the result."""
    count: int
    """Number of positions of the result."""
    taps: slice
    """The positions of the weight, backwards."""
    dilation: int
    reach: int
    """Operand positions that the window spans beyond its first."""


def _phases(size: int, kernel_size: int, stride: int, dilation: int, cut: int) -> list[_Phase]:
    """The phases of one dimension that any position of the weight contributes to."""
    shared = gcd(stride, dilation)
    found: list[_Phase] = []
    for first in range(min(stride, size)):
        matching = [k for k in range(kernel_size) if (first + cut - dilation * k) % stride == 0]
        if not matching:
            continue
        reach = (len(matching) - 1) * (dilation // shared)
        start = (first + cut - dilation * matching[0]) // stride - reach
        below = matching[0] - 1
        taps = slice(matching[-1], below if below >= 0 else None, -(stride // shared))
        found.append(_Phase(first, start, -(-(size - first) // stride), taps, dilation // shared, reach))
    return found


@kernel
def conv_transpose(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    shape: Sequence[int],
    activation: str = "",
    bounds: Sequence[float] = (),
) -> Array:
    """Transposed convolution, channels last: x and w as in `conv`, result [.., H', W', F] as `shape` says.

    `pads` are the rows and columns left out before the first ones that are kept; what is left out behind follows from
    the shape.
    """
    y = convolved_transposed(x, w, strides, dilations, pads, shape)
    if b is not None:
        y = np.add(y, stacked(b, y.ndim, 1), out=y)
    return activate(y, activation, bounds)


def convolved_transposed(
    x: Array,
    w: Array,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    shape: Sequence[int],
    product: Product = np.matmul,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    """Transposed convolution, operands and result as in `conv_transpose`. `product` multiplies matrices; sums are of
    `dtype`, that of x unless given.
    """
    rows, columns = (_phases(shape[d - 3], w.shape[d - 4], strides[d], dilations[d], pads[d]) for d in (0, 1))
    stack = np.broadcast_shapes(x.shape[:-4], w.shape[:-4])
    y = np.zeros((*stack, x.shape[-4], *shape[-3:-1], w.shape[-1]), dtype or x.dtype)
    if rows and columns:
        (top, bottom), (left, right) = _missing(rows, x.shape[-3]), _missing(columns, x.shape[-2])
        x = padded(x, (top, left, bottom, right), 0.0)
        for r, c in pairs(rows, columns):
            over = x[..., r.start + top : r.start + top + r.count + r.reach, :, :]
            over = over[..., c.start + left : c.start + left + c.count + c.reach, :]
            part = w[..., r.taps, c.taps, :, :]
            y[..., r.first :: strides[0], c.first :: strides[1], :] = convolved(
                over, part, (1, 1), (r.dilation, c.dilation), product
            )
    return y


def _missing(phases: Sequence[_Phase], size: int) -> tuple[int, int]:
    """How many positions before and behind an operand of `size` the windows of the phases reach."""
    low = min(phase.start for phase in phases)
    high = max(phase.start + phase.count + phase.reach for phase in phases)
    return max(0, -low), max(0, high - size)


def _patches(x: Array, kernel_shape: tuple[int, int], strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """[.., H', W', kh * kw * C]: what lies under the window, one row per position.

    A view where the window is one position.
    """
    if kernel_shape == (1, 1):
        return next(view for _, _, view in taps(x, kernel_shape, strides, dilations))
    kh, kw = kernel_shape
    channels = x.shape[-1]
    rows, columns = extents(x, kernel_shape, strides, dilations)
    result = np.empty((*x.shape[:-3], rows, columns, kh, kw, channels), x.dtype)
    if dilations[1] == 1:  # the row of a window is one contiguous run of memory
        runs = sliding_window_view(x.reshape(*x.shape[:-2], -1), kw * channels, axis=-1)[
            ..., :: strides[1] * channels, :
        ]
        for i in range(kh):
            top = i * dilations[0]
            view = runs[..., top : top + (rows - 1) * strides[0] + 1 : strides[0], :columns, :]
            result[..., i, :, :] = view.reshape(*view.shape[:-1], kw, channels)
    else:
        for i, j, view in taps(x, kernel_shape, strides, dilations):
            result[..., i, j, :] = view
    return result.reshape(*x.shape[:-3], rows, columns, kh * kw * channels)


def _dense(x: Array, w: Array, strides: Sequence[int], dilations: Sequence[int], product: Product) -> Array:
    """Patches times weights: one matrix product per set of weights. A stack of one meets every set."""
    stack = w.shape[:-4]
    matrix = w.reshape(*stack, -1, w.shape[-1])
    patches = _patches(x, (w.shape[-4], w.shape[-3]), strides, dilations)
    shared = [axis for axis, size in enumerate(stack) if size == 1]
    if not shared or len(shared) == len(stack):
        return _products(patches, matrix, len(stack), product)
    return _products_of_shared(patches, matrix, shared, product)


def _products(rows: Array, matrix: Array, stacked: int, product: Product) -> Array:
    """rows [stack.., .., K] times matrix [stack.., K, F]; all that lies between stack and K are rows of one product."""
    count = prod(rows.shape[stacked:-1])
    y = product(rows.reshape(*rows.shape[:stacked], count, rows.shape[-1]), matrix)
    return y.reshape(*y.shape[:stacked], *rows.shape[stacked:-1], y.shape[-1])


def multiplied(a: Array, b: Array, product: Product = np.matmul) -> Array:
    """Matrix product [.., M, K] x [.., K, N], leading dimensions broadcast, or stacked before those of the matrices.
    `product` multiplies matrices.
    """
    return _products(a, b, 0, product) if b.ndim == 2 else _broadcast_products(a, stacked(b, a.ndim, 2), product)


def _broadcast_products(a: Array, b: Array, product: Product) -> Array:
    """a @ b; along leading dimensions in which `b` is one, those of `a` become rows of one product."""
    shared = [axis for axis in range(b.ndim - 2) if b.shape[axis] == 1 and a.ndim == b.ndim and a.shape[axis] > 1]
    return _products_of_shared(a, b, shared, product) if shared else product(a, b)


def _products_of_shared(rows: Array, matrix: Array, shared: Sequence[int], product: Product) -> Array:
    """The same where the matrix is one along some axes of the stack: these become rows, so that it is read once."""
    own = [axis for axis in range(matrix.ndim - 2) if axis not in shared]
    order = [*own, *shared, *range(matrix.ndim - 2, rows.ndim)]
    y = _products(rows.transpose(order), matrix.squeeze(axis=tuple(shared)), len(own), product)
    return y.transpose(np.argsort(order))


def _depthwise(x: Array, w: Array, strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """Every channel has its own window: a weighted sum of shifted views."""
    rows, columns = extents(x, w.shape[-4:-2], strides, dilations)
    y = np.zeros((*x.shape[:-3], rows, columns, x.shape[-1]), x.dtype)
    product = np.empty_like(y)
    for i, j, view in taps(x, w.shape[-4:-2], strides, dilations):
        y += np.multiply(view, stacked(w[..., i, j, 0, :], y.ndim, 1), out=product)
    return y


def _grouped(
    x: Array, w: Array, groups: int, strides: Sequence[int], dilations: Sequence[int], product: Product
) -> Array:
    """Each group of input channels meets its own weights."""
    depth, features = w.shape[-2], w.shape[-1] // groups
    parts = [
        _dense(
            x[..., g * depth : (g + 1) * depth], w[..., g * features : (g + 1) * features], strides, dilations, product
        )
        for g in range(groups)
    ]
    return np.concatenate(parts, axis=-1)


def stacked(b: Array, ndim: int, own: int) -> Array:
    """`b` with unit dimensions put between its stack and its last `own` dimensions, to broadcast against `ndim`."""
    if b.ndim == own:
        return b
    return b.reshape(*b.shape[: b.ndim - own], *(1,) * (ndim - b.ndim), *b.shape[b.ndim - own :])


@kernel
def matmul(
    a: Array,
    b: Array,
    c: Array | None = None,
    *,
    activation: str = "",
    bounds: Sequence[float] = (),
) -> Array:
    """Matrix product [.., M, K] x [.., K, N], leading dimensions broadcast, plus `c` [.., N], then the activation."""
    y = multiplied(a, b)
    if c is not None:
        y = np.add(y, stacked(c, y.ndim, 1), out=y)
    return activate(y, activation, bounds)
