"""Calibrated ranges: each method against its rule, what all promise, and how well they serve known distributions."""

from fractions import Fraction
from functools import cache
from math import trunc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.quantized.parameters import LIMITS, dequantized, quantized
from passes.quantization.calibration.choice import Calibration, calibrated_range
from passes.quantization.calibration.errors import first_least, squared_errors
from passes.quantization.calibration.mse import mse_range
from passes.quantization.calibration.percentile import percentile_range
from passes.quantization.calibration.sqnr import candidates
from passes.quantization.histogram import Histogram
from passes.quantization.schemas import Schema, choose_parameters

RANDOM = np.random.default_rng(0)
COUNT = 200_000
METHODS = [method for method in Calibration if method is not Calibration.NONE]
SHRINKING = [method for method in METHODS if method is not Calibration.PERCENTILE]
DATA = {
    "relu": np.maximum(RANDOM.standard_normal(COUNT), 0).astype(np.float32),
    "negated relu": np.minimum(RANDOM.standard_normal(COUNT), 0).astype(np.float32),
    "uniform beside zero": RANDOM.uniform(5, 10, COUNT).astype(np.float32),
    "normal": RANDOM.standard_normal(COUNT).astype(np.float32),
    "laplace": RANDOM.laplace(size=COUNT).astype(np.float32),
}


def profile(values: np.ndarray, bins: int) -> Histogram:
    histogram = Histogram.empty(bins)
    histogram.add(values)
    return histogram


@cache
def profile_of(name: str, bins: int) -> Histogram:
    return profile(DATA[name], bins)


@cache
def uncalibrated_error(name: str, schema: Schema) -> float:
    return mean_error(DATA[name], float(DATA[name].min()), float(DATA[name].max()), schema)


def mean_error(values: np.ndarray, low: float, high: float, schema: Schema) -> float:
    """Mean of squared errors of values in 8 bits, with parameters for a range."""
    chosen = choose_parameters(low, high, schema, 8)
    back = dequantized(quantized(values, chosen.scale, chosen.offset, 8), chosen.scale, chosen.offset)
    return float(np.square(back.astype(np.float64) - values).mean())


def gain(name: str, bins: int, method: Calibration, schema: Schema) -> float:
    """Mean squared error of a calibrated range over that of all values."""
    low, high = calibrated_range(profile_of(name, bins), method, schema, 8, 100)
    return mean_error(DATA[name], low, high, schema) / uncalibrated_error(name, schema)


@pytest.mark.parametrize("schema", Schema)
@pytest.mark.parametrize("bins", [512, 2048])
@pytest.mark.parametrize("method", SHRINKING)
@pytest.mark.parametrize("name", ["relu", "negated relu", "uniform beside zero", "normal"])
def test_no_range_is_much_worse_than_all_values(name: str, method: Calibration, bins: int, schema: Schema) -> None:
    assert gain(name, bins, method, schema) < 1.1


@pytest.mark.parametrize("schema", [Schema.ASYMMETRIC, Schema.SYMMETRIC])
@pytest.mark.parametrize("bins", [512, 2048, 4096])
def test_rare_values_of_a_laplace_distribution_are_cut_off(bins: int, schema: Schema) -> None:
    assert gain("laplace", bins, Calibration.MSE, schema) < 0.85
    assert gain("laplace", bins, Calibration.SQNR, schema) < 0.92


@pytest.mark.parametrize("bins", [128, 512])
@pytest.mark.parametrize("method", [Calibration.MSE, Calibration.SQNR])
def test_zeros_do_not_hide_the_few_other_values(method: Calibration, bins: int) -> None:
    values = np.where(RANDOM.random(COUNT) < 0.005, np.abs(DATA["normal"]), 0).astype(np.float32)
    low, high = calibrated_range(profile(values, bins), method, Schema.ASYMMETRIC, 8, 100)
    assert mean_error(values, low, high, Schema.ASYMMETRIC) < 1.05 * mean_error(
        values, 0, float(values.max()), Schema.ASYMMETRIC
    )


