"""A random use of every op of the quantized dialect: the op, on types with scales or on plain integers, and arrays.

Arrays are of small integers, of any, or of the extremes; factors bring results into their range, beyond it, to 0, or to
the middle between two integers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerType, TensorType, f16, f32, f64, i32
from xdsl.ir import Attribute, Block

from dialects.aic import DenseAttr
from dialects.element_types import held_dtype, storage_type, stored_dtype
from dialects.graph import GraphOp
from dialects.graph.kernels import Array
from dialects.quantized import UniformType
from dialects.quantized.arithmetic import Rescale
from dialects.quantized.parameters import LIMITS, Parameters
from tests.graph.cases import Case, Draw, Maker
from tests.graph.cases import window as window_of

SCALES = [0.5, 0.0078125, 0.1, 1e-3, 3.0]
FLOATS: list[Attribute] = [f16, f32, f64]


@dataclass
class QuantizedMaker(Maker):
    """Makes ops on arrays of integers; all its types have scales, or none has."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.scaled = self.flag()

    def bits(self) -> int:
        return 16 if self.choice(3) == 0 else 8

    def choice(self, count: int) -> int:
        """One of so many ways to fill a case, which shrinking leaves alone."""
        return int(self.random.integers(count))

    def within(self, low: int, high: int) -> int:
        """An integer, now and then the least or the greatest one."""
        return int(self.random.choice([low, high, self.random.integers(low, high, endpoint=True)]))

    def offset(self, bits: int) -> int:
        """0, or any integer of so many bits."""
        return self.within(*LIMITS[bits]) if self.choice(2) else 0

    def element(self, bits: int, offset: int) -> Attribute:
        """A type of integers with that offset."""
        scale = float(np.float32(self.random.choice(SCALES)))
        return UniformType.of(Parameters(scale, offset), bits) if self.scaled else IntegerType(bits)

    def array(self, shape: Sequence[int], bits: int) -> Array:
        low, high = LIMITS[bits]
        dtype, shape = f"int{bits}", tuple(shape)
        match self.choice(4):
            case 0:
                return self.random.choice([low, high], shape).astype(dtype)
            case 1:
                return self.random.integers(-4, 4, shape, endpoint=True).astype(dtype)
            case _:
                return self.random.integers(low, high, shape, endpoint=True).astype(dtype)

    def result(self, bits: int) -> dict[str, Any]:
        """The properties that say what integers the result has."""
        offset = self.offset(bits)
        low, high = LIMITS[bits]
        limits = sorted((self.within(low, high), self.within(low, high))) if self.choice(3) == 0 else (low, high)
        return {"to": self.element(bits, offset), "output_offset": offset, "limits": limits}

    def rescale(self, reach: int, bits: int) -> Rescale:
        """A factor that brings sums of a magnitude up to `reach` to integers of so many bits, or any at all."""
        match self.choice(6):
            case 0:
                return Rescale(self.within(0, (1 << 31) - 1), self.within(1, 45))
            case 1:
                shift = self.within(1, 45)
                return Rescale(1 << self.within(0, 30), shift)
            case _:
                ratio = (1 << bits) / reach * 10.0 ** self.random.uniform(-2, 1)
                return Rescale.of(ratio)

    def rescaling(self, reach: int, bits: int) -> dict[str, Any]:
        return {**self.result(bits), **self.rescale(reach, bits)._asdict()}

    def table(self, columns: int, reach: int, bits: int, offsets: Sequence[int]) -> Array:
        """Bias, multiplier, shift and weight's offset of every column."""
        rescales = [self.rescale(reach, bits) for _ in range(columns)]
        most = (1 << 31) - 1 if self.choice(4) == 0 else min(reach, (1 << 31) - 1)
        biases = [self.within(-most, most) if self.choice(3) else 0 for _ in range(columns)]
        rows = [biases, [r.multiplier for r in rescales], [r.shift for r in rescales], list(offsets)]
        return np.array(rows, np.int32)

    def weight(self, bits: int, columns: int, axis: int) -> tuple[Attribute, list[int]]:
        """Type of a weight, and the offset of every column: none, one for all, or each its own."""
        match self.choice(3):
            case 0:
                return self.element(bits, 0), [0] * columns
            case 1:
                offset = self.offset(bits)
                return self.element(bits, offset), [offset] * columns
            case _:
                offsets = [self.offset(bits) for _ in range(columns)]
                return self.channels(bits, axis, offsets), offsets

    def channels(self, bits: int, axis: int, offsets: Sequence[int]) -> Attribute:
        if not self.scaled:
            return IntegerType(bits)
        scales = DenseAttr.from_array(self.random.choice(SCALES, len(offsets)).astype(np.float32))
        return UniformType.of_channels(axis, scales, DenseAttr.from_array(np.array(offsets, np.int32)), bits)

    def typed(self, arrays: Sequence[Array], elements: Sequence[Attribute], **properties: Any) -> Case:
        """The op on arrays of these element types."""
        for array, element in zip(arrays, elements, strict=True):
            assert array.dtype == held_dtype(element)
        pairs = zip(arrays, elements, strict=True)
        block = Block(arg_types=[TensorType(element, array.shape) for array, element in pairs])
        return self.kind.of(block.args, properties), list(arrays)


