"""Requantization is what its formula says, in integers of any width; factors are as near to ratios as 31 bits allow."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialects.quantized.arithmetic import Rescale, rescales, shared_rescale
from dialects.quantized.parameters import LIMITS
from dialects.quantized.rescaling import rescaled
from tests.quantized import oracle

MOST_SHIFT = 45
RATIOS = st.one_of(
    st.floats(1e-12, 1e9),
    st.floats(-12, 9).map(lambda exponent: 10.0**exponent),
    st.integers(-50, 29).map(lambda exponent: 2.0**exponent),
)
LIMITS_8, LIMITS_16 = LIMITS[8], LIMITS[16]


@given(RATIOS)
@example(1 - 2.0**-40)  # rounds up to the next power of two
@example(2.0**-46)
@example(1.25 * 2.0**-46)
@example(2.0**30 - 1)
def test_a_factor_is_the_nearest_to_its_ratio(ratio: float) -> None:
    multiplier, shift = Rescale.of(ratio)
    error = abs(Fraction(multiplier, 1 << shift) - Fraction(ratio))
    assert 0 <= multiplier < 1 << 31
    assert 1 <= shift <= MOST_SHIFT
    assert error <= Fraction(1, 1 << (shift + 1))
    if shift < MOST_SHIFT:
        assert error <= Fraction(ratio) / (1 << 31)
        assert multiplier >= 1 << 30
    assert Fraction(Rescale(multiplier, shift).factor) == Fraction(multiplier, 1 << shift)


def test_a_ratio_too_small_to_matter_becomes_0() -> None:
    assert Rescale.of(2.0**-46 * (1 - 1e-9)) == (0, MOST_SHIFT)
    assert Rescale.of(2.0**-46 * (1 + 1e-9)) == (1, MOST_SHIFT)
    assert Rescale.of(1e-300) == (0, MOST_SHIFT)


@pytest.mark.parametrize("ratio", [2.0**30 - 1, 2.0**30 * (1 - 2.0**-53), 2.0**30, 1e12, 1e300])
def test_a_ratio_too_large_to_matter_has_a_shift_all_the_same(ratio: float) -> None:
    multiplier, shift = Rescale.of(ratio)
    assert (multiplier, shift) == ((1 << 31) - 2, 1)
    assert [part.tolist() for part in rescales(np.array([ratio]))] == [[multiplier], [shift]]
    check([-1, 0, 1], multiplier, shift, -100, 16, LIMITS_16)
    assert [oracle.rescaled(value, multiplier, shift, -100, LIMITS_16) for value in (-1, 0, 1)] == [-32768, -100, 32767]


def test_factors_of_many_ratios_are_those_of_each() -> None:
    random = np.random.default_rng(0)
    ratios = np.concatenate(
        [10.0 ** random.uniform(-15, 11, 500), 2.0 ** np.arange(-50, 35), 1 - 2.0 ** -np.arange(53)]
    )
    multipliers, shifts = rescales(ratios[ratios > 0])
    assert multipliers.dtype == shifts.dtype == np.int32
    assert list(zip(multipliers.tolist(), shifts.tolist(), strict=True)) == [
        Rescale.of(ratio) for ratio in ratios.tolist() if ratio > 0
    ]


@given(st.lists(st.floats(1e-12, 2.0**28), min_size=1, max_size=3))
@example([2.0**28 * (1 - 2.0**-53), 2.0**-20])
@example([2.0**29 * (1 - 2.0**-53)])
def test_factors_that_share_a_shift_lose_no_more_than_its_last_bit(ratios: list[float]) -> None:
    multipliers, shift = shared_rescale(ratios)
    assert 1 <= shift <= MOST_SHIFT
    assert all(0 <= multiplier < 1 << 31 for multiplier in multipliers)
    assert shift == MOST_SHIFT or max(multipliers) >= 1 << 29, "no bits are given away"
    for multiplier, ratio in zip(multipliers, ratios, strict=True):
        assert abs(Fraction(multiplier, 1 << shift) - Fraction(ratio)) <= Fraction(1, 1 << (shift + 1))


MULTIPLIERS = st.one_of(st.integers(0, (1 << 31) - 1), st.sampled_from([0, 1, 3, 1 << 30, (1 << 31) - 1]))
SUMS = st.one_of(
    st.integers(-(1 << 45), 1 << 45), st.integers(-300, 300), st.integers(0, 45).map(lambda bits: -(1 << bits))
)


def check(sums: list[int], multiplier: int, shift: int, offset: int, bits: int, limits: tuple[int, int]) -> None:
    """The integers that a formula in Python's integers gives, from sums in any dtype that holds them."""
    expected = [oracle.rescaled(value, multiplier, shift, offset, limits) for value in sums]
    for dtype in (np.float64, np.int64):
        given_sums = np.array(sums, dtype)
        actual = rescaled(given_sums, 0, multiplier, shift, offset, limits, np.dtype(f"int{bits}"))
        assert actual.dtype == f"int{bits}"
        assert actual.tolist() == expected
        np.testing.assert_array_equal(given_sums, np.array(sums, dtype), "operands stay as they are")


