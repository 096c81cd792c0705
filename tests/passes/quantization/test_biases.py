"""Scales and offsets of biases: in the steps of the sums they are added to, where these are large enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dialects.quantized.parameters import LIMITS, Parameters, dequantized, quantized
from passes.quantization.biases import bias_parameters, channel_bias_parameters
from passes.quantization.schemas import Schema, choose_parameters

SCHEMAS = st.sampled_from(Schema)
SCALES = st.floats(2.0**-40, 2.0**7, width=32)
BIASES = arrays(np.float32, 5, elements=st.sampled_from([0.0]) | st.floats(-(2.0**20), 2.0**20, width=32))


def restored(bias: np.ndarray, scale: object, offset: object, bits: int) -> np.ndarray:
    return dequantized(quantized(bias, scale, offset, bits), scale, offset)


@pytest.mark.parametrize("schema", Schema)
@pytest.mark.parametrize("bits", [8, 32])
def test_a_small_bias_has_the_steps_of_the_sum(schema: Schema, bits: int) -> None:
    bias = np.array([-0.5, 3.0], np.float32)
    own = choose_parameters(-0.5, 3.0, schema, bits)
    chosen = bias_parameters(bias, 0.5, 0.25, schema, bits)
    assert chosen == Parameters(0.125, own.offset if bits == 8 else 0)


def test_a_large_bias_keeps_its_scale() -> None:
    bias = np.array([-8.0, 2.0], np.float32)
    assert bias_parameters(bias, 1e-3, 1e-3, Schema.SYMMETRIC, 8) == Parameters(8 / 128, 0)
    assert bias_parameters(bias, 1e-3, 1e-3, Schema.ASYMMETRIC, 8) == choose_parameters(-8, 2, Schema.ASYMMETRIC, 8)
    assert bias_parameters(bias, 1e-6, 1e-6, Schema.ASYMMETRIC, 32) == Parameters(8 / 2**29, 0)


@pytest.mark.parametrize("bits", [8, 32])
def test_zeros_take_any_steps(bits: int) -> None:
    for schema in Schema:
        assert bias_parameters(np.zeros(3, np.float32), 1e-4, 0.5, schema, bits).scale == np.float32(1e-4) / 2
        channels = channel_bias_parameters(np.zeros(3, np.float32), 1e-4, np.full(3, 0.5, np.float32), schema, bits)
        assert channels.scales.tolist() == [np.float32(1e-4) / 2] * 3
        assert channels.weight_scales.tolist() == [0.5] * 3


def test_the_weights_of_a_channel_give_way_to_a_large_bias() -> None:
    bias, weights = np.array([1.0, 3.0], np.float32), np.array([0.25, 2.0**-30], np.float32)
    chosen = channel_bias_parameters(bias, 0.125, weights, Schema.SYMMETRIC, 32)
    own = choose_parameters(0, 3, Schema.SYMMETRIC, 32).scale
    assert chosen.weight_scales.tolist() == [0.25, 8 * own]
    assert chosen.scales.tolist() == [0.03125, own]
    assert chosen.offsets.tolist() == [0, 0]
    narrow = channel_bias_parameters(bias, 0.125, weights, Schema.SYMMETRIC, 8)
    assert narrow.weight_scales.tolist() == weights.tolist()
    assert narrow.scales.tolist() == [0.03125, choose_parameters(0, 3, Schema.SYMMETRIC, 8).scale]


@given(BIASES, SCALES, SCALES, SCHEMAS, st.sampled_from([8, 32]))
def test_no_bias_saturates(bias: np.ndarray, x: float, w: float, schema: Schema, bits: int) -> None:
    chosen = bias_parameters(bias, x, w, schema, bits)
    assert chosen.scale >= np.float32(x) * np.float32(w)
    assert bits == 8 or chosen.offset == 0
    error = np.abs(restored(bias, chosen.scale, chosen.offset, bits) - bias)
    assert (error <= 1.01 * chosen.scale + 2e-7 * np.abs(bias)).all()


@given(BIASES, SCALES, arrays(np.float32, 5, elements=SCALES), SCHEMAS, st.sampled_from([8, 32]))
def test_no_bias_of_a_channel_saturates(
    bias: np.ndarray, x: float, weights: np.ndarray, schema: Schema, bits: int
) -> None:
    scales, offsets, raised = channel_bias_parameters(bias, x, weights, schema, bits)
    assert (scales.dtype, offsets.dtype, raised.dtype) == (np.float32, np.int32, np.float32)
    assert (raised >= weights).all()
    if bits == 32:
        np.testing.assert_array_equal(scales, np.float32(x) * raised)
        assert not offsets.any()
    else:
        np.testing.assert_array_equal(raised, weights)
        assert (scales >= np.float32(x) * weights).all()
        assert (offsets >= LIMITS[8][0]).all()
    error = np.abs(restored(bias, scales, offsets, bits) - bias)
    assert (error <= 1.01 * scales + 2e-7 * np.abs(bias)).all()


def test_scales_of_channels_are_exact_products() -> None:
    random = np.random.default_rng(0)
    bias, weights = random.uniform(1, 9, 1000).astype(np.float32), random.uniform(1e-9, 1e-6, 1000).astype(np.float32)
    chosen = channel_bias_parameters(bias, 0.0137, weights, Schema.ASYMMETRIC, 32)
    assert 100 < (chosen.weight_scales > weights).sum() < 1000
    np.testing.assert_array_equal(chosen.scales, np.float32(0.0137) * chosen.weight_scales)


def test_powers_of_two_stay_powers_of_two() -> None:
    bias, weights = np.array([1000.0, 1e-3], np.float32), np.array([2.0**-20, 2.0**-3], np.float32)
    chosen = channel_bias_parameters(bias, 2.0**-8, weights, Schema.SYMMETRIC_WITH_POWER2_SCALE, 32)
    assert (np.frexp(chosen.scales)[0] == 0.5).all()
    assert (np.frexp(chosen.weight_scales)[0] == 0.5).all()
