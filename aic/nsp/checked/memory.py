"""Byte-addressed memory: DDR, and the VTCM of one core. Both start poisoned and know of every byte who wrote it."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from aic.nsp.checked.faults import Site, named
from dialects.element_types import stored_dtype
from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers
from dialects.tile.ops import TensorOp, type_of

Bytes = npt.NDArray[np.uint8]

POISON = 0xFF
"""Bytes that nobody wrote: NaN in every floating-point type, -1 in every integer."""


@dataclass(frozen=True)
class Slot:
    """Where a buffer lies on one core in one iteration."""

    value: SSAValue
    address: int
    generation: int
    """Number of the buffer and of the iteration whose part of the tensor it holds: 1, 2, .."""
    low: Integers
    """Corner of the window: the position that lies at the address."""
    high: Integers
    """End of the window."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Capacity of the buffer."""
        return type_of(self.value).get_shape()

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Elements in memory."""
        return stored_dtype(type_of(self.value).element_type)

    @property
    def size(self) -> int:
        """Bytes of the buffer."""
        return prod(self.shape) * self.dtype.itemsize


class Vtcm:
    """One core's VTCM."""

    def __init__(self, core: int, size: int) -> None:
        self.core = core
        self._bytes = np.full(size, POISON, np.uint8)
        self._generations = np.zeros(size, np.uint32)
        """Generation of the slot through which each byte was last written; 0: poison."""
        self._names: dict[int, str] = {}

    def read(self, site: Site, slot: Slot, low: Integers, high: Integers) -> Array:
        """What positions [low, high) of a slot hold. Raises AicError unless all of it was written through this slot."""
        part = self._part(site, slot, low, high)
        generations = self._elements(self._generations, slot, np.dtype(np.uint32))[part]
        strangers = generations != slot.generation
        if strangers.any():
            first = np.argwhere(strangers)[0][:-1]
            writer = int(generations[tuple(np.argwhere(strangers)[0])])
            what = "was never written" if writer == 0 else f"holds what was written to {self._names[writer]}"
            position = ", ".join(str(p) for p in first + low)
            raise site.fault(f"position [{position}] {what}", slot.value, self.core, low, high)
        return self._elements(self._bytes, slot, slot.dtype)[part][..., 0].copy()

    def write(self, site: Site, slot: Slot, low: Integers, high: Integers, values: Array) -> None:
        """Sets positions [low, high) of a slot. Raises AicError when they leave its window or its buffer."""
        part = self._part(site, slot, low, high)
        self._elements(self._bytes, slot, slot.dtype)[part] = values[..., None]
        self._elements(self._generations, slot, np.dtype(np.uint32))[part] = slot.generation
        self._names[slot.generation] = named(slot.value)

    def _part(self, site: Site, slot: Slot, low: Integers, high: Integers) -> tuple[slice, ...]:
        begin, end = low - slot.low, high - slot.low
        if (begin < 0).any() or (high > slot.high).any():
            raise site.fault(_leaves("window", slot.low, slot.high), slot.value, self.core, low, high)
        if (end > np.array(slot.shape, np.int64)).any():
            raise site.fault(_leaves("buffer", slot.low, slot.low + slot.shape), slot.value, self.core, low, high)
        return tuple(slice(int(a), int(b)) for a, b in zip(begin, end, strict=True))

    @staticmethod
    def _elements(memory: npt.NDArray[np.generic], slot: Slot, dtype: np.dtype[np.generic]) -> Array:
        """The slot's part of a memory as [*shape, entries per element]: of bytes one entry, else one per byte."""
        part = memory[slot.address : slot.address + slot.size]
        return part.view(dtype).reshape(*slot.shape, -1)


class Ddr:
    """The tensors of a program in DDR."""

    def __init__(self) -> None:
        self._bytes: dict[SSAValue, Bytes] = {}
        self._written: dict[SSAValue, npt.NDArray[np.bool_]] = {}
        """Of tensors that the program writes: whether each byte was."""

    def declare(self, tensor: TensorOp, values: Array | None) -> None:
        """Adds a tensor with its values, or poisoned."""
        if values is not None:
            self._bytes[tensor.result] = np.require(values, requirements="C").reshape(-1).view(np.uint8)
            return
        buffer = type_of(tensor.result)
        size = prod(buffer.get_shape()) * stored_dtype(buffer.element_type).itemsize
        self._bytes[tensor.result] = np.full(size, POISON, np.uint8)
        self._written[tensor.result] = np.zeros(size, np.bool_)

    def read(self, site: Site, value: SSAValue, core: int, low: Integers, high: Integers) -> Array:
        """What a box of a tensor holds. Raises AicError where it leaves the tensor or reads what was never written."""
        part = self._part(site, value, core, low, high)
        written = self._written.get(value)
        if written is not None and not self._elements(written, value)[part].all():
            first = np.argwhere(~self._elements(written, value)[part])[0][:-1]
            position = ", ".join(str(p) for p in first + low)
            raise site.fault(f"position [{position}] was never written", value, core, low, high)
        return self.values(value)[part]

    def write(self, site: Site, value: SSAValue, core: int, low: Integers, high: Integers, values: Array) -> None:
        """Sets a box of a tensor. Raises AicError where it leaves the tensor, or when the tensor is an input or
        constant.
        """
        part = self._part(site, value, core, low, high)
        if value not in self._written:
            raise site.fault("only outputs and scratch are written", value, core, low, high)
        self.values(value)[part] = values
        self._elements(self._written[value], value)[part] = True

    def values(self, value: SSAValue) -> Array:
        """A tensor's elements."""
        buffer = type_of(value)
        return self._bytes[value].view(stored_dtype(buffer.element_type)).reshape(buffer.get_shape())

    def unwritten_bytes(self, value: SSAValue) -> int:
        """Bytes of an output or scratch tensor that nothing has written."""
        return int((~self._written[value]).sum())

    def _part(self, site: Site, value: SSAValue, core: int, low: Integers, high: Integers) -> tuple[slice, ...]:
        shape = np.array(type_of(value).get_shape(), np.int64)
        if (low < 0).any() or (high > shape).any():
            raise site.fault(_leaves("tensor", np.zeros_like(shape), shape), value, core, low, high)
        return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))

    @staticmethod
    def _elements(written: npt.NDArray[np.bool_], value: SSAValue) -> npt.NDArray[np.bool_]:
        buffer = type_of(value)
        return written.reshape(*buffer.get_shape(), stored_dtype(buffer.element_type).itemsize)


def _leaves(what: str, low: Integers, high: Integers) -> str:
    held = ", ".join(f"{a} to {b}" for a, b in zip(low, high, strict=True))
    return f"leaves the {what} [{held}]"
