"""Kernels give the oracle's integers, bit for bit: of random operands, of extreme ones, and on cores together."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import f16, f32, f64, i8, i16

from aic.nsp.values import kernel_call
from dialects.element_types import stored_dtype
from dialects.graph import GraphOp
from dialects.graph.evaluation import kernel_arguments
from dialects.graph.kernels import Array
from dialects.kernels import KERNELS
from dialects.quantized import QUANTIZED_OPS
from dialects.quantized.arithmetic import Rescale, shared_rescale
from dialects.quantized.contraction import CONTRACTION_OPS, ConvOp, MatmulOp
from dialects.quantized.kernels.weights import WEIGHT_OFFSET, prepared
from dialects.rounding import round_to
from tests.quantized.cases import random_case
from tests.quantized.oracle import ORACLES, fp32

BYTE, WORD = (-128, 127), (-32768, 32767)
RANGES = {8: BYTE, 16: WORD}
TYPES = {8: i8, 16: i16}
WINDOW = {"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}


def check(kernel: str, operands: Sequence[Array], **arguments: Any) -> Array:
    """The kernel's result, which is the oracle's, of the same type, its operands as they were."""
    before = [array.copy() for array in operands]
    actual = np.asarray(KERNELS[kernel](*operands, **arguments))
    expected = ORACLES[kernel](*operands, **arguments)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)
    for array, copy in zip(operands, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    return actual


def to_bits(bits: int, **changes: Any) -> dict[str, Any]:
    """Arguments that say what integers the result has."""
    return {"to": TYPES[bits], "output_offset": 0, "limits": RANGES[bits], **changes}


def table(columns: int, bias: int = 0, ratio: float = 1.0, weight_offset: int = 0) -> Array:
    return np.tile(np.array([[bias], *([part] for part in Rescale.of(ratio)), [weight_offset]], np.int32), columns)


@pytest.mark.parametrize("kind", QUANTIZED_OPS, ids=lambda kind: kind.name)
@settings(max_examples=30)
@given(data=st.data())
def test_kernels_compute_what_the_oracle_computes(kind: type[GraphOp], data: st.DataObject) -> None:
    op, operands = random_case(data.draw, kind)
    check(op.kernel_name(), operands, **kernel_arguments(op))


# Sums of products


@pytest.mark.parametrize("reach", [128, 255])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_sums_of_the_largest_products_are_exact(reach: int, blocks: int, more: int) -> None:
    """As many products as fp32 adds exactly, one less, one more: biases leave the last bits of the sums."""
    depth = blocks * ((1 << 24) // reach**2) + more
    offset = reach - 128
    a, b = np.full((2, depth), -128, np.int8), np.full((depth, 3), -128, np.int8)
    a[1, 0] += 1
    b[0, 1] += 1
    b[-1, 2] += 1
    columns = table(3, bias=-depth * reach**2, weight_offset=offset)
    result = check("quantized.matmul", [a, b, columns], input_offset=offset, **to_bits(16))
    assert result.tolist() == [[0, -reach, -reach], [-reach, 1 - 2 * reach, -2 * reach]]
    pair, weights = np.stack([a, a[::-1]]), np.stack([b, b])
    for many in (b, b[None], weights):
        results = KERNELS["quantized.matmul"](pair, many, columns, input_offset=offset, **to_bits(16))
        assert results.tolist() == [result.tolist(), result[::-1].tolist()]


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("depth", [27, 28, 29, 57])
def test_sums_under_a_window_are_exact(groups: int, depth: int) -> None:
    """3 x 3 positions of 28 channels are as many products as fp32 adds exactly where offsets are the least."""
    x = np.full((1, 3, 3, depth * groups), 127, np.int8)
    w = np.full((3, 3, depth, 2 * groups), 127, np.int8)
    w[1, 1, -1, ::2] = 126
    columns = table(2 * groups, bias=-9 * depth * 255**2, weight_offset=-128)
    result = check("quantized.conv", [x, w, columns], input_offset=-128, **WINDOW, **to_bits(16))
    assert result.ravel().tolist() == [-255, 0] * groups


def test_a_window_larger_than_fp32_adds_exactly() -> None:
    """Here even the products of one channel are too many, of a depthwise and of a dense convolution."""
    x = np.full((1, 33, 33, 2), -128, np.int8)
    for depth in (1, 2):
        w = np.full((33, 33, depth, 2), -128, np.int8)
        w[5, 7, 0, 1] = -127
        columns = table(2, bias=-depth * 33 * 33 * 255**2, weight_offset=127)
        result = check("quantized.conv", [x, w, columns], input_offset=127, **WINDOW, **to_bits(16))
        assert result.ravel().tolist() == [0, -255]


@pytest.mark.parametrize("bits", [8, 16])
def test_sums_of_16_bits_are_exact(bits: int) -> None:
    """300 products of 2^32 each, of which results are the last bits."""
    random = np.random.default_rng(3)
    a = np.full((4, 300), -32768, np.int16)
    a[1:] += random.integers(0, 2, (3, 300), dtype=np.int16)
    b = np.full((300, 5), 32767, np.int16)
    b[:, 1:] -= random.integers(0, 2, (300, 4), dtype=np.int16)
    columns = table(5, ratio=2.0**-22, weight_offset=-32768)
    least = round(-300 * 65535**2 * 2.0**-22)
    result = check("quantized.matmul", [a, b, columns], input_offset=32767, **to_bits(bits))
    assert (result == RANGES[bits][0]).all(), least
    check("quantized.matmul", [a, b, columns], input_offset=-32768, **to_bits(bits))
    a[:, ::2] = -a[:, ::2] - 1
    check("quantized.matmul", [a, b, columns], input_offset=0, **to_bits(bits))


def test_products_of_16_bits_are_exact_without_offsets() -> None:
    """Two products of 30 bits are as much as a bias takes back."""
    a = np.array([[32767, 32767], [32766, 32767], [-32768, 32766]], np.int16)
    b = np.array([[32767], [32767]], np.int16)
    columns = table(1, bias=-2 * 32767**2)
    result = check("quantized.matmul", [a, b, columns], input_offset=0, **to_bits(16))
    assert result.ravel().tolist() == [0, -32767, -32768]
    x, w = np.full((1, 2, 1, 4), 32767, np.int16), np.full((2, 1, 1, 4), 32767, np.int16)
    w[0, 0, 0] -= np.arange(4, dtype=np.int16)
    columns = table(4, bias=-2 * 32767**2 + 50000)
    result = check("quantized.conv", [x, w, columns], input_offset=0, **WINDOW, **to_bits(16, limits=(-32768, 32766)))
    assert result.ravel().tolist() == [32766, 50000 - 32767, 50000 - 2 * 32767, -32768]


@pytest.mark.parametrize("kind", CONTRACTION_OPS, ids=lambda kind: kind.name)
@settings(max_examples=15)
@given(data=st.data())
def test_weights_may_be_prepared(kind: type[GraphOp], data: st.DataObject) -> None:
    op, (x, w, columns) = random_case(data.draw, kind)
    name = op.kernel_name()
    arguments: dict[str, Any] = dict(kernel_arguments(op))
    given = (arguments[argument] for argument in ("input_offset", "output_offset", "limits", "to"))
    weights = prepared(name, x.dtype, w, columns, *given)
    expected = KERNELS[name](x, w, columns, **arguments)
    for _ in range(2):
        np.testing.assert_array_equal(KERNELS[name](x, weights, columns, **arguments), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", CONTRACTION_OPS, ids=lambda kind: kind.name)
@settings(max_examples=15)
@given(data=st.data())
def test_a_table_of_any_numbers_breaks_nothing(kind: type[GraphOp], data: st.DataObject) -> None:
    """A QPC may hold any: no verifier reads what is in a store. Results mean nothing, but are of their type."""
    op, (x, w, columns) = random_case(data.draw, kind)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    limits = np.iinfo(np.int32)
    anything = random.choice([limits.min, -46, -1, 0, 64, limits.max], columns.shape).astype(np.int32)
    arguments: dict[str, Any] = dict(kernel_arguments(op))
    result = KERNELS[op.kernel_name()](x, w, anything, **arguments)
    given = (arguments[argument] for argument in ("input_offset", "output_offset", "limits", "to"))
    prepared(op.kernel_name(), x.dtype, w, anything, *given)
    assert (result.shape, result.dtype) == (op.result_type.get_shape(), stored_dtype(arguments["to"]))


def test_results_saturate_at_both_ends() -> None:
    a = np.array([[-128], [0], [127]], np.int8)
    b = np.array([[-128, 127]], np.int8)
    for bits, limits in ((8, BYTE), (8, (-128, 20)), (16, WORD), (16, (-100, 32767))):
        for ratio in (1.0, 1e3, 1e9):
            properties = to_bits(bits, limits=limits, output_offset=5)
            result = check("quantized.matmul", [a, b, table(2, ratio=ratio)], input_offset=0, **properties)
            assert result[0].tolist() == [limits[1], limits[0]] or bits == 16
            assert result[1].tolist() == [5, 5]


@pytest.mark.parametrize("ratio", [1e-12, 1e-9, 1e-5, 1e-3, 0.7, 100.0, 1e9])
@pytest.mark.parametrize("bits", [8, 16])
def test_columns_of_all_ratios(ratio: float, bits: int) -> None:
    random = np.random.default_rng(4)
    low, high = RANGES[bits]
    dtype = f"int{bits}"
    a = random.integers(low, high, (3, 7), endpoint=True).astype(dtype)
    b = random.integers(low, high, (7, 4), endpoint=True).astype(dtype)
    columns = table(4, ratio=ratio)
    columns[0] = [0, (1 << 31) - 1, -(1 << 31), 12345]
    columns[3] = [0, low, high, 3]
    for result_bits in (8, 16):
        for offset in (low, 0, high):
            check("quantized.matmul", [a, b, columns], input_offset=offset, **to_bits(result_bits))


# Element-wise ops


def test_a_sum_is_rounded_once() -> None:
    """Halves of 1 and 1 are 1; rounded each for itself they would be 2."""
    ones = np.ones(3, np.int8)
    arguments = {"multipliers": (1 << 29, 1 << 29), "shift": 30, "input_offsets": (0, 0)}
    assert check("quantized.add", [ones, ones], **arguments, **to_bits(8)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("ratios", [(0.3, 0.7), (1e-9, 3e-9), (1.0, 1e-12), (1e5, 1e8), (5e-14, 1e-10)])
@pytest.mark.parametrize("bits", [8, 16])
def test_sums_and_products_of_all_ratios(ratios: tuple[float, float], bits: int) -> None:
    random = np.random.default_rng(5)
    low, high = RANGES[bits]
    a = random.integers(low, high, 60, endpoint=True).astype(f"int{bits}")
    b = random.integers(low, high, 60, endpoint=True).astype(f"int{bits}")
    a[:6], b[:6] = (low, low, high, high, 0, -1), (low, high, low, high, -1, 0)
    multipliers, shift = shared_rescale(ratios)
    factor = Rescale.of(ratios[1])._asdict()
    for result_bits in (8, 16):
        for offsets in ((0, 0), (low, high), (high, high)):
            common = {"input_offsets": offsets, **to_bits(result_bits, output_offset=-7)}
            check("quantized.add", [a, b], multipliers=multipliers, shift=shift, **common)
            check("quantized.mul", [a, b], **factor, **common)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_sum_a_bit_below_the_middle_is_rounded_down_whatever_the_offset(bits: int) -> None:
    """2^14 * 2^30 - 1, divided by 2^45: beside the offset, fp64 has not bits enough for what is below the middle."""
    a, b = np.array([1 << 14, 1 << 14], np.int16), np.array([-1, 0], np.int16)
    for offset in (RANGES[bits][0], 0, RANGES[bits][1] - 1):
        arguments = {"multipliers": (1 << 30, 1), "shift": 45, "input_offsets": (0, 0)}
        result = check("quantized.add", [a, b], **arguments, **to_bits(bits, output_offset=offset))
        assert result.tolist() == [offset, offset + 1]


def test_the_largest_multipliers_add_exactly() -> None:
    """17 bits times 31, twice, and the half below the last bit."""
    values = np.array([-32768, -32767, 32766, 32767, 0], np.int16)
    a, b = (np.ascontiguousarray(part) for part in np.broadcast_arrays(values[:, None], values))
    for shift in (45, 44, 32, 31, 1):
        for multipliers in (((1 << 31) - 1, (1 << 31) - 1), ((1 << 31) - 1, (1 << 30) + 1), (1, (1 << 31) - 1)):
            for offsets in ((-32768, 32767), (32767, -32768), (32767, 32767)):
                arguments = {"multipliers": multipliers, "shift": shift, "input_offsets": offsets}
                for bits in (8, 16):
                    check("quantized.add", [a, b], **arguments, **to_bits(bits))


def test_every_integer_is_requantized() -> None:
    for bits, ratios in ((8, [0.41, 0.5, 1.0, 1.5, 255.0, 1e-12, 1e9]), (16, [0.5, 1 / 257])):
        low, high = RANGES[bits]
        everything = np.arange(low, high + 1, dtype=f"int{bits}")
        for ratio in ratios:
            for offset in (low, 0, 3, high)[:: 1 if bits == 8 else 2]:
                arguments = {**Rescale.of(ratio)._asdict(), "input_offset": offset}
                for result_bits in (8, 16):
                    check("quantized.requantize", [everything], **arguments, **to_bits(result_bits, output_offset=9))


def test_every_integer_is_looked_up_and_clipped() -> None:
    random = np.random.default_rng(6)
    for bits in (8, 16):
        low, high = RANGES[bits]
        everything = random.permutation(np.arange(low, high + 1, dtype=f"int{bits}"))
        for result, to in ((8, i8), (16, i16)):
            results = random.integers(*RANGES[result], 1 << bits, endpoint=True).astype(f"int{result}")
            check("quantized.look_up", [everything, results], lowest=low, to=to)
        for limits in ((low, high), (0, 6), (low, -1), (high, high)):
            check("quantized.clip", [everything], limits=limits)


# Averages


@pytest.mark.parametrize("bits", [8, 16])
def test_padding_counts_and_means_0(bits: int) -> None:
    """In a corner of an image of threes under 2 x 2 positions three are padding: (3 + 0 + 0 + 0) / 4 is 0.75."""
    low, _ = RANGES[bits]
    x = np.full((1, 2, 2, 1), low + 3, f"int{bits}")
    window = {"kernel_shape": (2, 2), "strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1)}
    arguments = {**Rescale.of(1 / 4)._asdict(), "input_offset": low, **window}
    result = check("quantized.average_pool", [x], **arguments, **to_bits(bits, output_offset=10))
    assert result[0, ..., 0].tolist() == [[11, 12, 11], [12, 13, 12], [11, 12, 11]]


@pytest.mark.parametrize("bits", [8, 16])
def test_means_of_many(bits: int) -> None:
    low, high = RANGES[bits]
    x = np.full((2, 60, 60), low, f"int{bits}")
    x[1, ::2] = high
    for offset in (low, 0, high):
        arguments = {**Rescale.of(1 / 3600)._asdict(), "axes": (-2, -1), "keepdims": False, "input_offset": offset}
        check("quantized.reduce_mean", [x], **arguments, **to_bits(bits, output_offset=offset))


# Numbers


def test_fp32_of_the_oracle_is_that_of_the_machine() -> None:
    random = np.random.default_rng(7)
    doubles = random.standard_normal(2000) * 2.0 ** random.integers(-155, 127, 2000)
    # The middle between two numbers of fp32, normal and not, and a bit beside it.
    middles = np.arange(1.0, 60.0, 2.0)[:, None] * np.array([2.0**-150, 2.0**-24 + 0.0]) + np.array([0.0, 1.0])
    beside = middles.ravel() * (1 + np.array([[0.0], [2.0**-52], [-(2.0**-52)]]))
    for value in [*doubles.tolist(), *beside.ravel().tolist(), 3.4028235677973366e38, 3.4028235677973362e38, 1e39]:
        with np.errstate(all="ignore"):
            assert float(fp32(Fraction(value))) == float(np.float32(value)), value
    assert struct.unpack("f", struct.pack("f", float(fp32(Fraction(1, 10)))))[0] == np.float32(0.1)


def test_the_nearest_integer_is_the_even_one_of_two() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 128.0, -128.5, -129.0], np.float32)
    for offset, expected in (
        (0, [0, 2, 2, 0, -2, 126, 127, 127, -128, -128]),
        (1, [2, 2, 4, 0, 0, *[127] * 3, *[-128] * 2]),
    ):
        result = check("quantized.quantize", [x], scale=1.0, offset=offset, to=i8)
        assert result.tolist() == expected, "the offset is added before"


def test_numbers_are_quantized_in_fp32() -> None:
    """Multiples of a scale, where what is even and what is near depends on every bit of quotient and sum."""
    random = np.random.default_rng(8)
    differs = False
    for scale in (np.float32(0.1), np.float32(0.0235294122), np.float32(1e-38), np.float32(2e36)):
        for offset in (0, -128, 77):
            x = (random.integers(-300, 300, 150) / np.float32(2)).astype(np.float32) * scale
            result = check("quantized.quantize", [x], scale=float(scale), offset=offset, to=i16)
            differs |= bool((result != np.rint(x.astype(np.float64) / float(scale) + offset)).any())
    assert differs, "in fp64 some results are others"


def test_what_is_no_number_is_quantized_all_the_same() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45], np.float32)
    for scale in (1.0, float(np.float32(1e-30)), float(np.float32(1e30))):
        result = check("quantized.quantize", [x], scale=scale, offset=-5, to=i8)
        assert result[:3].tolist() == [-5, 127, -128]


@pytest.mark.parametrize("source", [f16, f32, f64])
def test_what_integers_mean_is_quantized_to_them(source: Any) -> None:
    everything = np.arange(-128, 128, dtype=np.int8)
    for scale in (0.5, float(np.float32(0.1)), float(np.float32(0.0235294122))):
        numbers = check("quantized.dequantize", [everything], scale=scale, offset=-128, to=source)
        rounded = round_to(numbers, source)
        assert check("quantized.quantize", [rounded], scale=scale, offset=-128, to=i8).tolist() == everything.tolist()


# Cores together

GRID = (2, 3)
LEADS = [(2, 3), (1, 3), (2, 1), (1, 1)]


def check_grid(
    kind: type[GraphOp], operands: Sequence[Array], leads: Sequence[tuple[int, ...]], **arguments: Any
) -> None:
    """Operands of a grid of cores, some of them the same for cores of a row, of a column, or for all, as the engine of
    values hands them to a kernel: each core has the oracle's result.
    """
    views = [replicas(array, lead) for array, lead in zip(operands, leads, strict=True)]
    ranks = [*(array.ndim for array in operands), 0]
    aligned = kernel_call._aligned(kind.kernel_name(), views, ranks, len(GRID))
    together = np.asarray(kind.kernel()(*aligned, **arguments))
    for core in np.ndindex(*GRID):
        own = [view[tuple(min(c, size - 1) for c, size in zip(core, view.shape, strict=False))] for view in views]
        expected = ORACLES[kind.name](*own, **arguments)
        np.testing.assert_array_equal(np.broadcast_to(together, (*GRID, *expected.shape))[core], expected)


def replicas(array: Array, lead: tuple[int, ...]) -> Array:
    """An array for each core, its columns in another order: those of a table stay what they are."""
    cores = [np.roll(array, core, axis=-1) if array.ndim else array for core in range(prod(lead))]
    return np.stack(cores).reshape(*lead, *array.shape)


@pytest.mark.parametrize("kind", QUANTIZED_OPS, ids=lambda kind: kind.name)
@settings(max_examples=12)
@given(data=st.data())
def test_cores_together_are_each_for_itself(kind: type[GraphOp], data: st.DataObject) -> None:
    op, operands = random_case(data.draw, kind)
    check_grid(kind, operands, [data.draw(st.sampled_from(LEADS)) for _ in operands], **kernel_arguments(op))


@pytest.mark.parametrize(("bits", "offsets"), [(8, 5), (16, 0)])
@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        (ConvOp, [(1, 3, 2, 2), (2, 1, 2, 3)]),
        (ConvOp, [(1, 3, 2, 2), (1, 1, 2, 3)]),
        (ConvOp, [(1, 3, 2, 2), (2, 2, 1, 2)]),
        (ConvOp, [(1, 3, 2, 2), (2, 1, 1, 4)]),
        (MatmulOp, [(2, 3), (3, 4)]),
        (MatmulOp, [(2, 1, 3), (3, 4)]),
        (MatmulOp, [(2, 1, 3), (2, 3, 4)]),
        (MatmulOp, [(2, 1, 3), (1, 3, 4)]),
    ],
)
def test_whatever_is_shared_by_cores_of_a_contraction(
    kind: type[GraphOp], shapes: Sequence[tuple[int, ...]], offsets: int, bits: int
) -> None:
    """All ways to share operands, with and without offsets of weights."""
    random = np.random.default_rng(9)
    operands = [random.integers(*RANGES[bits], shape, endpoint=True).astype(f"int{bits}") for shape in shapes]
    columns = table(shapes[1][-1], ratio=0.01, weight_offset=offsets)
    columns[WEIGHT_OFFSET] *= np.arange(shapes[1][-1], dtype=np.int32)
    window = WINDOW if kind is ConvOp else {}
    groups = kind is ConvOp and shapes[0][-1] != shapes[1][-2]
    for leads in product(LEADS, repeat=3):
        if groups and np.less(leads[0], np.maximum(leads[1], leads[2])).any():
            continue  # cores that have other columns have other channels of the input, too
        check_grid(kind, [*operands, columns], leads, input_offset=7, **window, **to_bits(8))
