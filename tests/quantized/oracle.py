"""What ops of the quantized dialect compute, once more: in Python's own integers and fractions, element by element.

Written from the documentation of the ops, not from their kernels, and shares nothing with these: NumPy holds elements
here, it does not compute with them. A function has the name of its op and the arguments of its kernel.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import copysign, inf, isinf, isnan, prod
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import Float64Type
from xdsl.ir import Attribute

from dialects.graph.kernels import Array

Place: TypeAlias = tuple[int, ...]

FINEST, PRECISION, HIGHEST = -149, 24, 128
"""Of fp32: the exponent of its least number, its bits, and the exponent of the first power of two that it lacks."""


def rescaled(value: int, multiplier: int, shift: int, offset: int, limits: Sequence[int]) -> int:
    """((value * multiplier + 2^(shift - 1)) >> shift) + offset, limited."""
    return limited(((value * multiplier + (1 << (shift - 1))) >> shift) + offset, limits)


def limited(value: int, limits: Sequence[int]) -> int:
    return max(limits[0], min(limits[1], value))


def fp32(exact: Fraction) -> Fraction | float:
    """The number of fp32 that is nearest to an exact one, ties to even; an infinity beyond the largest."""
    if exact == 0:
        return exact
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if abs(exact) < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** max(exponent + 1 - PRECISION, FINEST)
    rounded = round(exact / step) * step
    return rounded if abs(rounded) < Fraction(2) ** HIGHEST else copysign(inf, exact)


def quantize(x: Array, *, scale: float, offset: int, to: Attribute) -> Array:
    """clip(rint(fp32(fp32(x / scale) + offset))), ties to even; NaN becomes the offset, infinities saturate."""
    low, high = _range(to)

    def element(place: Place) -> int:
        value = x.item(*place)
        if isnan(value):
            return offset
        single = value if isinf(value) else fp32(Fraction(value))
        quotient = single if isinf(single) else fp32(Fraction(single) / Fraction(scale))
        moved = quotient if isinf(quotient) else fp32(Fraction(quotient) + offset)
        if isinf(moved):
            return high if moved > 0 else low
        return limited(round(Fraction(moved)), (low, high))

    return _made(x.shape, _dtype(to), element)


def dequantize(x: Array, *, scale: float, offset: int, to: Attribute) -> Array:
    """fp32(scale * (q - offset))."""

    def element(place: Place) -> float:
        return float(fp32(Fraction(scale) * (x.item(*place) - offset)))

    return _made(x.shape, "float64" if isinstance(to, Float64Type) else "float32", element)


def requantize(
    x: Array,
    *,
    multiplier: int,
    shift: int,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    def element(place: Place) -> int:
        return rescaled(x.item(*place) - input_offset, multiplier, shift, output_offset, limits)

    return _made(x.shape, _dtype(to), element)


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
    """Padding means 0: it adds nothing to a sum."""
    batch, rows, columns, channels = x.shape
    kh, kw, depth, features = w.shape
    per_group = features * depth // channels

    def element(place: Place) -> int:
        n, r, c, f = place
        bias, multiplier, shift, weight_offset = (table.item(row, f) for row in range(4))
        total = bias
        for i, j, d in product(range(kh), range(kw), range(depth)):
            row = r * strides[0] + i * dilations[0] - pads[0]
            column = c * strides[1] + j * dilations[1] - pads[1]
            if 0 <= row < rows and 0 <= column < columns:
                value = x.item(n, row, column, f // per_group * depth + d)
                total += (value - input_offset) * (int(w.item(i, j, d, f)) - weight_offset)
        return rescaled(total, multiplier, shift, output_offset, limits)

    image = _image(x.shape, (kh, kw), strides, dilations, pads)
    return _made((batch, *image, features), _dtype(to), element)


def conv_transpose(
    x: Array,
    w: Array,
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
    """Input row i times weight row k is part of result row stride * i + dilation * k - pad."""
    _, rows, columns, channels = x.shape
    kh, kw, depth, features = w.shape
    per_group = features * depth // channels

    def element(place: Place) -> int:
        n, r, c, f = place
        bias, multiplier, shift, weight_offset = (table.item(row, f) for row in range(4))
        total = bias
        for i, j, k, m in product(range(rows), range(columns), range(kh), range(kw)):
            hit = strides[0] * i + dilations[0] * k - pads[0], strides[1] * j + dilations[1] * m - pads[1]
            if hit == (r, c):
                for d in range(depth):
                    value = x.item(n, i, j, f // per_group * depth + d)
                    total += (value - input_offset) * (int(w.item(k, m, d, f)) - weight_offset)
        return rescaled(total, multiplier, shift, output_offset, limits)

    return _made(shape, _dtype(to), element)


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
    def element(place: Place) -> int:
        *lead, m, n = place
        bias, multiplier, shift, weight_offset = (table.item(row, n) for row in range(4))
        total = bias
        for k in range(a.shape[-1]):
            weight = int(_at(b, (*lead, k, n)))
            total += (int(_at(a, (*lead, m, k))) - input_offset) * (weight - weight_offset)
        return rescaled(total, multiplier, shift, output_offset, limits)

    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return _made((*lead, a.shape[-2], b.shape[-1]), _dtype(to), element)


def add(
    a: Array,
    b: Array,
    *,
    multipliers: Sequence[int],
    shift: int,
    input_offsets: Sequence[int],
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    """Both products are added before the one rounding."""

    def element(place: Place) -> int:
        operands = zip((a, b), input_offsets, multipliers, strict=True)
        total = sum((int(_at(array, place)) - offset) * multiplier for array, offset, multiplier in operands)
        return rescaled(total, 1, shift, output_offset, limits)

    return _made(np.broadcast_shapes(a.shape, b.shape), _dtype(to), element)


def mul(
    a: Array,
    b: Array,
    *,
    multiplier: int,
    shift: int,
    input_offsets: Sequence[int],
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Array:
    def element(place: Place) -> int:
        first, second = (int(_at(array, place)) - offset for array, offset in zip((a, b), input_offsets, strict=True))
        return rescaled(first * second, multiplier, shift, output_offset, limits)

    return _made(np.broadcast_shapes(a.shape, b.shape), _dtype(to), element)


def clip(x: Array, *, limits: Sequence[int]) -> Array:
    return _made(x.shape, x.dtype.name, lambda place: limited(x.item(*place), limits))


def look_up(x: Array, table: Array, *, lowest: int, to: Attribute) -> Array:
    return _made(x.shape, _dtype(to), lambda place: table.item(x.item(*place) - lowest))


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
    """The factor divides by the size of the window, padding included, which means 0: it adds nothing to the sum."""
    batch, rows, columns, channels = x.shape

    def element(place: Place) -> int:
        n, r, c, channel = place
        total = 0
        for i, j in product(range(kernel_shape[0]), range(kernel_shape[1])):
            row = r * strides[0] + i * dilations[0] - pads[0]
            column = c * strides[1] + j * dilations[1] - pads[1]
            if 0 <= row < rows and 0 <= column < columns:
                total += x.item(n, row, column, channel) - input_offset
        return rescaled(total, multiplier, shift, output_offset, limits)

    image = _image(x.shape, kernel_shape, strides, dilations, pads)
    return _made((batch, *image, channels), _dtype(to), element)


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
    """The factor divides by the count."""
    reduced = {axis % x.ndim for axis in axes}
    kept = [d for d in range(x.ndim) if keepdims or d not in reduced]

    def element(place: Place) -> int:
        where = dict(zip(kept, place, strict=True))
        ranges = (range(x.shape[d]) if d in reduced else [where[d]] for d in range(x.ndim))
        total = sum(x.item(*source) - input_offset for source in product(*ranges))
        return rescaled(total, multiplier, shift, output_offset, limits)

    return _made([1 if d in reduced else x.shape[d] for d in kept], _dtype(to), element)


ORACLES: Mapping[str, Callable[..., Array]] = {
    f"quantized.{function.__name__}": function
    for function in (
        quantize,
        dequantize,
        requantize,
        conv,
        conv_transpose,
        matmul,
        add,
        mul,
        clip,
        look_up,
        average_pool,
        reduce_mean,
    )
}
"""The function of every kernel."""


def _image(
    shape: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
) -> list[int]:
    """Rows and columns of the result of a window."""
    spans = [dilations[d] * (kernel[d] - 1) + 1 for d in (0, 1)]
    return [(shape[1 + d] + pads[d] + pads[d + 2] - spans[d]) // strides[d] + 1 for d in (0, 1)]


def _at(array: Array, place: Place) -> int | float:
    """The element of an array, broadcast, at a place of the result."""
    own = place[len(place) - array.ndim :]
    return array.item(*(0 if size == 1 else index for index, size in zip(own, array.shape, strict=True)))


def _made(shape: Sequence[int], dtype: str, element: Callable[[Place], int | float]) -> Array:
    """An array of what a function gives for every place. Python integers that the dtype cannot hold are an error."""
    values = [element(place) for place in np.ndindex(*shape)]
    assert len(values) == prod(shape)
    return np.array(values, dtype).reshape(tuple(shape))


def _dtype(to: Attribute) -> str:
    return {"i8": "int8", "i16": "int16"}[str(to)]


def _range(to: Attribute) -> tuple[int, int]:
    return {"i8": (-128, 127), "i16": (-32768, 32767)}[str(to)]
