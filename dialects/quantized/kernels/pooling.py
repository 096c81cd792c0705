"""Kernels of averages of integers: exact sums, the count of what is averaged in the factor that rescales them."""

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Attribute

from dialects.element_types import stored_dtype
from dialects.graph.kernels.pooling import gathered
from dialects.graph.kernels.registry import Array, kernel_of
from dialects.graph.kernels.windows import padded
from dialects.quantized.rescaling import rescaled


@kernel_of("quantized")
def average_pool(
    x: Array,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    multiplier: int,
    shift: int,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """x [.., H, W, C] to [.., H', W', C]; padding is the offset, which means 0, and counts."""
    centred = padded(x, pads, input_offset).astype(np.float64)
    centred -= input_offset
    sums = gathered(np.add, centred, kernel_shape, strides, dilations)
    return rescaled(sums, 0, multiplier, shift, output_offset, limits, stored_dtype(to))


@kernel_of("quantized")
def reduce_mean(
    x: Array,
    *,
    axes: Sequence[int],
    keepdims: bool,
    multiplier: int,
    shift: int,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    sums = x.sum(axis=tuple(axes), keepdims=keepdims, dtype=np.int64)
    sums -= input_offset * count
    return rescaled(sums, 0, multiplier, shift, output_offset, limits, stored_dtype(to))