def test_percentiles_cut_what_they_say() -> None:
    low, high = calibrated_range(profile_of("normal", 2048), Calibration.PERCENTILE, Schema.SYMMETRIC, 8, 99.0)
    assert (DATA["normal"] < low).mean() == pytest.approx(0.01, abs=0.001)
    assert (DATA["normal"] > high).mean() == pytest.approx(0.01, abs=0.001)
    low, high = calibrated_range(profile_of("relu", 2048), Calibration.PERCENTILE, Schema.SYMMETRIC, 8, 99.9)
    assert low == 0
    assert (DATA["relu"] > high).mean() == pytest.approx(0.001, abs=0.0002)


@pytest.mark.parametrize(
    ("counts", "percentile", "expected"),
    [
        ([10, 80, 9, 1], 100, (0, 4)),
        ([10, 80, 9, 1], 99, (0, 2)),
        ([1, 98, 0, 1], 99, (0, 1)),
        ([1, 97, 1, 1], 99, (0, 2)),
        ([1, 97, 1, 1], 98, (1, 2)),
        ([1, 97, 1, 1], 99.9, (0, 3)),
        ([0, 100, 0, 0], 90, (1, 2)),
        ([100, 0, 0, 0], 90, (0, 1)),
        ([0, 0, 0, 100], 90, (3, 4)),
        ([1, 998, 0, 1], 99.9, (0, 1)),
    ],
)
def test_percentiles_of_few_bins(counts: list[int], percentile: float, expected: tuple[float, float]) -> None:
    assert percentile_range(Histogram(0.0, 4.0, np.array(counts)), percentile) == expected


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=30).filter(any),
    st.sampled_from([90.0, 95.5, 99.0, 99.9, 99.9999]),
)
def test_percentiles_by_their_rule(counts: list[int], percentile: float) -> None:
    cut, total = 1 - Fraction(str(percentile)) / 100, sum(counts)
    below = [sum(counts[: i + 1]) for i in range(len(counts))]
    begin = next(i for i in range(len(counts)) if below[i] >= cut * total)
    end = next((i + 1 for i in range(len(counts))[::-1] if below[i] < (1 - cut) * total), 0)
    histogram = Histogram(0.0, float(len(counts)), np.array(counts))
    assert percentile_range(histogram, percentile) == (begin, end + (begin == end))


@pytest.mark.parametrize("schema", Schema)
@pytest.mark.parametrize("saturation", [1.0, 3.0])
def test_errors_are_those_of_values_spread_in_bins(schema: Schema, saturation: float) -> None:
    counts = RANDOM.integers(0, 5, 40)
    histogram = Histogram(-3.0, 7.0, counts)
    points = 4000
    values = (histogram.low + (np.arange(40 * points) + 0.5) * histogram.width / points).astype(np.float32)
    lows, highs = np.array([-3.0, -2.0, -0.5, 0.0, -3.0]), np.array([7.0, 2.0, 5.0, 0.3, 0.0])
    errors = squared_errors(histogram, lows, highs, schema, 8, saturation)
    least, greatest = LIMITS[8]
    for low, high, error in zip(lows.tolist(), highs.tolist(), errors.tolist(), strict=True):
        scale, offset = vars(choose_parameters(low, high, schema, 8)).values()
        away = np.abs(dequantized(quantized(values, scale, offset, 8), scale, offset).astype(np.float64) - values)
        beyond = np.maximum(away - scale / 2, 0) > 1e-6
        squares = np.where(beyond, saturation * away**2 - (saturation - 1) * 0.25 * scale**2, away**2)
        assert scale * (least - offset) < scale * (greatest - offset)
        assert error == pytest.approx((squares.reshape(40, points).mean(axis=1) * counts).sum(), rel=2e-3)


