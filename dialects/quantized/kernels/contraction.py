"""Kernels of integer convolution and matrix multiplication.

Sums of products of integers are exact in fp32 up to 2^24 and in fp64 up to 2^53: of 8-bit integers so many products are
added in fp32 as are safe, and these sums in fp64. Integer products of NumPy itself do not run in BLAS.
"""

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import Attribute

from dialects.element_types import stored_dtype
from dialects.graph.kernels.contraction import Product, convolved, multiplied
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.graph.kernels.windows import padded
from dialects.quantized.arithmetic import rescaled

_EXACT_F32 = 1 << 24

BIAS, MULTIPLIER, SHIFT, WEIGHT_OFFSET = range(4)
"""Rows of a table of rescaling."""


@kernel_of("quantized")
def conv(
    x: Array,
    w: Array,
    table: Array,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Convolution of integers, channels last; operands and result as `graph.conv`, `table` [.., 4, F].

    Positions that `pads` add are the input's offset, which means 0.
    """

    def contract(x: Array, w: Array, product: Product) -> Array:
        return convolved(x, w, strides, dilations, product)

    # Windows of channels that see only themselves are summed without a matrix product.
    alone = w.shape[-4] * w.shape[-3] if w.shape[-2] == 1 else 1
    sums = _exact_sums(padded(x, pads, input_offset), w, table, input_offset, 4, contract, alone)
    return _finished(sums, table, output_offset, limits, to)


@kernel_of("quantized")
def matmul(
    a: Array,
    b: Array,
    table: Array,
    *,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Matrix product of integers [.., M, K] x [.., K, N] with `table` [.., 4, N]."""
    sums = _exact_sums(a, b, table, input_offset, 2, multiplied)
    return _finished(sums, table, output_offset, limits, to)


def _exact_sums(
    x: Array,
    w: Array,
    table: Array,
    offset: int,
    own: int,
    contract: Callable[[Array, Array, Product], Array],
    alone: int = 1,
) -> Array:
    """Sums of (x - offset) (w - weight's offset), `contract` saying which, `alone` products of them without a matrix
    product; `own` dimensions of w are those of one core, the last that of the columns.
    """
    offsets = table[..., WEIGHT_OFFSET, :]
    at_once = _EXACT_F32 // (_reach(x.dtype, offset) * _reach(w.dtype, offsets))
    dtype = np.float32 if at_once >= alone else np.float64
    x = x.astype(dtype)
    if offset:
        x -= offset
    w = w.astype(dtype, copy=False)
    if offsets.any():
        w = _less_offsets(w, offsets.astype(dtype), own)

    def product(a: Array, b: Array) -> Array:
        """A matrix product, of so many products at once as sum up exactly."""
        depth = a.shape[-1]
        if dtype == np.float64 or depth <= at_once:
            return a @ b
        step = -(-depth // -(-depth // at_once))
        sums = (a[..., :step] @ b[..., :step, :]).astype(np.float64)
        for start in range(step, depth, step):
            sums += a[..., start : start + step] @ b[..., start : start + step, :]
        return sums

    return contract(x, w, product)


def _less_offsets(w: Array, offsets: Array, own: int) -> Array:
    """Weights less the offsets of their columns. Where only these are stacked, so are the results."""
    if w.ndim == own:
        w = w.reshape(*(1,) * (offsets.ndim - 1), *w.shape)
    return w - _along_columns(offsets, w.ndim)


def _reach(dtype: np.dtype[np.generic], offsets: int | Array) -> int:
    """The greatest magnitude of an integer less its offset. Weights may be held in fp32: then they have 8 bits."""
    low, high = (-(1 << 15), (1 << 15) - 1) if dtype == np.int16 else (-(1 << 7), (1 << 7) - 1)
    return max(high - int(np.min(offsets, initial=high)), int(np.max(offsets, initial=low)) - low)


def _finished(sums: Array, table: Array, offset: int, limits: Sequence[int], to: Attribute) -> Array:
    """Sums with their bias, on the scale of the result."""
    bias, multiplier, shift = (_along_columns(table[..., row, :], sums.ndim) for row in (BIAS, MULTIPLIER, SHIFT))
    return rescaled(sums, bias, multiplier, shift, offset, limits, stored_dtype(to))


def _along_columns(row: Array, ndim: int) -> Array:
    """A row [.., F] made to broadcast against the last of `ndim` dimensions; what stands before is its stack."""
    return row.reshape(*row.shape[:-1], *(1,) * (ndim - row.ndim), row.shape[-1])
