"""Scales and offsets from ranges, against Glow's numbers and what they promise."""

from math import frexp, inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.quantized.parameters import LIMITS, Parameters, dequantized, quantized
from passes.quantization.schemas import Schema, choose_channel_parameters, choose_parameters, schema_range

ASYMMETRIC, SYMMETRIC, WITH_UINT8, POWER2 = Schema
SINGLE = st.floats(width=32, allow_nan=False)
FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
SCHEMAS = st.sampled_from(Schema)
BITS = st.sampled_from(sorted(LIMITS))

# Computed from Glow's rules: range, then scale and offset of each schema.
VECTORS = {
    (8, 0, 6): [(0.0235294122, -128), (0.0472440943, 0), (0.0235294122, -128), (0.0625, 0)],
    (8, -3, 3): [(0.0235294122, 0), (0.0236220472, 0), (0.0236220472, 0), (0.03125, 0)],
    (8, -2, 5): [(0.0274509806, -55), (0.0393700786, 0), (0.0393700786, 0), (0.0625, 0)],
    (8, 1, 5): [(0.0196078438, -128), (0.0393700786, 0), (0.0196078438, -128), (0.0625, 0)],
    (8, -5, -1): [(0.0196078438, 127), (0.0390625, 0), (0.0390625, 0), (0.0625, 0)],
    (8, 0, 0): [(0.1, 0), (0.1, 0), (0.1, 0), (0.125, 0)],
    (8, -0.5, 10): [(0.0411764719, -116), (0.0787401572, 0), (0.0787401572, 0), (0.125, 0)],
    (16, -2, 5): [(1.06813153e-4, -14044), (1.52592547e-4, 0), (1.52592547e-4, 0), (2.44140625e-4, 0)],
    (16, 0, 6): [(9.15541314e-5, -32768), (6 / 32767, 0), (9.15541314e-5, -32768), (2.44140625e-4, 0)],
}


@pytest.mark.parametrize("case", VECTORS)
def test_known_parameters(case: tuple[int, float, float]) -> None:
    bits, low, high = case
    for schema, (scale, offset) in zip(Schema, VECTORS[case], strict=True):
        chosen = choose_parameters(low, high, schema, bits)
        assert chosen.offset == offset
        assert chosen.scale == pytest.approx(scale, rel=6e-8)


def test_schemas_extend_ranges() -> None:
    assert schema_range(1, 5, ASYMMETRIC, 8) == (0, 5)
    assert schema_range(-5, -1, ASYMMETRIC, 8) == (-5, 0)
    assert schema_range(1, 127, SYMMETRIC, 8) == (-128, 127)
    assert schema_range(-256, 127, SYMMETRIC, 8) == (-256, 254)
    assert schema_range(1, 127, WITH_UINT8, 8) == (0, 127)
    assert schema_range(-1, 127, WITH_UINT8, 8) == (-128, 127)
    assert schema_range(-32768, 0, POWER2, 16) == (-32768, 32767)


def test_ends_are_fp32_numbers() -> None:
    assert schema_range(-0.1, 0.3, ASYMMETRIC, 8) == (float(np.float32(-0.1)), float(np.float32(0.3)))


@pytest.mark.parametrize("schema", Schema)
def test_infinite_ranges_are_cut_to_finite_numbers(schema: Schema) -> None:
    most = float(np.finfo(np.float32).max)
    assert schema_range(-inf, 1e300, schema, 8) == pytest.approx((-most, most), rel=0.01)
    assert np.isfinite(choose_parameters(-inf, inf, schema, 8).scale)


def test_a_range_ends_after_it_begins() -> None:
    for low, high in ((1, 0), (nan, 1), (0, nan)):
        with pytest.raises(AssertionError, match="ends before it begins"):
            choose_parameters(low, high, ASYMMETRIC, 8)


@given(SINGLE, SINGLE, SCHEMAS, BITS)
def test_what_a_schema_promises(a: float, b: float, schema: Schema, bits: int) -> None:
    low, high = min(a, b), max(a, b)
    least, greatest = LIMITS[bits]
    chosen = choose_parameters(low, high, schema, bits)
    assert chosen.scale >= np.finfo(np.float32).tiny
    assert chosen.scale == float(np.float32(chosen.scale)) < inf
    assert least <= chosen.offset <= greatest
    if schema in (SYMMETRIC, POWER2):
        assert chosen.offset == 0
    if schema is WITH_UINT8:
        assert chosen.offset in ((0,) if low < 0 else (0, least))
    if schema is POWER2:
        assert frexp(chosen.scale)[0] == 0.5


