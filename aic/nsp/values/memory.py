"""Where the values of a program are held in fast mode: one array per tensor in DDR and per buffer.

What a buffer holds on several cores alike is held once. A buffer that only ever receives parts of one constant is not
held at all: what is read from it is read from the constant.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Attribute, SSAValue

from aic.nsp.values.replicas import alike_cores, rows_of
from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import held_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.tile.boxes import Box, Integers
from dialects.tile.buffers import AllocOp, TensorOp, type_of
from dialects.tile.instructions import ComputeOp, InstructionOp
from dialects.tile.transfers import LoadOp, MulticastOp

Constants = Callable[[WeightAttr | DenseAttr], Array]
"""The bytes of a constant in the dtype in which memory holds them."""


@dataclass(frozen=True)
class Held:
    """Values of a memory: `array` is [rows, slots, *shape] for a buffer, [*shape] for a tensor in DDR."""

    array: Array
    window: Box | None = None
    rows: tuple[int, ...] = ()
    """[cores] of a buffer: where the values of each core are; cores may share them."""
    constant: bool = False

    def holders(self, cores: Iterable[int]) -> dict[int, int]:
        """For each of these cores the first of them whose values are held in the same place."""
        if self.window is None:
            return {core: core for core in cores}
        first: dict[int, int] = {}
        return {core: first.setdefault(self.rows[core], core) for core in cores}

    def corners(self, low: Integers, cores: int, iteration: Sequence[int]) -> Integers:
        """Indices [cores, array.ndim] of every core's low corner, whose positions are `low` [cores, rank]."""
        if self.window is None:
            return low
        origin, _ = self.window.bounds(cores, iteration)
        slot = (
            iteration[self.window.loop_depth - 1] % self.array.shape[1]
            if 0 < self.window.loop_depth <= len(iteration)
            else 0
        )
        return np.column_stack([self.rows, np.full(cores, slot), low - origin])


class _Room:
    """The memory of this machine, which arrays take up. They are promised before they are written."""

    def __init__(self) -> None:
        self._bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self._left = self._bytes

    def zeros(self, shape: tuple[int, ...], element: Attribute) -> Array:
        """An array of the values of an element type. Raises AicError when there is no room."""
        dtype = held_dtype(element)
        self._left -= prod(shape) * dtype.itemsize
        if self._left < 0:
            raise AicError(f"the values of the program's tensors and buffers need more than {self._bytes} bytes")
        return np.zeros(shape, dtype)


def hold_memory(
    ops: Sequence[TensorOp | AllocOp], instructions: Sequence[InstructionOp], cores: int, constants: Constants
) -> dict[SSAValue, Held]:
    """Arrays of all tensors and buffers. Raises AicError when this machine has not the memory for them."""
    room = _Room()
    writers: dict[SSAValue, list[InstructionOp]] = {}
    for instruction in instructions:
        writers.setdefault(instruction.target, []).append(instruction)
    held: dict[SSAValue, Held] = {}
    for op in ops:
        if isinstance(op, TensorOp):
            held[op.result] = _tensor(op, constants, room)
    allocs = [op for op in ops if isinstance(op, AllocOp)]
    meshes = _meshes(instructions)
    for value, alike in alike_cores(allocs, instructions, cores).items():
        rows = rows_of(alike, meshes.get(value, ()))
        held[value] = _buffer(value, writers.get(value, []), held, rows, room)
    return held


def _meshes(instructions: Sequence[InstructionOp]) -> dict[SSAValue, set[tuple[int, ...]]]:
    """The meshes of cores on which kernels work on each buffer."""
    meshes: dict[SSAValue, set[tuple[int, ...]]] = {}
    for instruction in instructions:
        if isinstance(instruction, ComputeOp):
            mesh = instruction.accesses()[-1][1].mesh
            for value in instruction.operands:
                meshes.setdefault(value, set()).add(mesh)
    return meshes


def _tensor(op: TensorOp, constants: Constants, room: _Room) -> Held:
    if op.value is not None:
        return Held(constants(op.value), constant=True)
    buffer = type_of(op.result)
    return Held(room.zeros(buffer.get_shape(), buffer.element_type))


def _buffer(
    value: SSAValue,
    writers: Sequence[InstructionOp],
    held: Mapping[SSAValue, Held],
    rows: tuple[int, ...],
    room: _Room,
) -> Held:
    sources = {w.source if isinstance(w, LoadOp | MulticastOp) and not any(w.shift) else None for w in writers}
    if len(sources) == 1:
        source = sources.pop()
        if source is not None and held[source].constant:
            return held[source]
    buffer, alloc = type_of(value), value.owner
    if not isinstance(alloc, AllocOp):
        raise TypeError(f"{value} is no buffer")
    shape = (max(rows) + 1, alloc.slots, *buffer.get_shape())
    return Held(room.zeros(shape, buffer.element_type), alloc.window.data, rows)
