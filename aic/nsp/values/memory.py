"""Where the values of a program are held in fast mode: one array per tensor in DDR and per buffer.

A buffer that is the same on every core is held once. A buffer that only ever receives parts of one constant is not held
at all: what is read from it is read from the constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import held_dtype
from dialects.graph.kernels import Array
from dialects.tile.boxes import Box, Integers
from dialects.tile.ops import (
    AllocOp,
    ComputeOp,
    ExchangeOp,
    FillOp,
    InstructionOp,
    LoadOp,
    MulticastOp,
    TensorOp,
    TransferOp,
    type_of,
)

Constants = Callable[[WeightAttr | DenseAttr], Array]
"""The bytes of a constant in the dtype in which memory holds them."""


@dataclass(frozen=True)
class Held:
    """Values of a memory: `array` is [cores or 1, slots, *shape] for a buffer, [*shape] for a tensor in DDR."""

    array: Array
    window: Box | None = None
    per_core: bool = False
    constant: bool = False

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
        core = np.arange(cores) if self.per_core else np.zeros(cores, np.int64)
        return np.column_stack([core, np.full(cores, slot), low - origin])


def hold_memory(
    ops: Sequence[TensorOp | AllocOp], instructions: Sequence[InstructionOp], cores: int, constants: Constants
) -> dict[SSAValue, Held]:
    """Arrays of all tensors and buffers."""
    writers: dict[SSAValue, list[InstructionOp]] = {}
    for instruction in instructions:
        writers.setdefault(instruction.target, []).append(instruction)
    held: dict[SSAValue, Held] = {}
    for op in ops:
        if isinstance(op, TensorOp):
            held[op.result] = _tensor(op, constants)
    different = _per_core([op for op in ops if isinstance(op, AllocOp)], instructions)
    for op in ops:
        if isinstance(op, AllocOp):
            held[op.result] = _buffer(op, writers.get(op.result, []), held, op.result in different, cores)
    return held


def _tensor(op: TensorOp, constants: Constants) -> Held:
    if op.value is not None:
        return Held(constants(op.value), constant=True)
    buffer = type_of(op.result)
    return Held(np.zeros(buffer.get_shape(), held_dtype(buffer.element_type)))


def _buffer(
    op: AllocOp, writers: Sequence[InstructionOp], held: dict[SSAValue, Held], per_core: bool, cores: int
) -> Held:
    sources = {w.source if isinstance(w, LoadOp | MulticastOp) and not any(w.shift) else None for w in writers}
    if len(sources) == 1:
        source = sources.pop()
        if source is not None and held[source].constant:
            return held[source]
    buffer = type_of(op.result)
    shape = (cores if per_core else 1, op.slots, *buffer.get_shape())
    return Held(np.zeros(shape, held_dtype(buffer.element_type)), op.window.data, per_core)


def _per_core(allocs: Sequence[AllocOp], instructions: Sequence[InstructionOp]) -> set[SSAValue]:
    """Buffers whose values may differ between cores."""
    different: set[SSAValue] = {alloc.result for alloc in allocs if alloc.window.data.depends_on_core}
    while True:
        more = {i.target for i in instructions if i.target not in different and _may_differ(i, different)}
        if not more:
            return different
        different |= more


def _may_differ(instruction: InstructionOp, different: set[SSAValue]) -> bool:
    """True when an instruction may write different values on different cores."""
    match instruction:
        case FillOp():
            return False
        case ComputeOp():
            return any(value in different or box.depends_on_core for value, box in instruction.accesses())
        case ExchangeOp() | TransferOp():
            return instruction.box.data.depends_on_core
        case _:
            return True
