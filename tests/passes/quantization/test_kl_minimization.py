"""Both KL minimizations against their published loops, written out bin by bin, and where those go wrong."""

from math import ceil, inf, log

import numpy as np
import pytest

from passes.quantization.calibration.divergence import GROUPS, divergences
from passes.quantization.calibration.kl_minimization import _whole_groups, kl_range
from passes.quantization.calibration.kl_minimization_v2 import _even_groups, kl_v2_range
from passes.quantization.calibration.shrinking import asymmetric_windows, symmetric_windows
from passes.quantization.histogram import Histogram
from passes.quantization.schemas import Schema

CASES = range(6)


def draw(seed: int) -> np.ndarray:
    """Counts with a peak somewhere, of many values or few, in some of so many bins."""
    random = np.random.default_rng(seed)
    bins = int(random.integers(256, 560))
    centre, width, most = random.integers(60, bins - 60), random.integers(20, 200), 10 ** random.integers(1, 6)
    heights = most * np.exp(-(((np.arange(bins) - centre) / width) ** 2)) * (random.random(bins) < random.random())
    counts = random.poisson(heights)
    counts[[0, -1]] = 1
    return counts


def smoothed(values: list[float]) -> list[float]:
    zeros = sum(value == 0 for value in values)
    if zeros == len(values):
        return values
    given = 1e-4 * zeros / (len(values) - zeros)
    return values if given >= 1 else [1e-4 if value == 0 else value - given for value in values]