@given(FINITE, FINITE, SCHEMAS, st.sampled_from([8, 16]))
def test_integers_reach_both_ends_of_the_range(a: float, b: float, schema: Schema, bits: int) -> None:
    low, high = min(a, b, 0), max(a, b, 0)
    least, greatest = LIMITS[bits]
    chosen = choose_parameters(low, high, schema, bits)
    # The offset is rounded, so an end may lie half a step beyond the last integer, or one where it was made zero.
    assert (least - chosen.offset - 1.001) * chosen.scale <= low
    assert (greatest - chosen.offset + 1.001) * chosen.scale >= high


@given(FINITE, FINITE)
def test_the_scale_of_a_symmetric_range_is_that_of_its_longer_side(a: float, b: float) -> None:
    low, high = min(a, b, 0), max(a, b, 0)
    scale = max(-low / 128, high / 127)
    if scale > 1e-30:
        assert choose_parameters(low, high, SYMMETRIC, 8).scale == pytest.approx(scale, rel=1e-6)
        raised = choose_parameters(low, high, POWER2, 8).scale
        assert scale * (1 - 1e-6) <= raised < 2 * scale * (1 + 1e-6)


@pytest.mark.parametrize("exponent", [-10, 0, 7])
def test_a_power_of_two_stays(exponent: int) -> None:
    assert choose_parameters(-128 * 2.0**exponent, 0, POWER2, 8).scale == 2.0**exponent
    assert choose_parameters(0, 127 * 2.0**exponent, POWER2, 8).scale == 2.0**exponent


@given(st.lists(st.tuples(SINGLE, SINGLE), max_size=20), SCHEMAS, BITS)
def test_channels_are_as_tensors(ranges: list[tuple[float, float]], schema: Schema, bits: int) -> None:
    lows, highs = np.sort(np.array(ranges, np.float32).reshape(-1, 2), axis=1).T
    scales, offsets = choose_channel_parameters(lows, highs, schema, bits)
    assert (scales.dtype, offsets.dtype) == (np.float32, np.int32)
    expected = [choose_parameters(low, high, schema, bits) for low, high in zip(lows, highs, strict=True)]
    assert [Parameters(*pair) for pair in zip(scales.tolist(), offsets.tolist(), strict=True)] == expected


@pytest.mark.parametrize("value", [0.0, 1.3, -1.3])
@pytest.mark.parametrize("schema", [ASYMMETRIC, SYMMETRIC, WITH_UINT8])
def test_a_constant_stays_what_it_is(value: float, schema: Schema) -> None:
    chosen = choose_parameters(value, value, schema, 8)
    x = np.array([value], np.float32)
    back = dequantized(quantized(x, chosen.scale, chosen.offset, 8), chosen.scale, chosen.offset)
    assert back[0] == pytest.approx(x[0], rel=1.2e-7, abs=1e-10)


@given(SINGLE, SINGLE, SCHEMAS, st.sampled_from([8, 16]))
def test_zero_is_exact(a: float, b: float, schema: Schema, bits: int) -> None:
    chosen = choose_parameters(min(a, b), max(a, b), schema, bits)
    zero = quantized(np.zeros(1, np.float32), chosen.scale, chosen.offset, bits)
    assert dequantized(zero, chosen.scale, chosen.offset)[0] == 0


@pytest.mark.parametrize("schema", [ASYMMETRIC, WITH_UINT8])
def test_small_numbers_are_not_cut(schema: Schema) -> None:
    # Less than 1.19e-7 apart, where Glow takes both ends for the same distance from zero.
    assert choose_parameters(0, 1e-7, schema, 8) == Parameters(pytest.approx(1e-7 / 255), -128)
    assert choose_parameters(-0.25, 0.25, ASYMMETRIC, 8).offset == 0


def test_halves_are_rounded_away_from_zero() -> None:
    # Zero lies at -128 + 2.5 / 1, and at -128 + 0.5.
    assert choose_parameters(-2.5, 252.5, ASYMMETRIC, 8) == Parameters(1.0, -126)
    assert choose_parameters(-0.5, 254.5, ASYMMETRIC, 8) == Parameters(1.0, -128)


def test_the_offset_comes_from_the_smaller_terms() -> None:
    # From the low end it would be 119.49999999999997, from the high end 119.5.
    assert choose_parameters(-0.6117165684700012, 0.018536865711212158, ASYMMETRIC, 8).offset == 120