@settings(max_examples=150)
@given(data=st.data(), multiplier=MULTIPLIERS, shift=st.integers(1, MOST_SHIFT), bits=st.sampled_from([8, 16]))
def test_rescaling_is_exact(data: st.DataObject, multiplier: int, shift: int, bits: int) -> None:
    """Sums of all sizes, and those whose places lie around the limits and around the middle between two integers."""
    low, high = LIMITS[bits]
    offset = data.draw(st.sampled_from([0, low, high, -3]))
    limits = data.draw(st.sampled_from([(low, high), (0, high), (low, 5), (7, 7)]))
    sums = data.draw(st.lists(SUMS, max_size=4))
    if multiplier:
        middles = [low - offset, high - offset, *data.draw(st.lists(st.integers(low - offset, high - offset)))]
        nearest = [((2 * place + 1) << shift) // (2 * multiplier) for place in middles]
        sums += [near + step for near in nearest for step in (-1, 0, 1) if abs(near) < 1 << 45]
    check(sums, multiplier, shift, offset, bits, limits)


def test_a_bit_below_the_middle_of_a_product_of_61_bits_is_rounded_down() -> None:
    """Where fp64 would see the middle itself."""
    for multiplier in range((1 << 16) + 1, (1 << 16) + 99, 2):
        value = ((1 << 44) - 1) * pow(multiplier, -1, 1 << 45) % (1 << 45)
        assert value * multiplier % (1 << 45) == (1 << 44) - 1
        place = value * multiplier >> 45
        check([value, value - (1 << 45), value + 1], multiplier, 45, -place, 16, LIMITS_16)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_middle_between_two_integers_is_rounded_up(bits: int) -> None:
    for multiplier, shift in ((1 << 30, 31), (1, 1), (1 << 29, 30)):
        halves = rescaled(
            np.arange(-5, 6, dtype=np.float64), 0, multiplier, shift, 0, LIMITS[bits], np.dtype(f"int{bits}")
        )
        assert halves.tolist() == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("ratio", [1e-12, 1e-6, 3e-3, 0.41, 1.0, 77.7, 1e4, 1e9])
def test_rescaling_by_ratios(ratio: float, bits: int) -> None:
    """From the smallest sums to those far beyond the limits."""
    random = np.random.default_rng(1)
    reach = max(4, min(1 << 45, round(4 * (1 << bits) / ratio)))
    sums = [*random.integers(-reach, reach, 300).tolist(), reach, -reach, 1 << 45, -(1 << 45), 0, 1, -1]
    check(sums, *Rescale.of(ratio), 11, bits, LIMITS[bits])


def test_every_column_has_its_own_factor() -> None:
    """Small shifts and large ones beside each other."""
    random = np.random.default_rng(2)
    sums = np.concatenate([random.integers(-(1 << 34), 1 << 34, (20, 45)), random.integers(-99, 99, (20, 45))])
    multipliers, shifts = random.integers(0, 1 << 31, 45), np.arange(1, 46)
    multipliers[::3] = 1
    for bits in (8, 16):
        actual = rescaled(sums, 0, multipliers, shifts, -1, LIMITS[bits], np.dtype(f"int{bits}"))
        expected = [
            [
                oracle.rescaled(value, multiplier, shift, -1, LIMITS[bits])
                for value, multiplier, shift in zip(row, multipliers.tolist(), shifts.tolist(), strict=True)
            ]
            for row in sums.tolist()
        ]
        assert actual.tolist() == expected


def test_float32_sums_are_taken_as_they_are() -> None:
    sums = np.arange(-(1 << 24), (1 << 24) + 1, 77_777, dtype=np.float32)
    expected = [oracle.rescaled(int(value), 1_234_567_891, 45, 3, LIMITS_8) for value in sums]
    assert rescaled(sums, 0, 1_234_567_891, 45, 3, LIMITS_8, np.dtype(np.int8)).tolist() == expected
    expected = [oracle.rescaled(int(value), 1_234_567_891, 39, 3, LIMITS_16) for value in sums]
    assert rescaled(sums, 0, 1_234_567_891, 39, 3, LIMITS_16, np.dtype(np.int16)).tolist() == expected
