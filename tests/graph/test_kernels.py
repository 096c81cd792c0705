"""Kernels against plain definitions; ONNX's own node tests check them through the importer."""

from math import erf, sqrt

import numpy as np
import pytest

from dialects.errors import AicError
from dialects.graph.kernels import KERNELS, Array, attention

RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def test_erf_in_float32() -> None:
    x = np.linspace(-6, 6, 200_001).astype(np.float32)
    exact = np.array([erf(value) for value in x.tolist()])
    assert np.abs(KERNELS["erf"](x) - exact).max() < 4e-7
    assert np.abs(KERNELS["erf"](x)).max() <= 1


def test_erf_in_float64_is_exact() -> None:
    x = np.linspace(-6, 6, 1001)
    np.testing.assert_array_equal(KERNELS["erf"](x), [erf(value) for value in x])


def test_gelu_of_every_size_of_block() -> None:
    for size in (1, 16_383, 16_384, 16_385, 40_000):
        x = floats(size)
        expected = [value * (1 + erf(value / sqrt(2))) / 2 for value in x.tolist()]
        np.testing.assert_allclose(KERNELS["gelu"](x), expected, atol=1e-6)


def test_nan_and_infinities_pass() -> None:
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(KERNELS["erf"](x), [np.nan, 1, -1])
    np.testing.assert_array_equal(KERNELS["sigmoid"](x), [np.nan, 1, 0])
    np.testing.assert_array_equal(KERNELS["relu"](x), [np.nan, np.inf, 0])


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_conv_is_the_sum_of_products(groups: int, dilation: int, size: int) -> None:
    x, w, b = floats(2, 9, 8, 6), floats(size, size, 6 // groups, 12), floats(12)
    reach = (size - 1) * dilation + 1
    actual = KERNELS["conv"](x, w, b, strides=(2, 1), dilations=(dilation, dilation), pads=(1, 0, 0, 2))
    padded = np.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)])
    rows, columns = (10 - reach) // 2 + 1, 10 - reach + 1
    expected = np.zeros((2, rows, columns, 12))
    depth, features = 6 // groups, 12 // groups
    for r, c, g in np.ndindex(rows, columns, groups):
        seen = padded[:, 2 * r : 2 * r + reach : dilation, c : c + reach : dilation, g * depth : (g + 1) * depth]
        weights = w[..., g * features : (g + 1) * features]
        expected[:, r, c, g * features : (g + 1) * features] = np.einsum("nijd,ijdf->nf", seen, weights)
    np.testing.assert_allclose(actual, expected + b, rtol=1e-4, atol=1e-5)


def test_division_of_integers_rounds_towards_zero() -> None:
    a, b = np.array([7, -7, 7, -7, 6]), np.array([2, 2, -2, -2, 3])
    np.testing.assert_array_equal(KERNELS["div"](a, b), [3, -3, -3, 3, 2])


def test_kernels_leave_their_operands_alone() -> None:
    x = floats(4, 5)
    before = x.copy()
    for name in ("gelu", "softplus", "relu", "sigmoid", "silu"):
        KERNELS[name](x)
    KERNELS["softmax"](x, axis=-1)
    KERNELS["layer_norm"](x, floats(5), floats(5), epsilon=1e-5)
    KERNELS["lrn"](x, size=3, alpha=1.0, beta=0.75, bias=1.0)
    np.testing.assert_array_equal(x, before)


def test_an_index_outside_of_the_table_is_the_users_mistake() -> None:
    with pytest.raises(AicError, match="index 7 is outside of the 5 positions"):
        KERNELS["gather"](floats(5, 2), np.array([0, 7]), axis=-2, rank=2, index_rank=1)


def test_attention_is_softmax_of_scores_times_values() -> None:
    heads, rows, columns, size = 3, 4, 5, 2
    q, k, v = floats(2, rows, heads * size), floats(2, columns, heads * size), floats(2, columns, heads * size)
    mask = floats(2, 1, rows, columns)
    actual = KERNELS["attention"](q, k, v, mask, head_dim=size, scale=0.7)
    for n, h in np.ndindex(2, heads):
        part = slice(h * size, (h + 1) * size)
        scores = q[n, :, part] @ k[n, :, part].T * 0.7 + mask[n, 0]
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        expected = weights / weights.sum(axis=1, keepdims=True) @ v[n, :, part]
        np.testing.assert_allclose(actual[n, :, part], expected, rtol=1e-5, atol=1e-6)


def test_causal_attention_is_attention_with_a_mask() -> None:
    q, k, v, padding = floats(2, 4, 6), floats(2, 5, 6), floats(2, 5, 6), floats(2, 1, 1, 5)
    horizon = np.array([1, 2, 2, 5])
    arguments = {"head_dim": 3, "scale": 0.7}
    for beyond in (-np.inf, -0.5):
        later = np.arange(5) >= horizon[:, None]
        mask = np.where(later, np.minimum(padding, np.float32(beyond)), padding)
        expected = KERNELS["attention"](q, k, v, mask, **arguments)
        actual = KERNELS["causal_attention"](q, k, v, horizon, padding, beyond=beyond, **arguments)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_many_queries_are_attended_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v, mask = floats(2, 7, 6), floats(2, 5, 6), floats(2, 5, 6), floats(2, 2, 7, 5)
    arguments = {"head_dim": 3, "scale": 0.7}
    horizon = np.array([1, 2, 3, 4, 5, 5, 5])
    whole = KERNELS["attention"](q, k, v, mask, **arguments)
    causal = KERNELS["causal_attention"](q, k, v, horizon, beyond=-np.inf, **arguments)
    monkeypatch.setattr(attention, "_BLOCK_SCORES", 40)
    np.testing.assert_allclose(KERNELS["attention"](q, k, v, mask, **arguments), whole, rtol=1e-5, atol=1e-6)
    blocks = KERNELS["causal_attention"](q, k, v, horizon, beyond=-np.inf, **arguments)
    np.testing.assert_allclose(blocks, causal, rtol=1e-5, atol=1e-6)


def test_the_lowest_mask_absorbs_scores() -> None:
    """Where all keys of a query have it, they have equal weights."""
    q, k, v = floats(1, 1, 2), floats(1, 3, 2), floats(1, 3, 2)
    mask = np.full((1, 1, 1, 3), -65504, np.float32)
    actual = KERNELS["attention"](q, k, v, mask, head_dim=2, scale=1.0, absorbing=-65504.0)
    np.testing.assert_allclose(actual[0, 0], v[0].mean(axis=0), rtol=1e-5)


def test_rotary_turns_pairs_of_both_halves() -> None:
    x, angles = floats(2, 3, 8), floats(1, 3, 2)
    cos, sin = np.tile(np.cos(angles), 2), np.tile(np.sin(angles), 2)
    actual = KERNELS["rotary"](x, cos, sin, head_dim=4).reshape(2, 3, 2, 2, 2)
    pairs = x.reshape(2, 3, 2, 2, 2)
    turned = (pairs[..., 0, :] + 1j * pairs[..., 1, :]) * np.exp(1j * angles)[:, :, None]
    np.testing.assert_allclose(actual[..., 0, :], turned.real, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(actual[..., 1, :], turned.imag, rtol=1e-5, atol=1e-6)
