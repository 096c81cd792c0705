"""The numbers that integers of a quantized type mean, whether one scale serves all or each channel has its own."""

from typing import Any

import numpy as np
import numpy.typing as npt

from dialects.graph.constant import ConstantOp
from dialects.quantized.types import UniformType, Values
from dialects.weights import WeightStore


def numbers_meant(integers: npt.NDArray[Any], element: UniformType, store: WeightStore) -> npt.NDArray[np.float64]:
    """Of integers of a type, in fp64. Where channels have their own scales, the integers lie along its axis."""
    offsets = _along(element.offsets, element, integers.ndim, store)
    return (integers.astype(np.float64) - offsets) * steps(element, integers.ndim, store)


def steps(element: UniformType, rank: int, store: WeightStore) -> npt.NDArray[np.float64]:
    """Distances of neighbouring numbers, to broadcast against a tensor of so many dimensions."""
    return _along(element.scales, element, rank, store).astype(np.float32).astype(np.float64)


def constant_meant(constant: ConstantOp, store: WeightStore) -> npt.NDArray[Any]:
    """The numbers of a constant: its own, or those that its integers mean."""
    values, element = store.held(constant.value), constant.value.type.element_type
    return numbers_meant(values, element, store) if isinstance(element, UniformType) else values


def _along(values: Values, element: UniformType, rank: int, store: WeightStore) -> npt.NDArray[Any]:
    held, axis = store.held(values), element.channel_axis
    return held if axis is None else held.reshape(-1, *(1,) * (rank - axis - 1))
