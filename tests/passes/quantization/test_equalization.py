"""Cross-layer equalization: ranges on both sides agree, whatever lies in a row, and nothing grows without bounds."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.ir import SSAValue

from aic.interpreter.graph import GraphRunner
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import ConvOp
from dialects.graph.movement import PadOp, ReshapeOp, TransposeOp
from dialects.graph.pooling import AveragePoolOp
from dialects.graph.reduction import ReduceMeanOp
from dialects.graph.unary import LeakyReluOp, SigmoidOp
from dialects.module import main_of
from dialects.weights import WeightStore, store_of
from passes.quantization.equalization import Layer, equalizing_factors
from passes.quantization.settings import Settings, set_settings
from tests.passes.quantization.small_networks import WINDOW, Network
from tests.passes.running import apply

RANDOM = np.random.default_rng(3)


def magnitudes(*shape: int) -> npt.NDArray[np.float64]:
    """Weights whose channels and features are far apart."""
    return RANDOM.normal(size=shape) * np.exp(RANDOM.uniform(-3, 3, shape[-2:]))


def test_a_pair_has_the_factors_of_the_paper() -> None:
    first, second = magnitudes(3, 3, 4, 6), magnitudes(6, 5)
    (factors,) = equalizing_factors([Layer.of(first, 1, None), Layer.of(second, 1, None)], [(0, 1)])
    made, read = np.abs(first).reshape(-1, 6).max(axis=0), np.abs(second).max(axis=1)
    np.testing.assert_allclose(factors, np.sqrt(made * read) / read, rtol=1e-12)
    np.testing.assert_allclose(made / factors, read * factors, rtol=1e-12)


def test_three_in_a_row_meet_at_their_geometric_mean() -> None:
    weights = [magnitudes(4, 6), magnitudes(3, 3, 1, 6), magnitudes(6, 5)]
    layers = [Layer.of(weights[0], 1, None), Layer.of(weights[1], 6, None), Layer.of(weights[2], 1, None)]
    one, two = equalizing_factors(layers, [(0, 1), (1, 2)])
    ranges = [np.abs(weights[0]).max(axis=0), np.abs(weights[1]).max(axis=(0, 1, 2)), np.abs(weights[2]).max(axis=1)]
    mean = np.cbrt(ranges[0] * ranges[1] * ranges[2])
    for equal in (ranges[0] / one, ranges[1] * one / two, ranges[2] * two):
        np.testing.assert_allclose(equal, mean, rtol=2e-3)


def test_groups_keep_to_themselves() -> None:
    first, second = magnitudes(4, 6), magnitudes(1, 1, 3, 4)  # two groups: channels 0 to 2 for features 0 and 1
    (factors,) = equalizing_factors([Layer.of(first, 1, None), Layer.of(second, 2, None)], [(0, 1)])
    read = np.concatenate([np.abs(second[0, 0, :, :2]).max(axis=1), np.abs(second[0, 0, :, 2:]).max(axis=1)])
    np.testing.assert_allclose(factors, np.sqrt(np.abs(first).max(axis=0) / read), rtol=1e-12)


def test_channels_that_nothing_makes_or_reads_stay() -> None:
    first, second = np.array([[0.0, 2.0, 8.0]]), np.array([[1.0], [0.0], [2.0]])
    (factors,) = equalizing_factors([Layer.of(first, 1, None), Layer.of(second, 1, None)], [(0, 1)])
    np.testing.assert_array_equal(factors, [1.0, 1.0, 2.0])


def test_the_bias_of_a_channel_without_weights_does_not_grow_beyond_the_others() -> None:
    first, bias = np.array([[1e-9, 1.0, 2.0, 1.0]]), np.array([3.0, 0.1, 0.2, 1.0])
    second = np.ones((4, 1))
    (factors,) = equalizing_factors([Layer.of(first, 1, bias), Layer.of(second, 1, None)], [(0, 1)])
    np.testing.assert_allclose(factors, [1.0, 1.0, np.sqrt(2), 1.0])
    (factors,) = equalizing_factors([Layer.of(first, 1, 0 * bias), Layer.of(second, 1, None)], [(0, 1)])
    assert factors[0] == pytest.approx(np.sqrt(1e-9))


def weight_of(op: ConvOp, store: WeightStore) -> npt.NDArray[np.float32]:
    assert isinstance(op.weight.owner, ConstantOp)
    return store.held(op.weight.owner.value).astype(np.float32)


BETWEEN: dict[str, tuple[Callable[[Network, SSAValue], SSAValue], bool]] = {
    "nothing": (lambda network, x: x, True),
    "LeakyRelu": (lambda network, x: network.op(LeakyReluOp, [x], alpha=0.1), True),
    "pooling": (lambda network, x: network.op(AveragePoolOp, [x], **WINDOW, kernel_shape=(2, 2)), True),
    "zeros": (
        lambda network, x: network.op(PadOp, [x], pads=(0, 1, 1, 0, 0, 1, 1, 0), value=0.0, mode="constant"),
        True,
    ),
    "ones": (
        lambda network, x: network.op(PadOp, [x], pads=(0, 1, 1, 0, 0, 1, 1, 0), value=1.0, mode="constant"),
        False,
    ),
    "more channels": (
        lambda network, x: network.op(PadOp, [x], pads=(0, 0, 0, 0, 0, 0, 0, 1), value=0.0, mode="constant"),
        False,
    ),
    "sigmoid": (lambda network, x: network.op(SigmoidOp, [x]), False),
    "rows swapped": (lambda network, x: network.op(TransposeOp, [x], permutation=(0, 2, 1, 3)), True),
    "channels moved": (lambda network, x: network.op(TransposeOp, [x], permutation=(0, 3, 1, 2)), False),
    "rows together": (lambda network, x: network.put(ReshapeOp.to(x, (1, 1, 16, 4))), True),
    "channels apart": (lambda network, x: network.put(ReshapeOp.to(x, (1, 4, 8, 2))), False),
    "mean": (lambda network, x: network.op(ReduceMeanOp, [x], axes=(1, 2), keepdims=True), True),
    "mean of channels": (lambda network, x: network.op(ReduceMeanOp, [x], axes=(3,), keepdims=True), False),
}
"""What lies between two convolutions of 4 channels, and whether it lets them be equalized."""


@pytest.mark.parametrize("name", BETWEEN)
def test_what_commutes_with_factors(name: str) -> None:
    between, commutes = BETWEEN[name]
    network = Network((1, 4, 4, 3))
    network.returning(network.conv(between(network, network.conv(network.input, 4, 3)), 5, 3))
    module = network.module.clone()
    set_settings(module, Settings(quantization_cross_layer_equalization=True))
    apply(module, "equalize-layers")
    (inputs,) = network.samples(1)
    (before,), (after,) = (GraphRunner(each).run(inputs).values() for each in (network.module, module))
    np.testing.assert_allclose(after, before, atol=1e-6 * np.abs(before).max())
    made, read = (op for op in main_of(module).body.block.ops if isinstance(op, ConvOp))
    ranges = [np.abs(weight_of(op, store_of(module))) for op in (made, read)]
    makes, reads = ranges[0].max(axis=(0, 1, 2)), ranges[1].max(axis=(0, 1, 3))
    assert (makes.shape == reads.shape and np.allclose(makes, reads, rtol=1e-5)) == commutes
