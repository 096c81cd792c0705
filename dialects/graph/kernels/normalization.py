"""Kernels of normalization."""

import numpy as np

from dialects.graph.kernels.registry import Array, kernel


@kernel
def softmax(x: Array, *, axis: int) -> Array:
    y = x - x.max(axis=axis, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y


@kernel
def log_softmax(x: Array, *, axis: int) -> Array:
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))
    return y


def along_last(vector: Array, ndim: int) -> Array:
    """A vector [.., C] made to broadcast against the last of `ndim` dimensions; what stands before is its stack."""
    if vector.ndim == 1:
        return vector
    return vector.reshape(*vector.shape[:-1], *(1,) * (ndim - vector.ndim), vector.shape[-1])


@kernel
def layer_norm(x: Array, scale: Array, bias: Array | None = None, *, epsilon: float) -> Array:
    y = x - x.mean(axis=-1, keepdims=True)
    variance = np.einsum("...i,...i->...", y, y)[..., None]
    variance /= x.dtype.type(x.shape[-1])
    variance += x.dtype.type(epsilon)
    y /= np.sqrt(variance, out=variance)
    y *= along_last(scale, y.ndim)
    if bias is not None:
        y += along_last(bias, y.ndim)
    return y


@kernel
def rms_norm(x: Array, scale: Array, *, epsilon: float) -> Array:
    square = np.einsum("...i,...i->...", x, x)[..., None]
    square /= x.dtype.type(x.shape[-1])
    square += x.dtype.type(epsilon)
    y = x / np.sqrt(square, out=square)
    y *= along_last(scale, y.ndim)
    return y


@kernel
def batch_norm(
    x: Array, scale: Array, bias: Array, mean: Array, variance: Array, *, axis: int, epsilon: float
) -> Array:
    factor = scale / np.sqrt(variance + x.dtype.type(epsilon))
    offset = bias - mean * factor
    y = x * _along(factor, x.ndim, axis)
    y += _along(offset, x.ndim, axis)
    return y


def _along(vector: Array, ndim: int, axis: int) -> Array:
    """A vector [.., C] made to broadcast against dimension `axis` (from the end) of `ndim` dimensions."""
    spread = along_last(vector, ndim + axis + 1)
    return spread.reshape(*spread.shape, *(1,) * (-axis - 1))


@kernel
def lrn(x: Array, *, size: int, alpha: float, beta: float, bias: float) -> Array:
    channels = x.shape[-1]
    square = x * x
    sums = np.zeros_like(square)
    for offset in range(max(-((size - 1) // 2), 1 - channels), min(size // 2 + 1, channels)):
        low, high = max(0, -offset), min(channels, channels - offset)
        if low < high:
            sums[..., low:high] += square[..., low + offset : high + offset]
    sums *= x.dtype.type(alpha / size)
    sums += x.dtype.type(bias)
    np.power(sums, x.dtype.type(-beta), out=sums)
    sums *= x
    return sums