@pytest.mark.parametrize("schema", Schema)
@pytest.mark.parametrize("name", ["normal", "laplace", "relu", "negated relu", "uniform beside zero"])
def test_the_least_error_of_all_pairs_of_edges_is_found(name: str, schema: Schema) -> None:
    histogram = profile(DATA[name][:20_000], 96)
    edges = histogram.edges
    lows, highs = np.append(edges[edges < 0], 0), np.append(edges[edges > 0], 0)
    pairs = np.stack(np.meshgrid(lows, highs), axis=-1).reshape(-1, 2)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    known = histogram.without_zeros()
    least = squared_errors(known, pairs[:, 0].copy(), pairs[:, 1].copy(), schema, 8, 1.0).min()
    low, high = mse_range(histogram, schema, 8)
    assert squared_errors(known, np.array([low]), np.array([high]), schema, 8, 1.0)[0] <= least * 1.005


@pytest.mark.parametrize("name", ["relu", "negated relu"])
def test_with_offset_zero_one_end_follows_from_the_other(name: str) -> None:
    low, high = mse_range(profile_of(name, 512), Schema.SYMMETRIC, 8)
    assert low / -128 == pytest.approx(high / 127)


def test_the_finest_bins_are_searched() -> None:
    values = np.append(RANDOM.uniform(-1, 1, 50_000), [4, -4]).astype(np.float32)
    low, high = mse_range(profile(values, 2048), Schema.ASYMMETRIC, 8)
    # Two outliers in 50,000 weigh more than rounding until the range has shrunk to where they cost as much.
    costs = {limit: mean_error(values, -limit, limit, Schema.ASYMMETRIC) for limit in np.arange(1, 4.01, 0.05)}
    assert mean_error(values, low, high, Schema.ASYMMETRIC) <= min(costs.values()) * 1.01


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.0, 4.0), (-4.0, 0.0), (-2.5, 2.5)])
def test_candidates_of_sqnr_with_offset(low: float, high: float) -> None:
    step = (high - low) / 255
    snapped = step * round(low / step)
    expected = {(snapped, snapped + 255 * step)}
    for f in range(1, 18):
        for i in range(21):
            begin = f / 16 * step * trunc(255 * (i / 20 - 1))
            end = begin + 255 * f / 16 * step
            if begin < snapped and end > snapped + 255 * step:
                continue
            pair = (max(begin, snapped), min(end, snapped + 255 * step))
            if pair[0] < pair[1]:
                expected.add(pair)
    actual = zip(*candidates(low, high, Schema.ASYMMETRIC, 8), strict=True)
    rounded = {(round(begin, 6) + 0.0, round(end, 6) + 0.0) for begin, end in actual}
    assert rounded == {(round(begin, 6) + 0.0, round(end, 6) + 0.0) for begin, end in expected}


def test_candidates_of_sqnr_without_offset() -> None:
    lows, highs = candidates(-1.0, 3.0, Schema.SYMMETRIC, 8)
    assert highs.tolist() == pytest.approx([min(f / 100 * 6 / 255 * 127, 3) for f in range(101, 0, -1)])
    assert lows.tolist() == pytest.approx([max(-f / 100 * 6 / 255 * 128, -1) for f in range(101, 0, -1)])
    lows, highs = candidates(0.0, 3.0, Schema.SYMMETRIC_WITH_UINT8, 8)
    assert not lows.any()
    assert highs.tolist() == pytest.approx([min(f / 100 * 3, 3) for f in range(101, 0, -1)])


def test_the_first_of_equal_costs_is_taken() -> None:
    assert first_least(np.array([3.0, 1.0 + 1e-12, 1.0, 2.0])) == 1
    assert first_least(np.array([3.0, 1.0 + 1e-6, 1.0, 2.0])) == 2
    assert first_least(np.array([np.inf, np.inf])) == 0
    assert first_least(np.array([1.0, 0.0])) == 1


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30),
    st.sampled_from([1, 2, 7, 300]),
    st.sampled_from(Calibration),
    st.sampled_from(Schema),
    st.sampled_from([8, 16]),
    st.sampled_from([90.0, 99.9, 100.0]),
)
def test_what_all_ranges_promise(
    values: list[float], bins: int, method: Calibration, schema: Schema, bits: int, percentile: float
) -> None:
    histogram = profile(np.array(values, np.float32), bins)
    low, high = calibrated_range(histogram, method, schema, bits, percentile)
    assert min(histogram.low, 0) <= low <= 0 <= high <= max(histogram.high, 0)
    if method is Calibration.NONE or len(set(values)) < 2 or (bits == 16 and method is not Calibration.PERCENTILE):
        assert (low, high) == (min(histogram.low, 0), max(histogram.high, 0))
    assert choose_parameters(low, high, schema, bits).scale > 0