def quantize(make: QuantizedMaker) -> Case:
    offset, element = ranged(make)
    scale = element.scaling.scale
    source = FLOATS[make.choice(3)]
    shape = make.shape(0)
    places = make.random.integers(-40000, 40000, shape) / 2 - offset  # integers and the middles between two
    values = (places if make.choice(2) else make.random.standard_normal(shape) * 200) * scale
    odd = make.random.choice([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30], shape)
    values = np.where(make.random.random(shape) < 0.1, odd, values)
    with np.errstate(over="ignore"):
        values = values.astype(stored_dtype(source)).astype(held_dtype(source))
    to = element if make.scaled else element.storage
    return make.typed([values], [source], scale=scale, offset=offset, to=to)


def ranged(make: QuantizedMaker) -> tuple[int, UniformType]:
    """An offset, and a type with it and with a scale."""
    bits = make.bits()
    offset = make.offset(bits)
    scale = float(np.float32(make.random.choice([*SCALES, 1e-30, 1e30])))
    return offset, UniformType.of(Parameters(scale, offset), bits)


def dequantize(make: QuantizedMaker) -> Case:
    offset, element = ranged(make)
    source = element if make.scaled else element.storage
    array = make.array(make.shape(0), element.bits)
    to = FLOATS[make.choice(3)]
    return make.typed([array], [source], scale=element.scaling.scale, offset=offset, to=to)


def requantize(make: QuantizedMaker) -> Case:
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    return make.typed(
        [make.array(make.shape(0), bits)],
        [make.element(bits, offset)],
        input_offset=offset,
        **make.rescaling(1 << bits, to_bits),
    )


def conv(make: QuantizedMaker) -> Case:
    (n, rows, columns, depth), properties, kernel = window_of(make)
    groups = make.integer(1, 3)
    features = groups * make.integer(1, 3)
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    weight, offsets = make.weight(bits, features, 3)
    reach = prod(kernel) * depth << (2 * bits - 2)
    arrays = [
        make.array((n, rows, columns, depth * groups), bits),
        make.array((*kernel, depth, features), bits),
        make.table(features, reach, to_bits, offsets),
    ]
    elements = [make.element(bits, offset), weight, i32]
    return make.typed(arrays, elements, input_offset=offset, **make.result(to_bits), **properties)


