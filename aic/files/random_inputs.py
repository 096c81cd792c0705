"""Drawn inputs, for a network that is run without data."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from aic.tensors import Array, TensorInfo
from dialects.errors import AicError
from dialects.quantized.parameters import quantized

Distribution: TypeAlias = Literal["uniform", "gaussian"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("uniform", "gaussian")


def draw_inputs(tensors: Sequence[TensorInfo], distribution: str, seed: int) -> dict[str, Array]:
    """Arrays for the inputs, the same for the same seed on every machine.

    Floats are uniform in [0, 1), or normal with mean 0 and variance 1, and so are the numbers that integers mean. Other
    integers and booleans are 0 or 1 with equal chance: that is valid as an index, a token or a mask.
    """
    if distribution not in DISTRIBUTIONS:
        raise AicError(f"distribution {distribution!r}; there are {', '.join(DISTRIBUTIONS)}")
    rng = np.random.default_rng(seed)
    return {tensor.name: _drawn(rng, tensor, distribution) for tensor in tensors}


def _drawn(rng: np.random.Generator, tensor: TensorInfo, distribution: Distribution) -> Array:
    if not np.issubdtype(tensor.dtype, np.floating) and tensor.scaling is None:
        return rng.integers(0, 2, tensor.shape).astype(tensor.dtype)
    values = rng.random(tensor.shape) if distribution == "uniform" else rng.standard_normal(tensor.shape)
    if tensor.scaling is not None:
        return quantized(np.asarray(values), tensor.scaling.scale, tensor.scaling.offset, 8 * tensor.dtype.itemsize)
    return np.asarray(values).astype(tensor.dtype)
