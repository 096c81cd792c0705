"""Cross-layer equalization: how much each channel between two layers is divided by (Nagel et al. 2019, section 4.1).

What makes channel i is divided by s_i, what reads it is multiplied by s_i. With s_i = sqrt(r1_i / r2_i) the greatest
weights on both sides, r1_i of what makes it and r2_i of what reads it, become the same: sqrt(r1_i r2_i). Layers that
lie in a row share channels on both sides, so the pairs are gone through until nothing changes.

One difference: a bias is divided as well, and that of a channel with hardly any weights would grow beyond all others,
and the range of the activations with it. So a bias counts as a weight, the largest of a layer as much as the weights
of its median channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from passes.quantization.channels import Doubles

_ROUNDS = 32
"""Times that the pairs are gone through at most."""
_SETTLED = 1e-3
"""Relative change of factors below which they stay."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A contraction, by the greatest magnitudes of its weight."""

    weights: npt.NDArray[np.floating]
    """Over the window [channels per group, groups, features per group], and over a side that does not count."""
    bias: Doubles
    """Magnitudes [features], as if they were weights."""

    @classmethod
    def of(cls, weight: npt.NDArray[np.floating], groups: int, bias: npt.NDArray[np.floating] | None) -> "Layer":
        """The layer of a weight [.., channels per group, features]."""
        window = np.abs(weight).reshape(-1, *weight.shape[-2:]).max(axis=0, initial=0.0)
        layer = cls(window.reshape(weight.shape[-2], groups, -1), np.zeros(weight.shape[-1]))
        if bias is None or not bias.any():
            return layer
        magnitudes = np.abs(bias.astype(np.float64))
        return cls(layer.weights, magnitudes * (np.median(layer.of_features) / magnitudes.max()))

    def for_sides(self, *, makes: bool, reads: bool) -> "Layer":
        """The layer as far as it counts, in float64: as one that makes channels, that reads them, or both."""
        weights = self.weights
        if not reads:
            weights = weights.max(axis=0, keepdims=True)
        if not makes:
            weights = weights.max(axis=2, keepdims=True)
        return Layer(weights.astype(np.float64), self.bias)

    @property
    def of_features(self) -> Doubles:
        """The greatest magnitude of what makes each feature."""
        return np.maximum(self.weights.max(axis=0).reshape(-1), self.bias)

    @property
    def of_channels(self) -> Doubles:
        """The greatest magnitude of what reads each channel."""
        return self.weights.max(axis=2).T.reshape(-1).astype(np.float64)

    def with_features_divided(self, factors: Doubles) -> "Layer":
        """The layer whose features are divided."""
        return Layer(self.weights / factors.reshape(self.weights.shape[1:]), self.bias / factors)

    def with_channels_multiplied(self, factors: Doubles) -> "Layer":
        """The layer whose channels are multiplied."""
        depth, groups, _ = self.weights.shape
        return Layer(self.weights * factors.reshape(groups, depth).T[:, :, None], self.bias)


def equalizing_factors(layers: Sequence[Layer], pairs: Sequence[tuple[int, int]]) -> list[Doubles]:
    """Of each pair of layers, by their numbers, the factors s of the channels between them. Channels that nothing makes
    or reads keep 1.
    """
    making, reading = ({pair[side] for pair in pairs} for side in (0, 1))
    current = [layer.for_sides(makes=number in making, reads=number in reading) for number, layer in enumerate(layers)]
    factors = [np.ones(layers[first].bias.shape) for first, _ in pairs]
    for _ in range(_ROUNDS):
        largest = 0.0
        for number, (first, second) in enumerate(pairs):
            step = _step(current[first].of_features, current[second].of_channels)
            factors[number] = factors[number] * step
            current[first] = current[first].with_features_divided(step)
            current[second] = current[second].with_channels_multiplied(step)
            largest = max(largest, float(np.abs(step - 1).max(initial=0.0)))
        if largest < _SETTLED:
            break
    return factors


def _step(made: Doubles, read: Doubles) -> Doubles:
    known = (made > 0) & (read > 0)
    return np.sqrt(np.divide(made, read, out=np.ones_like(made), where=known))
