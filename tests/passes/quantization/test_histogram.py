"""Histograms that grow: every value counted once, near where it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dialects.errors import AicError
from passes.quantization import histogram as module
from passes.quantization.histogram import Histogram

RANDOM = np.random.default_rng(0)
VALUES = st.floats(-(2.0**20), 2.0**20, width=32)
BATCHES = st.lists(st.lists(VALUES, max_size=12).map(lambda batch: np.array(batch, np.float32)), max_size=5)
BINS = st.integers(1, 40)


def profile(*batches: np.ndarray, bins: int = 10) -> Histogram:
    histogram = Histogram.empty(bins)
    for batch in batches:
        histogram.add(batch)
    return histogram


def moved(counts: list[int], low: float, high: float, new_low: float, new_high: float) -> list[int]:
    """Glow's redistribution into a wider range: of each bin a share to the bin it begins in, the rest to the next."""
    old, new = (high - low) / len(counts), (new_high - new_low) / len(counts)
    result = [0] * len(counts)
    for i, count in enumerate(counts):
        begin = low + i * old
        bin_of_begin = int((begin - new_low) / new)
        share = min(int((new_low + (bin_of_begin + 1) * new - begin) / old * count + 0.5), count)
        result[bin_of_begin] += share
        if share < count:
            result[min(int((begin + new - new_low) / new), len(counts) - 1)] += count - share
    return result


def test_values_are_counted_in_their_bins() -> None:
    histogram = profile(np.array([0, 0.9, 1, 1.5, 9.99, 10], np.float32))
    assert (histogram.low, histogram.high) == (0, 10)
    assert histogram.counts.tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert histogram.counts.dtype == np.int64
    assert histogram.edges.tolist() == list(range(11))


def test_many_values_are_counted_as_by_numpy() -> None:
    values = RANDOM.standard_normal(3 * module._BLOCK + 17).astype(np.float32)
    histogram = profile(values, bins=64)
    expected, _ = np.histogram(values, 64)
    # In fp32 a value may fall to the other side of an edge.
    assert np.abs(histogram.counts - expected).max() <= 3
    assert histogram.total == values.size


def test_a_wider_batch_makes_the_histogram_grow() -> None:
    histogram = profile(np.repeat(np.arange(4) + 0.5, [1, 2, 3, 4]).astype(np.float32), bins=4)
    assert (histogram.low, histogram.high, histogram.counts.tolist()) == (0.5, 3.5, [1, 2, 3, 4])
    histogram.add(np.array([6.5], np.float32))
    assert (histogram.low, histogram.high, histogram.counts.tolist()) == (0.5, 6.5, [3, 7, 0, 1])


