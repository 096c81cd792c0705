"""Byte-addressed memory. It starts poisoned and knows of every byte who wrote it."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from aic.nsp.checked.faults import Touch
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers
from dialects.tile.buffers import TensorOp, type_of
from dialects.tile.naming import box_text, named

Bytes = npt.NDArray[np.uint8]

POISON = 0xFF
"""Bytes that nobody wrote: NaN in every floating-point type, -1 in every integer."""


@dataclass(frozen=True)
class Slot:
    """Where a buffer lies on one core in one iteration, or a scratch tensor in DDR."""

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


class SlotMemory:
    """Memory whose addresses slots share, one after the other: one core's VTCM, or the scratch of DDR."""

    def __init__(self, size: int) -> None:
        self._bytes = np.full(size, POISON, np.uint8)
        self._generations = np.zeros(size, np.uint32)
        """Generation of the slot through which each byte was last written; 0: poison."""
        self._names: dict[int, str] = {}

    def read(self, touch: Touch, slot: Slot) -> Array:
        """What a box of a slot holds. Raises AicError when it leaves its window or its buffer."""
        return self._elements(self._bytes, slot, slot.dtype)[self.part(touch, slot)][..., 0].copy()

    def doubt(self, touch: Touch, slot: Slot) -> AicError | None:
        """The fault, if there is one, that not all of a box was written through this slot."""
        generations = self._elements(self._generations, slot, np.dtype(np.uint32))[self.part(touch, slot)]
        strangers = generations != slot.generation
        if not strangers.any():
            return None
        first = np.argwhere(strangers)[0]
        writer = int(generations[tuple(first)])
        what = "was never written" if writer == 0 else f"holds what was written to {self._names[writer]}"
        return touch.fault(f"position {(first[:-1] + touch.low).tolist()} {what}")

    def write(self, touch: Touch, slot: Slot, values: Array) -> None:
        """Sets a box of a slot. Raises AicError when it leaves its window or its buffer."""
        part = self.part(touch, slot)
        self._elements(self._bytes, slot, slot.dtype)[part] = values[..., None]
        self._elements(self._generations, slot, np.dtype(np.uint32))[part] = slot.generation
        self._names[slot.generation] = named(slot.value)

    @staticmethod
    def part(touch: Touch, slot: Slot) -> tuple[slice, ...]:
        """The box as ranges of the buffer. Raises AicError where it leaves the window or the buffer."""
        begin, end = touch.low - slot.low, touch.high - slot.low
        if (begin < 0).any() or (touch.high > slot.high).any():
            raise touch.fault(f"leaves the window {box_text(slot.low, slot.high)}")
        if (end > np.array(slot.shape, np.int64)).any():
            raise touch.fault(f"leaves the room of the buffer {box_text(slot.low, slot.low + slot.shape)}")
        return tuple(slice(int(a), int(b)) for a, b in zip(begin, end, strict=True))

    @staticmethod
    def _elements(memory: npt.NDArray[np.generic], slot: Slot, dtype: np.dtype[np.generic]) -> Array:
        """The slot's part of a memory as [*shape, entries per element]: of bytes one entry, else one per byte."""
        part = memory[slot.address : slot.address + slot.size]
        return part.view(dtype).reshape(*slot.shape, -1)


class Ddr:
    """The tensors of a program in DDR that share no address with others."""

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

    def is_written(self, value: SSAValue) -> bool:
        """Whether the program writes a tensor."""
        return value in self._written

    def read(self, touch: Touch) -> Array:
        """What a box of a tensor holds. Raises AicError where it leaves the tensor."""
        return self.values(touch.value)[self.part(touch)].copy()

    def doubt(self, touch: Touch) -> AicError | None:
        """The fault, if there is one, that not all of a box was written."""
        written = self._written.get(touch.value)
        if written is None or self._elements(written, touch.value)[self.part(touch)].all():
            return None
        first = np.argwhere(~self._elements(written, touch.value)[self.part(touch)])[0][:-1]
        return touch.fault(f"position {(first + touch.low).tolist()} was never written")

    def write(self, touch: Touch, values: Array) -> None:
        """Sets a box of a tensor that the program writes. Raises AicError where it leaves the tensor."""
        part = self.part(touch)
        self.values(touch.value)[part] = values
        self._elements(self._written[touch.value], touch.value)[part] = True

    def values(self, value: SSAValue) -> Array:
        """A tensor's elements."""
        buffer = type_of(value)
        return self._bytes[value].view(stored_dtype(buffer.element_type)).reshape(buffer.get_shape())

    def unwritten_bytes(self, value: SSAValue) -> int:
        """Bytes of an output or scratch tensor that nothing has written."""
        return int((~self._written[value]).sum())

    @staticmethod
    def part(touch: Touch) -> tuple[slice, ...]:
        """The box as ranges of the tensor. Raises AicError where it leaves the tensor."""
        shape = np.array(type_of(touch.value).get_shape(), np.int64)
        if (touch.low < 0).any() or (touch.high > shape).any():
            raise touch.fault(f"leaves the tensor {box_text(np.zeros_like(shape), shape)}")
        return tuple(slice(int(a), int(b)) for a, b in zip(touch.low, touch.high, strict=True))

    @staticmethod
    def _elements(written: npt.NDArray[np.bool_], value: SSAValue) -> npt.NDArray[np.bool_]:
        buffer = type_of(value)
        return written.reshape(*buffer.get_shape(), stored_dtype(buffer.element_type).itemsize)
