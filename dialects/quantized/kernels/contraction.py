"""Kernels of integer convolution and matrix multiplication."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from xdsl.ir import Attribute

from dialects.graph.kernels.contraction import Product, convolved, convolved_transposed, multiplied
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.graph.kernels.windows import padded
from dialects.quantized.kernels.weights import Weights, prepared


@kernel_of("quantized")
def conv(
    x: Array,
    w: Array | Weights,
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

    Positions that `pads` add are the input's offset, which means 0. In place of w may stand what is `prepared` of it.
    """
    weights = _prepared("quantized.conv", x, w, table, input_offset, output_offset, limits, to)
    x = padded(x, pads, input_offset)
    if weights.values.shape[-2] == 1:  # channels that see only themselves, perhaps: summed without a matrix product
        x = _widened(x, weights)
    return weights.rescaling.apply(convolved(x, weights.values, strides, dilations, _product(weights)))


@kernel_of("quantized")
def conv_transpose(
    x: Array,
    w: Array | Weights,
    table: Array,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    shape: Sequence[int],
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Transposed convolution of integers, channels last: `pads` and `shape` as `graph.conv_transpose`, the rest as in
    `conv`.
    """
    weights = _prepared("quantized.conv_transpose", x, w, table, input_offset, output_offset, limits, to)
    w = weights.values
    exact = w.dtype if prod(w.shape[-4:-1]) <= weights.at_once else np.float64
    x = _widened(x, weights)
    sums = convolved_transposed(x, w, strides, dilations, pads, shape, _product(weights), exact)
    return weights.rescaling.apply(sums)


@kernel_of("quantized")
def matmul(
    a: Array,
    b: Array | Weights,
    table: Array,
    *,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Matrix product of integers [.., M, K] x [.., K, N], which may be prepared, with `table` [.., 4, N]."""
    weights = _prepared("quantized.matmul", a, b, table, input_offset, output_offset, limits, to)
    return weights.rescaling.apply(multiplied(a, weights.values, _product(weights)))


def _prepared(kernel: str, x: Array, w: Array | Weights, table: Array, *arguments: Any) -> Weights:
    return w if isinstance(w, Weights) else prepared(kernel, x.dtype, w, table, *arguments)


def _widened(x: Array, weights: Weights) -> Array:
    wide = x.astype(weights.values.dtype)
    if weights.centre:
        wide -= weights.centre
    return wide


def _product(weights: Weights) -> Product:
    """The product of matrices that adds so many products at once as sum up exactly. Rows are widened here, so that what
    lies under a window is put together from bytes.
    """
    at_once = weights.at_once

    def product(a: Array, b: Array) -> Array:
        a = a.astype(b.dtype, copy=False)
        depth = a.shape[-1]
        if b.dtype == np.float64 or depth <= at_once:
            return a @ b
        step = -(-depth // -(-depth // at_once))
        sums = (a[..., :step] @ b[..., :step, :]).astype(np.float64)
        for start in range(step, depth, step):
            sums += a[..., start : start + step] @ b[..., start : start + step, :]
        return sums

    return product
