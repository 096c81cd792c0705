"""Kernels of element-wise ops on several operands. They broadcast like NumPy; operands of a stack have equal rank."""

import numpy as np
from xdsl.ir import TypeAttribute

from dialects.element_types import held_dtype
from dialects.graph.kernels.registry import Array, kernel


@kernel
def add(a: Array, b: Array) -> Array:
    return np.add(a, b)


@kernel
def sub(a: Array, b: Array) -> Array:
    return np.subtract(a, b)


@kernel
def mul(a: Array, b: Array) -> Array:
    return np.multiply(a, b)


@kernel
def div(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.divide(a, b)
    quotient = np.floor_divide(a, b)
    inexact = quotient * b != a
    return quotient + (inexact & ((a < 0) != (b < 0)))  # towards zero, where NumPy rounds down


@kernel
def mod(a: Array, b: Array, *, fmod: bool) -> Array:
    return np.fmod(a, b) if fmod else np.mod(a, b)


@kernel
def pow_(a: Array, b: Array) -> Array:
    if a.dtype.kind != "i":
        return np.power(a, b)
    power = np.power(a, np.where(b < 0, b & 1, b))  # of 1 and -1 the sign of b does not matter, and b's parity does
    return np.where((b >= 0) | (np.abs(a) == 1), power, 0).astype(a.dtype)


@kernel
def min_(a: Array, b: Array) -> Array:
    return np.minimum(a, b)


@kernel
def max_(a: Array, b: Array) -> Array:
    return np.maximum(a, b)


@kernel
def prelu(x: Array, slope: Array) -> Array:
    return np.where(x < 0, x * slope, x)


@kernel
def equal(a: Array, b: Array) -> Array:
    return np.equal(a, b)


@kernel
def less(a: Array, b: Array) -> Array:
    return np.less(a, b)


@kernel
def less_equal(a: Array, b: Array) -> Array:
    return np.less_equal(a, b)


@kernel
def greater(a: Array, b: Array) -> Array:
    return np.greater(a, b)


@kernel
def greater_equal(a: Array, b: Array) -> Array:
    return np.greater_equal(a, b)


@kernel
def and_(a: Array, b: Array) -> Array:
    return np.bitwise_and(a, b)


@kernel
def or_(a: Array, b: Array) -> Array:
    return np.bitwise_or(a, b)


@kernel
def xor(a: Array, b: Array) -> Array:
    return np.bitwise_xor(a, b)


@kernel
def select(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


@kernel
def cast(x: Array, *, to: TypeAttribute) -> Array:
    """Floats become integers by truncation; what does not fit is undefined."""
    return x.astype(held_dtype(to), copy=False)
