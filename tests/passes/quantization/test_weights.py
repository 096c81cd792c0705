"""Weights and biases as integers, next to what they mean."""

import numpy as np
import pytest

from dialects.quantized.kernels.weights import BIAS
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from passes.quantization.rules.contraction import make_table, quantize_weights
from passes.quantization.schemas import Schema
from passes.quantization.settings import Settings


@pytest.mark.parametrize("schema", list(Schema))
@pytest.mark.parametrize("per_column", [False, True])
@pytest.mark.parametrize("bias_precision", ["Int8", "Int32"])
def test_a_bias_far_larger_than_the_products_fits(schema: Schema, per_column: bool, bias_precision: str) -> None:
    """In steps of 16-bit integers it would exceed 32 bits: then the weights' scale is raised."""
    draw = np.random.default_rng(0)
    weights = draw.normal(0, 0.01, (16, 8)).astype(np.float32)
    bias = draw.uniform(-30, 40, 8).astype(np.float32)
    input_scale = 1.0 / (1 << 15)
    data = UniformType.of(Parameters(input_scale, 0), 16)
    settings = Settings(quantization_precision_bias=bias_precision, quantization_schema_constants=schema.value)
    quantized, sums = quantize_weights(weights, bias, data, settings, per_column)
    table = make_table(quantized, sums, input_scale, 40 / (1 << 15), 8)
    steps = input_scale * quantized.scales.astype(np.float64)
    step_of_bias = 2 * 40 / 127 if bias_precision == "Int8" else 2.0**-15
    np.testing.assert_allclose(table[BIAS] * steps, bias, atol=step_of_bias)
    if schema is Schema.SYMMETRIC_WITH_POWER2_SCALE:
        assert (np.frexp(quantized.scales)[0] == 0.5).all()
