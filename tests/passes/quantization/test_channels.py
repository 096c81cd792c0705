"""Means of channels, what they say about sums of products, and factors that smooth activations."""

from collections.abc import Mapping

import numpy as np
import pytest

from aic.interpreter.graph import GraphRunner
from dialects.graph.contraction import ConvOp
from dialects.graph.properties import Plain
from passes.quantization.channels import ChannelMeans, mean_product
from passes.smooth_activations import smoothing_factors
from tests.passes.quantization.small_networks import WINDOW, Network


def test_means_do_not_depend_on_batches() -> None:
    values = np.random.default_rng(0).normal(3, 1, (12, 5, 4)).astype(np.float32)
    whole, parts = ChannelMeans.empty(4), ChannelMeans.empty(4)
    whole.add(values)
    for start, stop in ((0, 5), (5, 6), (6, 12)):
        parts.add(values[start:stop])
    np.testing.assert_allclose(whole.means, values.mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_allclose(parts.means, whole.means, rtol=1e-6)
    np.testing.assert_array_equal(ChannelMeans.empty(4).means, np.zeros(4))


@pytest.mark.parametrize(
    ("kernel", "features", "depth", "window"),
    [
        (1, 5, 4, {}),
        (3, 5, 4, {"pads": (1, 1, 1, 1)}),
        (3, 8, 2, {"pads": (2, 0, 1, 1), "strides": (2, 1)}),
        (3, 4, 1, {"pads": (2, 2, 2, 2), "dilations": (2, 2)}),
    ],
)
def test_the_mean_of_a_convolution_is_that_of_its_channels(
    kernel: int, features: int, depth: int, window: Mapping[str, Plain]
) -> None:
    """Exactly so for images that are the same everywhere, padding and groups included."""
    network = Network((1, 6, 7, 4))
    weight = network.normal(kernel, kernel, depth, features)
    y = network.op(ConvOp, [network.input, network.constant(weight)], **{**WINDOW, **window})
    network.returning(y)
    assert isinstance(y.owner, ConvOp)
    means = np.array([1.0, -2.0, 0.5, 4.0])
    (name,) = network.samples(1)[0]
    inputs = {name: np.broadcast_to(means, network.shape).astype(np.float32)}
    (result,) = GraphRunner(network.module).run(inputs).values()
    predicted = mean_product(y.owner, means, weight.astype(np.float64))
    np.testing.assert_allclose(predicted, result.mean(axis=(0, 1, 2)), rtol=1e-5)


def test_factors_are_those_of_the_paper() -> None:
    activations, weights = np.array([100.0, 1.0, 0.25, 0.0, 3.0, np.inf]), np.array([0.5, 2.0, 4.0, 1.0, 0.0, 1.0])
    expected = [100**0.75 / 0.5**0.25, 1 / 2**0.25, 0.25**0.75 / 4**0.25, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(smoothing_factors(activations, weights, 0.75), expected, rtol=1e-6)
    half = smoothing_factors(activations, weights, 0.5)[:3]
    np.testing.assert_allclose(activations[:3] / half, weights[:3] * half, rtol=1e-6)
    assert smoothing_factors(np.array([1e-30]), np.array([1e30]), 0.5)[0] == np.float32(1e-5)