@pytest.mark.parametrize("seed", range(20))
def test_counts_move_as_in_glow(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = (random.integers(0, 1000, 32) * random.integers(0, 2, 32)).tolist()
    new_low, new_high = -1 - random.random() * 3, 1 + random.random() * 3
    grown = Histogram(-1.0, 1.0, np.array(counts)).rebinned(new_low, new_high)
    assert grown.counts.tolist() == moved(counts, -1, 1, new_low, new_high)


@pytest.mark.parametrize(
    ("counts", "old", "new", "expected"),
    [
        ([1, 2, 3, 4], (0, 1), (-1, 1), [0, 0, 3, 7]),
        ([2, 4, 6, 8], (-1, 1), (0, 1), [3, 3, 4, 4]),
        ([1, 1], (0, 1), (0, 1), [1, 1]),
        ([5, 7], (0, 1), (2, 3), [0, 0]),
        ([1, 0], (0, 3), (0, 1), [0, 1]),
        ([5, 0], (1, 1), (0, 2), [0, 5]),
        ([5, 0], (2, 2), (0, 2), [0, 5]),
        ([5, 0], (3, 3), (0, 2), [0, 0]),
    ],
)
def test_rebinning(counts: list[int], old: tuple[float, float], new: tuple[float, float], expected: list[int]) -> None:
    rebinned = Histogram(*old, np.array(counts)).rebinned(*new)
    assert (rebinned.low, rebinned.high, rebinned.counts.tolist()) == (*new, expected)


def test_rebinning_to_fewer_bins() -> None:
    assert Histogram(0.0, 1.0, np.arange(8)).rebinned(0.0, 1.0, 4).counts.tolist() == [1, 5, 9, 13]


@given(BATCHES, BINS)
def test_every_value_is_counted_once_near_its_place(batches: list[np.ndarray], bins: int) -> None:
    histogram = profile(*batches, bins=bins)
    values = np.concatenate([np.zeros(0, np.float32), *batches])
    assert histogram.total == values.size
    assert histogram.counts.min() >= 0
    if values.size:
        assert (histogram.low, histogram.high) == (values.min(), values.max())
    below = np.cumsum(histogram.counts)[:-1]
    # Each time the range grows, a value moves by less than a bin of the new width.
    reach = histogram.width * (1 + len(batches)) + 1e-6 * abs(histogram.high - histogram.low)
    for edge, counted in zip(histogram.edges[1:-1], below, strict=True):
        assert (values < edge - reach).sum() <= counted <= (values <= edge + reach).sum()


@given(BATCHES, BINS, VALUES, VALUES, st.integers(1, 60))
def test_rebinning_invents_nothing(batches: list[np.ndarray], bins: int, a: float, b: float, new_bins: int) -> None:
    histogram = profile(*batches, bins=bins)
    inside = histogram.rebinned(min(a, b), max(a, b), new_bins)
    assert inside.counts.min() >= 0
    assert inside.total <= histogram.total
    around = histogram.rebinned(min(a, b, histogram.low), max(a, b, histogram.high), new_bins)
    assert around.total == histogram.total


def test_counts_given_are_left_alone() -> None:
    counts = np.array([1, 1])
    Histogram(0.0, 1.0, counts).add(np.array([0.25], np.float32))
    assert counts.tolist() == [1, 1]


@given(arrays(np.float16, st.integers(0, 50), elements=st.floats(-100, 100, width=16)), BINS)
def test_fp16_is_counted_as_fp32(values: np.ndarray, bins: int) -> None:
    narrow, wide = profile(values, bins=bins), profile(values.astype(np.float32), bins=bins)
    assert (narrow.low, narrow.high, narrow.counts.tolist()) == (wide.low, wide.high, wide.counts.tolist())


def test_much_fp16() -> None:
    values = RANDOM.standard_normal(9 * module._BLOCK + 5).astype(np.float16)
    np.testing.assert_array_equal(profile(values).counts, profile(values.astype(np.float32)).counts)


def test_any_layout() -> None:
    values = RANDOM.standard_normal((40, 30, 20)).astype(np.float32)
    expected = profile(values.ravel()).counts
    np.testing.assert_array_equal(profile(values.transpose(2, 0, 1)).counts, expected)
    np.testing.assert_array_equal(profile(np.repeat(values, 2, axis=1)[:, ::2]).counts, expected)
    np.testing.assert_array_equal(profile(values.astype(np.float64)).counts, expected)


def test_constants_and_nothing() -> None:
    zeros = np.zeros(7, np.float32)
    histogram = profile(zeros, zeros, bins=3)
    assert (histogram.low, histogram.high, histogram.counts.tolist()) == (0, 0, [14, 0, 0])
    histogram.add(np.zeros((0, 4), np.float32))
    assert histogram.total == 14
    histogram.add(np.array([-1, 2], np.float16))
    assert (histogram.low, histogram.high, histogram.counts.tolist()) == (-1, 2, [1, 14, 1])
    assert profile(np.full(5, 3, np.float16), bins=2).counts.tolist() == [5, 0]
    empty = profile(np.zeros(0, np.float32), bins=2)
    assert (empty.low, empty.high, empty.counts.tolist()) == (0, 0, [0, 0])


@pytest.mark.parametrize("scale", [3e38, 1e-38, 1.5e-45])
def test_ranges_at_the_limits_of_fp32(scale: float) -> None:
    values = np.array([-1, 0, 1], np.float32) * np.float32(scale)
    assert profile(values, bins=4).counts.tolist() == [1, 0, 1, 1]


def test_counts_are_exact_beyond_fp32() -> None:
    histogram = Histogram(0.0, 1.0, np.array([1 << 40, 0]))
    histogram.add(np.array([0], np.float32))
    assert histogram.counts.tolist() == [(1 << 40) + 1, 0]
    assert histogram.rebinned(-1.0, 1.0).counts.tolist() == [0, (1 << 40) + 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_not_finite_is_refused(dtype: type[np.floating]) -> None:
    histogram = profile(np.array([1, 2], np.float32))
    for value, kind in ((np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")):
        with pytest.raises(AicError, match=f"some values are {kind}"):
            histogram.add(np.array([5, value], dtype))
    assert (histogram.low, histogram.high, histogram.total) == (1, 2, 2)


def test_fp64_beyond_fp32_is_refused() -> None:
    with pytest.raises(AicError, match="infinite in fp32"):
        Histogram.empty(4).add(np.array([1e300]))


@pytest.mark.parametrize(
    ("low", "high", "counts", "expected"),
    [
        (0, 1, [900, 5, 3], [5, 5, 3]),
        (0, 1, [4, 5, 3], [4, 5, 3]),
        (-1, 0, [3, 5, 900], [3, 5, 5]),
        (-1, 1, [900, 5, 900], [900, 5, 900]),
        (0, 1, [7], [7]),
        (0, 1, [7, 0], [7, 0]),
    ],
)
def test_zeros_are_left_out_where_they_are_at_an_end(
    low: float, high: float, counts: list[int], expected: list[int]
) -> None:
    histogram = Histogram(low, high, np.array(counts))
    assert histogram.without_zeros().counts.tolist() == expected
    assert histogram.counts.tolist() == counts
