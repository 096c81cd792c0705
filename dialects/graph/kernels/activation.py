"""Activations that an op may apply to its sums before the one rounding of its result."""

from collections.abc import Sequence

import numpy as np

from dialects.graph.kernels.registry import KERNELS, Array

ACTIVATIONS: tuple[str, ...] = ("relu", "clip", "gelu", "gelu_tanh", "sigmoid", "silu", "tanh")
"""Names that the property `activation` may have; `clip` takes its limits from `bounds`."""


LIMITS: tuple[str, ...] = ("relu", "clip")
"""Those of them that only limit values."""


def activate(y: Array, activation: str, bounds: Sequence[float]) -> Array:
    """The activation of `y`, in place where it can be (`y` belongs to the caller)."""
    if not activation:
        return y
    if activation == "relu":
        return np.maximum(y, 0, out=y)
    if activation == "clip":
        return np.clip(y, bounds[0], bounds[1], out=y)
    return KERNELS[activation](y)
