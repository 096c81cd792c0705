"""Rounding in fp32 gives the exact integers: beside the middle between two of them, and where fp32 says nothing."""

import numpy as np
import pytest

from dialects.quantized import nearest as rounding
from dialects.quantized.rescaling import Rescaling
from tests.quantized import oracle

BYTE, INT8 = (-128, 127), np.dtype(np.int8)


def check(sums: list[int], bias: int, multiplier: int, shift: int, offset: int = 0, dtype: type = np.float32) -> float:
    """The margin of results that are those of Python's integers."""
    rescaling = Rescaling.of(bias, multiplier, shift, offset, BYTE, INT8)
    expected = [oracle.rescaled(value + bias, multiplier, shift, offset, BYTE) for value in sums]
    assert rescaling.apply(np.array(sums, dtype)).tolist() == expected
    return rescaling.margin


@pytest.mark.parametrize("offset", [0, -128, 127, 5])
@pytest.mark.parametrize("bias", [0, 77, -123_457, 1 << 24])
def test_places_one_step_beside_the_middle(bias: int, offset: int) -> None:
    """Multipliers near 2^31: one step of a sum is far less than fp32 sees beside the bias."""
    for multiplier, shift in (((1 << 31) - 1, 45), ((1 << 30) + 1, 42), (1_500_000_001, 43)):
        middles = [((2 * place - 1) << shift) // (2 * multiplier) - bias for place in range(-140, 140)]
        sums = [middle + step for middle in middles for step in (-1, 0, 1, 2)]
        check([value for value in sums if abs(value) < 1 << 24], bias, multiplier, shift, offset)
        check(sums, bias, multiplier, shift, offset, np.float64)


@pytest.mark.parametrize("bias", [1 << 29, -(1 << 31), 1 << 45])
def test_a_bias_beside_which_fp32_says_nothing(bias: int) -> None:
    """Results in range are differences of numbers that are far beyond it."""
    values = [-bias + step for step in range(-300, 300)]
    margin = check(values, bias, 1 << 30, 31, dtype=np.float64)
    assert margin > 1


def test_sums_far_beyond_the_range_saturate() -> None:
    check([1 << 52, -(1 << 52), 1 << 24, -(1 << 24)], 3, (1 << 31) - 1, 1, dtype=np.float64)


def test_most_places_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bias of a usual network; and in blocks, on whatever axis they are cut."""
    again: list[int] = []
    round_exactly = rounding._rounded  # pyright: ignore[reportPrivateUsage]

    def counted(places: rounding.Array, *rest: object) -> rounding.Array:
        again.append(places.size)
        return round_exactly(places, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(rounding, "_rounded", counted)
    random = np.random.default_rng(2)
    for shape in ((3, 200, 100), (50_000,), (2, 3, 40_000), (5, 1, 7, 9)):
        sums = random.integers(-(1 << 20), 1 << 20, shape)
        bias, factors = random.integers(-30_000, 30_000, shape[-1]), random.integers(1 << 30, 1 << 31, shape[-1])
        shifts = np.full(shape[-1], 44)
        rescaling = Rescaling.of(bias, factors, shifts, 3, BYTE, INT8)
        again.clear()
        actual = rescaling.apply(sums.astype(np.float32))
        places = ((sums + bias) * factors + (1 << 43)) >> 44
        np.testing.assert_array_equal(actual, np.clip(places + 3, *BYTE))
        assert sum(again) <= max(10, sums.size / 500)
