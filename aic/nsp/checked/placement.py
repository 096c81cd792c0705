"""Where buffers and scratch lie: addresses, slots and windows, read off a scheduled program and checked."""

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from aic.nsp.checked.memory import Slot
from dialects.errors import AicError
from dialects.hardware import Hardware
from dialects.tile.boxes import Integers
from dialects.tile.buffers import AllocOp, TensorOp, bytes_of, type_of
from dialects.tile.naming import named


class Placement:
    """The slots that the buffers of a program take, and its scratch tensors that have an address."""

    def __init__(self, allocs: Sequence[AllocOp], cores: int, hardware: Hardware) -> None:
        """Raises AicError for a buffer without an address, at an odd one, or beyond the usable VTCM."""
        self._cores = cores
        self._alignment = hardware.vtcm_alignment_bytes
        self._generations: dict[tuple[SSAValue, tuple[int, ...]], int] = {}
        self._windows: dict[tuple[SSAValue, tuple[int, ...]], tuple[Integers, Integers]] = {}
        for alloc in allocs:
            self._check(alloc, hardware.vtcm_usable_bytes)

    def slot(self, alloc: AllocOp, core: int, iteration: tuple[int, ...]) -> Slot:
        """Where a buffer lies on a core in an iteration of the loops around the instruction that touches it."""
        loops = self._loops(alloc, iteration)
        key = (alloc.result, loops)
        if key not in self._windows:
            self._windows[key] = alloc.window.data.bounds(self._cores, loops)
        low, high = self._windows[key]
        generation = self._generations.setdefault(key, len(self._generations) + 1)
        turn = loops[-1] % alloc.slots if loops else 0
        address = _address(alloc) + turn * self._slot_bytes(alloc)
        return Slot(alloc.result, address, generation, low[core], high[core])

    def scratch(self, tensor: TensorOp) -> Slot | None:
        """Where a scratch tensor lies in the region of DDR that all scratch shares; None when it has no address."""
        if tensor.address is None:
            return None
        generation = self._generations.setdefault((tensor.result, ()), len(self._generations) + 1)
        shape = np.array(type_of(tensor.result).get_shape(), np.int64)
        return Slot(tensor.result, tensor.address.value.data, generation, np.zeros_like(shape), shape)

    def _loops(self, alloc: AllocOp, iteration: tuple[int, ...]) -> tuple[int, ...]:
        """The loop variables that the window depends on; before a loop, what is brought is for its first iteration."""
        depth = alloc.window.data.loop_depth
        return (*iteration, *(0,) * depth)[:depth]

    def _slot_bytes(self, alloc: AllocOp) -> int:
        return -(-bytes_of(alloc.result) // self._alignment) * self._alignment

    def _check(self, alloc: AllocOp, usable: int) -> None:
        address, end = _address(alloc), _address(alloc) + self._slot_bytes(alloc) * alloc.slots
        if address % self._alignment:
            raise AicError(f"{named(alloc.result)}: address {address} is no multiple of {self._alignment}")
        if address < 0 or end > usable:
            raise AicError(
                f"{named(alloc.result)}: bytes {address} to {end} leave the VTCM, of which {usable} bytes are usable"
            )


def _address(alloc: AllocOp) -> int:
    if alloc.address is None:
        raise AicError(f"{named(alloc.result)} has no address; run assign-addresses first")
    return alloc.address.value.data


def empty(low: Integers, high: Integers) -> bool:
    """True when a box holds no position."""
    return bool(np.any(high <= low))
