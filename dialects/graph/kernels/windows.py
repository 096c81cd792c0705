"""Sliding windows over rows and columns, channels last, as strided slices: what convolution and pooling share."""

from collections.abc import Iterator, Sequence

import numpy as np

from dialects.graph.kernels.registry import Array


def padded(x: Array, pads: Sequence[int], value: float) -> Array:
    """`x` [.., H, W, C] with positions of `value` around it: rows before, columns before, rows after, columns after."""
    if not any(pads):
        return x
    top, left, bottom, right = pads
    *lead, rows, columns, channels = x.shape
    result = np.empty((*lead, top + rows + bottom, left + columns + right, channels), x.dtype)
    result[..., :top, :, :] = value
    result[..., top + rows :, :, :] = value
    result[..., top : top + rows, :left, :] = value
    result[..., top : top + rows, left + columns :, :] = value
    result[..., top : top + rows, left : left + columns, :] = x
    return result


def extents(x: Array, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the result of a window that moves over `x` [.., H, W, C]."""
    rows, columns = (
        (size - dilation * (width - 1) - 1) // stride + 1
        for size, width, stride, dilation in zip(x.shape[-3:-1], kernel, strides, dilations, strict=True)
    )
    return rows, columns


def taps(
    x: Array, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Iterator[tuple[int, int, Array]]:
    """Every position (i, j) of the window, and the view [.., H', W', C] of what lies under it as it moves over `x`."""
    rows, columns = extents(x, kernel, strides, dilations)
    for i in range(kernel[0]):
        top = i * dilations[0]
        for j in range(kernel[1]):
            left = j * dilations[1]
            bottom, right = top + (rows - 1) * strides[0] + 1, left + (columns - 1) * strides[1] + 1
            yield i, j, x[..., top : bottom : strides[0], left : right : strides[1], :]
