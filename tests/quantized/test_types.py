"""Types of the quantized dialect, type rules of its ops, and what they say, with both values, of what does not fit."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import (
    ArrayAttr,
    FloatAttr,
    IntAttr,
    IntegerType,
    Signedness,
    StringAttr,
    TensorType,
    f16,
    f32,
    f64,
    i8,
    i16,
    i32,
)
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import element_bytes, held_dtype, storage_type, stored_dtype
from dialects.graph import GraphOp
from dialects.quantized import UniformType, contraction, conversion, elementwise, pooling
from dialects.quantized.parameters import LIMITS, Parameters, dequantized, quantized

T = TensorType[Attribute]
UI8 = IntegerType(8, Signedness.UNSIGNED)


def uniform(scale: float = 0.5, offset: int = 3, bits: int = 8) -> UniformType:
    return UniformType.of(Parameters(scale, offset), bits)


def channels(scales: list[float], offsets: list[int], axis: int = 0, bits: int = 8) -> UniformType:
    values = DenseAttr.from_array(np.array(scales, np.float32)), DenseAttr.from_array(np.array(offsets, np.int32))
    return UniformType.of_channels(axis, *values, bits)


def dense(values: Any, element: Attribute, shape: list[int]) -> DenseAttr:
    return DenseAttr.of(np.array(values), TensorType(element, shape))


# Types


def test_a_type_is_stored_as_its_integers() -> None:
    for bits in LIMITS:
        for element in (uniform(bits=bits), channels([0.5, 0.25], [0, 1], bits=bits)):
            assert storage_type(element) == IntegerType(bits)
            assert stored_dtype(element) == held_dtype(element) == np.dtype(f"int{bits}")
            assert element_bytes(element) == bits // 8
            assert element.bits == bits


def test_a_type_knows_its_scale_as_fp32() -> None:
    assert uniform(0.1, -128).scaling == Parameters(float(np.float32(0.1)), -128)
    assert uniform().channel_axis is None
    assert channels([0.5, 0.25], [0, 0], axis=1).channel_axis == 1
    with pytest.raises(TypeError, match="has no one scale"):
        _ = channels([0.5, 0.25], [0, 0]).scaling


def test_equal_types_are_equal() -> None:
    assert uniform(0.1) == uniform(float(np.float32(0.1)))
    assert uniform(0.1) != uniform(0.1, 4) != uniform(0.1, 4, 16)
    assert channels([0.5], [0]) != uniform(0.5, 0)


HANDLES = [
    WeightAttr(StringAttr(key), ArrayAttr(()), TensorType(element, [4096])) for key, element in (("s", f32), ("o", i32))
]


def test_scales_of_many_channels_are_handles() -> None:
    element = UniformType.of_channels(3, HANDLES[0], HANDLES[1], 8)
    assert element.channel_axis == 3
    with pytest.raises(TypeError, match="has no one scale"):
        _ = element.scaling


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UniformType(UI8, IntAttr(-1), *_one(0.5, 0)), "ui8 is none of i8, i16, i32"),
        (lambda: UniformType(IntegerType(4), IntAttr(-1), *_one(0.5, 0)), "i4 is none of i8, i16, i32"),
        (
            lambda: UniformType(i8, IntAttr(-1), dense(0.5, f64, []), dense(0, i32, [])),
            "scales are f32 and offsets i32",
        ),
        (lambda: UniformType(i8, IntAttr(-1), dense(0.5, f32, []), dense(0, i8, [])), "got .*f32> and tensor<i8>"),
        (lambda: UniformType(i8, IntAttr(0), *_one(0.5, 0)), "scales tensor<f32> along axis 0"),
        (lambda: UniformType(i8, IntAttr(-2), *_one(0.5, 0)), "along axis -2"),
        (lambda: UniformType(i8, IntAttr(-1), dense([0.5], f32, [1]), dense([0], i32, [1])), "along axis -1"),
        (
            lambda: UniformType.of_channels(0, dense(0.5, f32, [1, 2]), dense(0, i32, [1, 2]), 8),
            "tensor<1x2xf32>",
        ),
        (lambda: channels([0.5, 0.25], [0]), "as many scales as offsets, got tensor<2xf32> and tensor<1xi32>"),
        (lambda: UniformType.of_channels(0, HANDLES[0], dense(0, i32, [2]), 8), "as many scales as offsets"),
        (lambda: uniform(0.0), "a scale is not a number above 0"),
        (lambda: uniform(-0.5), "a scale is not a number above 0"),
        (lambda: uniform(inf), "a scale is not a number above 0"),
        (lambda: uniform(float("nan")), "a scale is not a number above 0"),
        (lambda: uniform(1e300), "a scale is not a number above 0"),
        (lambda: uniform(1e-300), "a scale is not a number above 0"),
        (lambda: channels([0.5, 0.0], [0, 0]), "a scale is not a number above 0"),
        (lambda: uniform(0.5, 128), "an offset is outside -128 to 127"),
        (lambda: uniform(0.5, -32769, 16), "an offset is outside -32768 to 32767"),
        (lambda: uniform(0.5, 1 << 29, 32), "an offset is outside -536870912 to 536870911"),
        (lambda: channels([0.5, 0.5], [0, -129]), "an offset is outside -128 to 127"),
    ],
)
def test_what_is_no_type(make: Callable[[], UniformType], message: str) -> None:
    with pytest.raises(VerifyException, match=message):
        make()


def _one(scale: float, offset: int) -> tuple[DenseAttr, DenseAttr]:
    return dense(scale, f32, []), dense(offset, i32, [])


# Numbers of types that no op computes on: biases


def test_integers_of_32_bits_are_narrower_than_their_type() -> None:
    low, high = LIMITS[32]
    numbers = np.array([1e30, -1e30, 2.0**29, 2.0**29 - 32, -(2.0**29), np.nan, np.inf], np.float32)
    assert quantized(numbers, 1.0, 7, 32).tolist() == [high, low, high, (1 << 29) - 32, low, 7, high]
    assert quantized(numbers, 1.0, 7, 32).dtype == np.int32
    assert dequantized(np.array([low, high], np.int32), 0.5, high).tolist() == [-(2.0**29), 0.0]


def test_every_channel_has_its_own_scale_and_offset() -> None:
    scales, offsets = np.array([0.5, 2.0], np.float32), np.array([3, -100], np.int32)
    numbers = np.array([[1.25, 7.0], [-100.0, 1000.0]], np.float32)
    integers = quantized(numbers, scales, offsets, 8)
    assert integers.tolist() == [[6, -96], [-128, 127]]
    assert dequantized(integers, scales, offsets).tolist() == [[1.5, 8.0], [-65.5, 454.0]]


# Type rules

X, WIDE, FLAT = T(i8, [1, 4, 4, 3]), T(i16, [1, 4, 4, 3]), T(i8, [2, 3])
TO: dict[str, Any] = {"to": i8, "output_offset": 0, "limits": (-128, 127)}
FACTOR: dict[str, Any] = {"multiplier": 1 << 30, "shift": 31}
WINDOW: dict[str, Any] = {"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}
UNARY = {**TO, **FACTOR, "input_offset": 0}
BINARY = {**TO, **FACTOR, "input_offsets": (0, 0)}
SUM = {**TO, "multipliers": (1, 1), "shift": 1, "input_offsets": (0, 0)}
PRODUCT = {**TO, "input_offset": 0}
POOL = {**UNARY, **WINDOW, "kernel_shape": (2, 2)}
FEATURES = T(i32, [4, 5])


def made(kind: type[GraphOp], *types: T, **properties: Any) -> GraphOp:
    op = kind.of(Block(arg_types=types).args, properties)
    op.verify()
    return op


@pytest.mark.parametrize(
    ("kind", "types", "properties", "message"),
    [
        # base.py: integers, offsets, limits, factors
        (conversion.RequantizeOp, [T(i32, [2])], UNARY, "takes integers of 8 or 16 bits, got i32"),
        (conversion.RequantizeOp, [T(f32, [2])], UNARY, "takes integers of 8 or 16 bits, got f32"),
        (conversion.RequantizeOp, [T(UI8, [2])], UNARY, "takes signless integers, got ui8"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "to": i32}, "takes integers of 8 or 16 bits, got i32"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "to": UI8}, "takes signless integers, got ui8"),
        (conversion.RequantizeOp, [T(uniform(bits=32), [2])], UNARY, "8 or 16 bits, got !quantized.uniform<i32"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "input_offset": 128}, "input_offset 128 is outside -128 to 127"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "output_offset": -129}, "output_offset -129 is outside -128 to"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "to": i16, "output_offset": 1 << 15}, "outside -32768 to 32767"),
        (
            conversion.RequantizeOp,
            [T(uniform(0.5, 3), [2])],
            UNARY,
            "input_offset 0, but the type is !quantized.uniform<i8, 0.5 : 3>",
        ),
        (
            conversion.RequantizeOp,
            [FLAT],
            {**UNARY, "to": uniform()},
            "output_offset 0, but the type is .*0.5 : 3>",
        ),
        (
            conversion.RequantizeOp,
            [FLAT],
            {**UNARY, "limits": (1, 0)},
            r"limits \[1, 0\] are no two integers from -128",
        ),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "limits": (-129, 0)}, r"limits \[-129, 0\] are no two"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "limits": (0, 128)}, r"limits \[0, 128\] are no two"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "limits": (0,)}, r"limits \[0\] are no two"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "limits": (0.5, 1.0)}, "expected an array of i64"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "multiplier": -1}, "multiplier -1 and shift 31; they are 0 to 2"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "multiplier": 1 << 31}, "multiplier 2147483648 and shift 31"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "shift": 0}, "multiplier 1073741824 and shift 0"),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "shift": 46}, "and shift 46; they are .* and 1 to 45"),
        # conversion.py
        (conversion.QuantizeOp, [FLAT], {"scale": 0.5, "offset": 0, "to": i8}, "takes floating-point values"),
        (conversion.QuantizeOp, [T(f32, [2])], {"scale": 0.5, "offset": 0, "to": i32}, "8 or 16 bits, got i32"),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": 0.5, "offset": 200, "to": i8},
            "offset 200 is outside",
        ),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": 0.0, "offset": 0, "to": i8},
            "scale 0.0 is not a number",
        ),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": inf, "offset": 0, "to": i8},
            "scale inf is not a number",
        ),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": 0.5, "offset": 0, "to": uniform()},
            "offset 0, but the type is",
        ),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": 0.25, "offset": 3, "to": uniform()},
            "scale 0.25, but the type is !quantized.uniform<i8, 0.5 : 3>",
        ),
        (
            conversion.QuantizeOp,
            [T(f32, [2])],
            {"scale": 0.5, "offset": 0, "to": channels([0.5, 0.5], [0, 0])},
            "scale 0.5, but the type is !quantized.uniform<i8, axis 0",
        ),
        (
            conversion.DequantizeOp,
            [FLAT],
            {"scale": 0.5, "offset": 0, "to": i16},
            "floating-point numbers, not i16",
        ),
        (conversion.DequantizeOp, [T(f32, [2])], {"scale": 0.5, "offset": 0, "to": f32}, "8 or 16 bits, got f32"),
        (
            conversion.DequantizeOp,
            [FLAT],
            {"scale": -1.0, "offset": 0, "to": f32},
            "scale -1.0 is not a number",
        ),
        (conversion.DequantizeOp, [FLAT], {"scale": 1.0, "offset": -200, "to": f32}, "offset -200 is outside"),
        (
            conversion.DequantizeOp,
            [T(uniform(), [2])],
            {"scale": 0.1, "offset": 3, "to": f16},
            "scale 0.1, but the type is !quantized.uniform<i8, 0.5 : 3>",
        ),
        # contraction.py
        (
            contraction.MatmulOp,
            [T(i8, [2, 3]), T(i16, [3, 5]), FEATURES],
            PRODUCT,
            "i8> and .*i16> have different",
        ),
        (contraction.MatmulOp, [T(i32, [2, 3]), T(i32, [3, 5]), FEATURES], PRODUCT, "8 or 16 bits, got i32"),
        (contraction.MatmulOp, [T(i8, [2, 3]), T(i8, [4, 5]), FEATURES], PRODUCT, "have no product"),
        (
            contraction.MatmulOp,
            [T(i8, [2, 3]), T(i8, [3, 5]), T(i32, [3, 5])],
            PRODUCT,
            r"a table of i32 \[4, 5\] rescales, got tensor<3x5xi32>",
        ),
        (contraction.MatmulOp, [T(i8, [2, 3]), T(i8, [3, 5]), T(i32, [4, 3])], PRODUCT, r"i32 \[4, 5\] rescales"),
        (
            contraction.MatmulOp,
            [T(i8, [2, 3]), T(i8, [3, 5]), T(i16, [4, 5])],
            PRODUCT,
            "got tensor<4x5xi16>",
        ),
        (
            contraction.MatmulOp,
            [T(i8, [2, 3]), T(i8, [3, 5]), FEATURES],
            {**PRODUCT, "input_offset": 130},
            "input_offset 130 is outside",
        ),
        (
            contraction.MatmulOp,
            [T(uniform(), [2, 3]), T(i8, [3, 5]), FEATURES],
            PRODUCT,
            "input_offset 0, but the type is",
        ),
        (
            contraction.ConvOp,
            [X, T(i8, [1, 1, 2, 5]), FEATURES],
            {**PRODUCT, **WINDOW},
            "3 input channels and 5 features",
        ),
        (contraction.ConvOp, [X, T(i8, [5, 5, 3, 5]), FEATURES], {**PRODUCT, **WINDOW}, r"window \(5, 5\)"),
        (contraction.ConvOp, [X, T(i8, [1, 1, 3, 5]), T(i32, [4, 3])], {**PRODUCT, **WINDOW}, r"i32 \[4, 5\] rescales"),
        # elementwise.py
        (elementwise.AddOp, [FLAT, T(i8, [4])], SUM, r"shapes \(2, 3\), \(4,\) do not broadcast"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "input_offsets": (0,)}, r"two operands, but input_offsets \[0\]"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "input_offsets": (0, 128)}, "input offset 128 is outside"),
        (elementwise.AddOp, [FLAT, T(uniform(), [3])], SUM, "input offset 0, but the type is !quantized.uniform"),
        (elementwise.AddOp, [FLAT, T(i32, [3])], SUM, "takes integers of 8 or 16 bits, got i32"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "multipliers": (1,)}, r"multipliers \[1\] and shift 1; they are two"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "multipliers": (1, -1)}, r"multipliers \[1, -1\] and shift 1"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "multipliers": (1 << 31, 1)}, r"multipliers \[2147483648, 1\]"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "shift": 0}, "and shift 0; they are"),
        (elementwise.AddOp, [FLAT, FLAT], {**SUM, "shift": 46}, "and shift 46; they are"),
        (elementwise.MulOp, [FLAT, FLAT], {**BINARY, "input_offsets": (0, 0, 0)}, "two operands, but input_offsets"),
        (elementwise.MulOp, [FLAT, FLAT], {**BINARY, "shift": 46}, "multiplier 1073741824 and shift 46"),
        (elementwise.MulOp, [FLAT, FLAT], {**BINARY, "limits": (5, 4)}, r"limits \[5, 4\] are no two integers"),
        (elementwise.ClipOp, [T(f32, [2])], {"limits": (0, 1)}, "takes integers of 8 or 16 bits, got f32"),
        (elementwise.ClipOp, [FLAT], {"limits": (0, 128)}, r"limits \[0, 128\] are no two integers from -128 to 127"),
        (elementwise.ClipOp, [FLAT], {"limits": (1, 0)}, r"limits \[1, 0\] are no two"),
        (elementwise.ClipOp, [WIDE], {"limits": (0,)}, r"limits \[0\] are no two integers from -32768 to 32767"),
        (elementwise.LookUpOp, [FLAT, T(i8, [255])], {"to": i8}, "a table of 256 i8, got tensor<255xi8>"),
        (elementwise.LookUpOp, [WIDE, T(i8, [256])], {"to": i8}, "a table of 65536 i8, got tensor<256xi8>"),
        (elementwise.LookUpOp, [FLAT, T(i8, [256])], {"to": i16}, "a table of 256 i16, got tensor<256xi8>"),
        (elementwise.LookUpOp, [FLAT, T(f32, [256])], {"to": f32}, "takes integers of 8 or 16 bits, got f32"),
        (elementwise.LookUpOp, [T(i32, [2]), T(i8, [256])], {"to": i8}, "takes integers of 8 or 16 bits, got i32"),
        # pooling.py
        (pooling.AveragePoolOp, [FLAT], POOL, "needs 4 dimensions"),
        (pooling.AveragePoolOp, [X], {**POOL, "kernel_shape": (0, 1)}, "at least 1"),
        (pooling.AveragePoolOp, [X], {**POOL, "shift": 0}, "and shift 0"),
        (pooling.ReduceMeanOp, [FLAT], {**UNARY, "axes": (1, 1), "keepdims": True}, r"axes \[1, 1\]"),
        (pooling.ReduceMeanOp, [FLAT], {**UNARY, "axes": (2,), "keepdims": True}, r"axes \[2\] are not dimensions"),
    ],
)
def test_what_does_not_fit(kind: type[GraphOp], types: list[T], properties: dict[str, Any], message: str) -> None:
    with pytest.raises(VerifyException, match=message):
        made(kind, *types, **properties)


@pytest.mark.parametrize(
    ("kind", "types", "properties", "result"),
    [
        (conversion.QuantizeOp, [T(f16, [2, 3])], {"scale": 0.5, "offset": 3, "to": uniform()}, T(uniform(), [2, 3])),
        (conversion.DequantizeOp, [T(uniform(), [2])], {"scale": 0.5, "offset": 3, "to": f64}, T(f64, [2])),
        (conversion.RequantizeOp, [FLAT], {**UNARY, "to": i16}, T(i16, [2, 3])),
        (contraction.ConvOp, [X, T(i8, [2, 2, 3, 5]), FEATURES], {**PRODUCT, **WINDOW}, T(i8, [1, 3, 3, 5])),
        (contraction.ConvOp, [X, T(i8, [2, 2, 1, 6]), T(i32, [4, 6])], {**PRODUCT, **WINDOW}, T(i8, [1, 3, 3, 6])),
        (contraction.MatmulOp, [T(i16, [7, 2, 3]), T(i16, [3, 5]), FEATURES], PRODUCT, T(i8, [7, 2, 5])),
        (
            contraction.MatmulOp,
            [T(i8, [2, 3]), T(channels([0.5] * 5, [0, 1, 2, 3, 4], 1), [3, 5]), FEATURES],
            PRODUCT,
            T(i8, [2, 5]),
        ),
        (elementwise.AddOp, [FLAT, T(i16, [3])], SUM, T(i8, [2, 3])),
        (elementwise.MulOp, [T(i8, []), FLAT], {**BINARY, "to": i16}, T(i16, [2, 3])),
        (elementwise.ClipOp, [T(uniform(), [2])], {"limits": (3, 10)}, T(uniform(), [2])),
        (elementwise.LookUpOp, [FLAT, T(i16, [256])], {"to": uniform(bits=16)}, T(uniform(bits=16), [2, 3])),
        (pooling.AveragePoolOp, [X], POOL, T(i8, [1, 3, 3, 3])),
        (pooling.ReduceMeanOp, [X], {**UNARY, "axes": (1, 2), "keepdims": True}, T(i8, [1, 1, 1, 3])),
        (pooling.ReduceMeanOp, [X], {**UNARY, "axes": (1, 2), "keepdims": False}, T(i8, [1, 3])),
    ],
)
def test_what_fits(kind: type[GraphOp], types: list[T], properties: dict[str, Any], result: T) -> None:
    assert made(kind, *types, **properties).result_type == result


def test_a_wrong_result_type_is_found() -> None:
    """That of the same integers on another scale is one."""
    right = made(conversion.RequantizeOp, FLAT, **{**UNARY, "to": uniform(), "output_offset": 3})
    wrong = conversion.RequantizeOp.create(
        operands=right.operands, result_types=[T(uniform(0.25), [2, 3])], properties=right.properties
    )
    with pytest.raises(VerifyException, match=r"result type is .*0.25 : 3>>, but .* give .*0.5 : 3>>"):
        wrong.verify()


def test_a_scale_is_a_number_of_fp64_in_the_text() -> None:
    op = made(conversion.DequantizeOp, FLAT, scale=0.5, offset=0, to=f32)
    op.properties["scale"] = FloatAttr(0.5, f32)
    with pytest.raises(VerifyException):
        op.verify()
