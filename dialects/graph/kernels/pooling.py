"""Kernels of pooling, channels last: a running maximum or sum over the positions of the window."""

from collections.abc import Sequence

import numpy as np

from dialects.graph.kernels.extremes import lowest
from dialects.graph.kernels.registry import Array, kernel
from dialects.graph.kernels.windows import padded, taps


def gathered(
    combine: np.ufunc, x: Array, kernel_shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Array:
    """The values under the window, combined one after the other."""
    views = (view for _, _, view in taps(x, kernel_shape, strides, dilations))
    result = next(views).copy()
    for view in views:
        combine(result, view, out=result)
    return result


@kernel
def max_pool(
    x: Array, *, kernel_shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> Array:
    """x [.., H, W, C] to [.., H', W', C]; padding never wins. Along rows, then along columns: windows may be large."""
    x = padded(x, pads, lowest(x.dtype))
    x = gathered(np.maximum, x, (kernel_shape[0], 1), (strides[0], 1), (dilations[0], 1))
    return gathered(np.maximum, x, (1, kernel_shape[1]), (1, strides[1]), (1, dilations[1]))


@kernel
def average_pool(
    x: Array, *, kernel_shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> Array:
    """x [.., H, W, C] to [.., H', W', C]: the sum under the window, zeros where padded, over the window's size."""
    sums = gathered(np.add, padded(x, pads, 0.0), kernel_shape, strides, dilations)
    sums /= x.dtype.type(kernel_shape[0] * kernel_shape[1])
    return sums