@pytest.mark.parametrize("method", SHRINKING)
def test_16_bits_cover_all_values(method: Calibration) -> None:
    histogram = profile_of("laplace", 512)
    assert calibrated_range(histogram, method, Schema.ASYMMETRIC, 16, 99.9) == (histogram.low, histogram.high)


def test_percentiles_are_cut_for_16_bits_too() -> None:
    histogram = profile_of("laplace", 512)
    ranges = [calibrated_range(histogram, Calibration.PERCENTILE, Schema.SYMMETRIC, bits, 99.0) for bits in (8, 16)]
    assert ranges[0] == ranges[1] != (histogram.low, histogram.high)


def test_a_range_of_zero_alone_is_no_candidate() -> None:
    # It would get the scale 0.1, which happens to suit these values.
    assert mse_range(Histogram(0.0, 12.75, np.array([5])), Schema.SYMMETRIC, 8)[1] == 12.75


@pytest.mark.parametrize("method", Calibration)
@pytest.mark.parametrize("value", [0.0, 2.5, -2.5])
def test_constants_keep_their_range(method: Calibration, value: float) -> None:
    histogram = profile(np.full(9, value, np.float32), 512)
    assert calibrated_range(histogram, method, Schema.ASYMMETRIC, 8, 99.9) == (min(value, 0), max(value, 0))


@pytest.mark.parametrize("method", Calibration)
def test_a_profile_without_counts_keeps_its_range(method: Calibration) -> None:
    histogram = Histogram(-1.0, 2.0, np.zeros(300, np.int64))
    assert calibrated_range(histogram, method, Schema.SYMMETRIC, 8, 99.9) == (-1, 2)
    assert calibrated_range(Histogram.empty(300), method, Schema.SYMMETRIC, 8, 99.9) == (0, 0)


@pytest.mark.parametrize("method", Calibration)
def test_an_infinite_profile_keeps_its_range(method: Calibration) -> None:
    histogram = Histogram(-np.inf, 2.0, np.ones(300, np.int64))
    assert calibrated_range(histogram, method, Schema.SYMMETRIC, 8, 99.9) == (-np.inf, 2)


@pytest.mark.parametrize("method", Calibration)
def test_a_profile_of_zeros_only_is_calibrated(method: Calibration) -> None:
    counts = np.zeros(300, np.int64)
    counts[0] = 7
    low, high = calibrated_range(Histogram(0.0, 2.0, counts), method, Schema.ASYMMETRIC, 8, 99.9)
    assert low == 0 < high <= 2


def test_one_value_far_away_does_not_hide_the_others_from_a_search() -> None:
    values = np.append(RANDOM.standard_normal(100_000), 40).astype(np.float32)
    low, high = calibrated_range(profile(values, 2048), Calibration.MSE, Schema.SYMMETRIC, 8, 100)
    assert mean_error(values, low, high, Schema.SYMMETRIC) < mean_error(values, values.min(), 40, Schema.SYMMETRIC)


def test_rare_negative_values_may_be_cut_for_an_unsigned_range() -> None:
    values = np.append(DATA["relu"], np.float32(-1e-6))
    low, high = calibrated_range(profile(values, 512), Calibration.MSE, Schema.SYMMETRIC_WITH_UINT8, 8, 100)
    assert (low, choose_parameters(low, high, Schema.SYMMETRIC_WITH_UINT8, 8).offset) == (0, -128)