def divergence(counts: list[int], first: int, last: int, v2: bool) -> float:
    """Of one window, as Glow and AIMET compute it."""
    window = counts[first : last + 1]
    size = len(window)
    p: list[float] = [float(count) for count in window]
    p[0], p[-1] = float(sum(counts[: first + 1])), float(sum(counts[last:]))
    q = [0.0] * size
    for j in range(GROUPS):
        begin, end = (
            (ceil(j * size / GROUPS), ceil((j + 1) * size / GROUPS))
            if v2
            else (
                j * (size // GROUPS),
                (j + 1) * (size // GROUPS),
            )
        )
        group = range(begin, size if j == GROUPS - 1 else end)
        filled = sum(window[i] != 0 for i in group)
        for i in group:
            if filled and (window if v2 else p)[i]:
                q[i] = sum(window[n] for n in group) / filled
    p, q = smoothed(p), smoothed(q)
    total_p, total_q = sum(p), sum(q)
    if not total_p or not total_q:
        return 0.0
    return sum(a / total_p * log(a / total_p / (b / total_q)) for a, b in zip(p, q, strict=True) if a > 0 and b > 0)


def loop(counts: list[int], low: float, high: float, symmetric: bool, v2: bool) -> tuple[float, float]:
    """The range of the published loop."""
    width = (high - low) / len(counts)
    a, b, best, found = 0, len(counts) - 1, inf, (low, high)
    while b - a + 1 >= GROUPS:
        cost = divergence(counts, a, b, v2)
        if cost < best:
            best, found = cost, (low + a * width, low + (b + 1) * width)
        if symmetric:
            a, b = a + 1, b - 1
            continue
        losses = [counts[a] + counts[b], counts[a] + counts[a + 1], counts[b] + counts[b - 1]]
        step = losses.index(min(losses))
        if v2 and step in (0, 1) and low + (a + 1 + step) * width > 0:
            step = 2
        elif v2 and step in (0, 2) and low + (b + 1 - (1 + step // 2)) * width < 0:
            step = 1
        a, b = ((a + 1, b - 1), (a + 2, b), (a, b - 2))[step]
    if symmetric:
        ratio = max(found[0] / low, found[1] / high)
        found = (ratio * low, ratio * high)
    return found


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("v2", [False, True])
def test_divergences(seed: int, v2: bool) -> None:
    counts = draw(seed)
    windows = np.concatenate([symmetric_windows(counts.size), asymmetric_windows(counts, None)])[::5]
    actual = divergences(counts, windows, _even_groups if v2 else _whole_groups, fills_ends=not v2)
    each = counts.tolist()
    expected = [divergence(each, first, last, v2) for first, last in windows.tolist()]
    usable = np.isfinite(actual)
    assert usable.sum() > 3
    np.testing.assert_allclose(actual[usable], np.array(expected)[usable], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("v2", [False, True])
def test_divergences_of_few_values_in_many_bins(v2: bool) -> None:
    # The others give up 0.05 each.
    counts = np.zeros(4096, np.int64)
    counts[[0, 700, 1500, 1600, 1601, 2600, 3333, 4095]] = [1, 1, 2, 1, 3, 1, 1, 2]
    windows = np.array([[0, 4095], [50, 4000], [600, 2700], [600, 2601], [1500, 3334]])
    actual = divergences(counts, windows, _even_groups if v2 else _whole_groups, fills_ends=not v2)
    expected = [divergence(counts.tolist(), first, last, v2) for first, last in windows.tolist()]
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("v2", [False, True])
def test_ranges_of_offsets(seed: int, v2: bool) -> None:
    counts = draw(seed)
    actual = (kl_v2_range if v2 else kl_range)(Histogram(-1.0, 3.0, counts), Schema.ASYMMETRIC, 8)
    assert actual == pytest.approx(loop(counts.tolist(), -1, 3, False, v2))


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("v2", [False, True])
def test_ranges_without_offset(seed: int, v2: bool) -> None:
    counts, method = draw(seed), kl_v2_range if v2 else kl_range
    histogram = Histogram(-128.0, 127.0, counts)
    actual = method(histogram, Schema.SYMMETRIC, 8)
    assert actual == pytest.approx(loop(counts.tolist(), -128, 127, True, v2))
    assert method(histogram, Schema.SYMMETRIC_WITH_UINT8, 8) == actual
    assert method(histogram, Schema.SYMMETRIC_WITH_POWER2_SCALE, 8) == actual


def test_windows_lose_the_rarest_values() -> None:
    counts = np.ones(261, np.int64)
    assert symmetric_windows(261).tolist() == [[0, 260], [1, 259], [2, 258], [3, 257]]
    assert asymmetric_windows(counts, None).tolist() == [[0, 260], [1, 259], [2, 258], [3, 257]]
    counts[:4] = 0
    assert asymmetric_windows(counts, None).tolist() == [[0, 260], [2, 260], [4, 260], [5, 259]]
    assert asymmetric_windows(counts[::-1].copy(), None).tolist() == [[0, 260], [0, 258], [0, 256], [1, 255]]


def test_windows_keep_zero() -> None:
    counts = np.ones(261, np.int64)
    assert asymmetric_windows(counts, 0.0).tolist() == [[0, 260], [0, 258], [0, 256], [0, 254]]
    assert asymmetric_windows(counts, 1.0).tolist() == [[0, 260], [1, 259], [1, 257], [1, 255]]
    assert asymmetric_windows(counts, 261.0).tolist() == [[0, 260], [2, 260], [4, 260], [6, 260]]
    assert asymmetric_windows(counts, 260.0).tolist() == [[0, 260], [1, 259], [3, 259], [5, 259]]


def test_a_range_that_clips_an_outlier() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(-1, 1, 50_000), [8]]).astype(np.float32)
    histogram = Histogram.empty(2048)
    histogram.add(values)
    for method in (kl_range, kl_v2_range):
        low, high = method(histogram, Schema.ASYMMETRIC, 8)
        assert low == pytest.approx(-1, abs=0.01)
        assert 0.99 < high < 4


def test_a_window_without_values_inside_is_the_worst() -> None:
    counts = np.zeros(300, np.int64)
    counts[[0, 20, 150, 279, 299]] = 5
    windows = np.array([[0, 299], [20, 279]])
    assert np.isfinite(divergences(counts, windows, _whole_groups, True)).all()
    counts[150] = 0
    assert np.isinf(divergences(counts, windows, _whole_groups, True)).tolist() == [False, True]


def test_few_bins_are_not_calibrated() -> None:
    histogram = Histogram(-1.0, 2.0, np.ones(254, np.int64))
    assert kl_range(histogram, Schema.ASYMMETRIC, 8) == (-1, 2)
    assert kl_v2_range(histogram, Schema.SYMMETRIC, 8) == pytest.approx((-2 * 128 / 127, 2))


def test_very_many_bins_are_made_fewer() -> None:
    values = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    ranges: list[tuple[float, float]] = []
    for bins in (1 << 13, 1 << 14):
        histogram = Histogram.empty(bins)
        histogram.add(values)
        ranges.append(kl_range(histogram, Schema.SYMMETRIC, 8))
    assert ranges[1] == pytest.approx(ranges[0], rel=0.05)