def conv_transpose(make: QuantizedMaker) -> Case:
    """With positions that no weight reaches, and ones left out or added at the ends."""
    kernel, dilations, strides, sizes = ([make.integer(1, high), make.integer(1, high)] for high in (3, 2, 3, 4))
    reach = [(kernel[d] - 1) * dilations[d] for d in (0, 1)]
    pads = [make.integer(-2, reach[d] // 2) for d in (0, 1, 0, 1)]
    groups, depth = make.integer(1, 2), make.integer(1, 3)
    features = groups * make.integer(1, 3)
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    weight, offsets = make.weight(bits, features, 3)
    arrays = [
        make.array((make.integer(1, 2), *sizes, depth * groups), bits),
        make.array((*kernel, depth, features), bits),
        make.table(features, prod(kernel) * depth << (2 * bits - 2), to_bits, offsets),
    ]
    elements = [make.element(bits, offset), weight, i32]
    windows = {"strides": strides, "dilations": dilations, "pads": pads}
    return make.typed(arrays, elements, input_offset=offset, **make.result(to_bits), **windows)


def matmul(make: QuantizedMaker) -> Case:
    lead, (m, k, n) = make.shape(0, 2), (make.integer(1, 6) for _ in range(3))
    right = (*(size if make.flag() else 1 for size in lead), k, n) if make.flag() else (k, n)
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    weight, offsets = make.weight(bits, n, len(right) - 1)
    table = make.table(n, k << (2 * bits - 2), to_bits, offsets)
    arrays = [make.array((*lead, m, k), bits), make.array(right, bits), table]
    elements = [make.element(bits, offset), weight, i32]
    return make.typed(arrays, elements, input_offset=offset, **make.result(to_bits))


def binary(make: QuantizedMaker) -> tuple[list[Array], list[Attribute], dict[str, Any], int]:
    """Two arrays that broadcast, their element types, properties, and the bits of the widest operand."""
    shape = make.shape(0)
    shapes = [shape, make.narrowed(shape)]
    bits = [make.bits(), make.bits()]
    offsets = [make.offset(b) for b in bits]
    if make.flag():
        shapes.reverse()
    arrays = [make.array(s, b) for s, b in zip(shapes, bits, strict=True)]
    elements = [make.element(b, o) for b, o in zip(bits, offsets, strict=True)]
    return arrays, elements, {"input_offsets": offsets}, max(bits)


def add(make: QuantizedMaker) -> Case:
    arrays, elements, properties, bits = binary(make)
    to_bits = make.bits()
    factors = [make.rescale(1 << bits, to_bits) for _ in range(2)]
    properties |= {"multipliers": [factor.multiplier for factor in factors], "shift": factors[0].shift}
    return make.typed(arrays, elements, **properties, **make.result(to_bits))


def mul(make: QuantizedMaker) -> Case:
    arrays, elements, properties, bits = binary(make)
    return make.typed(arrays, elements, **properties, **make.rescaling(1 << 2 * bits, make.bits()))


def clip(make: QuantizedMaker) -> Case:
    bits = make.bits()
    limits = sorted(make.within(*LIMITS[bits]) for _ in range(2))
    return make.typed([make.array(make.shape(0), bits)], [make.element(bits, make.offset(bits))], limits=limits)


def look_up(make: QuantizedMaker) -> Case:
    bits, to_bits = 16 if make.choice(6) == 0 else 8, make.bits()
    to = make.element(to_bits, make.offset(to_bits))
    arrays = [make.array(make.shape(0), bits), make.array((1 << bits,), to_bits)]
    return make.typed(arrays, [make.element(bits, make.offset(bits)), storage_type(to)], to=to)


def average_pool(make: QuantizedMaker) -> Case:
    shape, properties, kernel = window_of(make)
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    rescaling = make.rescaling(prod(kernel) << bits, to_bits)
    return make.typed(
        [make.array(shape, bits)],
        [make.element(bits, offset)],
        kernel_shape=kernel,
        input_offset=offset,
        **properties,
        **rescaling,
    )


def reduce_mean(make: QuantizedMaker) -> Case:
    shape = make.shape()
    axes = make.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    bits, to_bits = make.bits(), make.bits()
    offset = make.offset(bits)
    rescaling = make.rescaling(prod(shape[axis] for axis in axes) << bits, to_bits)
    return make.typed(
        [make.array(shape, bits)],
        [make.element(bits, offset)],
        axes=sorted(axes),
        keepdims=make.flag(),
        input_offset=offset,
        **rescaling,
    )


MAKERS: dict[str, Callable[[QuantizedMaker], Case]] = {
    f"quantized.{maker.__name__}": maker
    for maker in (
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


def random_case(draw: Draw, kind: type[GraphOp]) -> Case:
    """A random use of an op of the quantized dialect."""
    return MAKERS[kind.name](QuantizedMaker(draw, kind))
