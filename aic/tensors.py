"""What inputs and outputs of a network are, whoever runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.graph.ports import Port
from dialects.quantized.parameters import Parameters

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the network: name, element type and shape of its array."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    scaling: Parameters | None = None
    """What its integers mean: x = scale * (q - offset). None where they are just integers, and for numbers."""

    @staticmethod
    def of(
        name: str, dtype: np.dtype[np.generic], shape: Sequence[int], scales: Mapping[str, Parameters]
    ) -> "TensorInfo":
        """An input or output of a program; `scales` are those of its integers of 8 bits, by names of ports."""
        return TensorInfo(name, dtype, tuple(shape), scales.get(name) if dtype == np.int8 else None)

    @staticmethod
    def of_port(port: Port, scales: Mapping[str, Parameters]) -> "TensorInfo":
        """The same of a port of a graph."""
        return TensorInfo.of(port.name, port.dtype, port.type.get_shape(), scales)

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"'{self.name}' {self.dtype}{list(self.shape)}"


@dataclass(frozen=True)
class Signature:
    """What a program takes and gives, in the order of the model."""

    name: str
    """Of a specialization, with its symbols; empty of a network that has one shape."""
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    """All but those that stay on the card."""
    retained: tuple[str, ...] = ()
    """Inputs that stay on the card: they may be left out."""

    @property
    def needed(self) -> tuple[TensorInfo, ...]:
        """Inputs that may not be left out."""
        return tuple(tensor for tensor in self.inputs if tensor.name not in self.retained)

    def takes(self, shapes: Mapping[str, Shape]) -> bool:
        """Whether inputs of these shapes are its own; what stays on the card may be missing."""
        known = {tensor.name: tensor.shape for tensor in self.inputs}
        return {tensor.name for tensor in self.needed} <= shapes.keys() and all(
            known.get(name) == shape for name, shape in shapes.items()
        )

    def __str__(self) -> str:
        return f"{self.name}: {shown({tensor.name: tensor.shape for tensor in self.inputs})}"


def shown(shapes: Mapping[str, Shape]) -> str:
    """Inputs with their shapes: `'x' [1, 3, 56, 56]`."""
    return ", ".join(f"{name!r} {list(shape)}" for name, shape in shapes.items()) or "no inputs"
