"""The units of the NSPs, each with a method per kind of instruction. A call runs an instruction on all cores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from aic.nsp.checked.faults import Site
from aic.nsp.checked.memory import Ddr, Vtcm
from aic.nsp.checked.placement import Placement, empty
from aic.nsp.values.kernel_call import kernel_step
from aic.nsp.values.kernel_calls import KernelCall, kernel_calls
from aic.nsp.values.memory import Held
from dialects.element_types import held_dtype, stored_dtype
from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers
from dialects.tile.ops import (
    AllocOp,
    ComputeOp,
    ExchangeOp,
    FillOp,
    LoadOp,
    MulticastOp,
    StoreOp,
    TransferOp,
    type_of,
)
from dialects.tile.senders import Bounds, exchange_parts, multicast_senders, storing


@dataclass(frozen=True)
class Memory:
    """DDR and every core's VTCM, as instructions see them: positions of tensors."""

    ddr: Ddr
    vtcm: Sequence[Vtcm]
    placement: Placement

    def read(self, site: Site, value: SSAValue, core: int, low: Integers, high: Integers) -> Array:
        """What a core reads of an operand, in the dtype that memory has."""
        owner = value.owner
        if not isinstance(owner, AllocOp):
            return self.ddr.read(site, value, core, low, high)
        return self.vtcm[core].read(site, self.placement.slot(owner, core, site.iteration), low, high)

    def write(self, site: Site, value: SSAValue, core: int, low: Integers, high: Integers, values: Array) -> None:
        """What a core writes to an operand."""
        owner = value.owner
        if not isinstance(owner, AllocOp):
            self.ddr.write(site, value, core, low, high, values)
            return
        self.vtcm[core].write(site, self.placement.slot(owner, core, site.iteration), low, high, values)


class Dma:
    """The DMA engines."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._cores = len(memory.vtcm)

    def load(self, op: LoadOp, iteration: tuple[int, ...]) -> None:
        """Every core brings its box."""
        self._move(op, iteration, {core: core for core in range(self._cores)})

    def multicast(self, op: MulticastOp, iteration: tuple[int, ...]) -> None:
        """The first core of those with the same box reads for all of them."""
        senders = multicast_senders(op.box.data.bounds(self._cores, iteration))
        self._move(op, iteration, dict(enumerate(senders.tolist())))

    def store(self, op: StoreOp, iteration: tuple[int, ...]) -> None:
        """Every core stores its box. Raises AicError when two cores store to the same place."""
        low, high = bounds = op.box.data.bounds(self._cores, iteration)
        cores = np.flatnonzero(storing(bounds)).tolist()
        for number, core in enumerate(cores):
            others = cores[:number]
            both = (np.maximum(low[core], low[others]) < np.minimum(high[core], high[others])).all(axis=1)
            if both.any():
                problem = f"core {others[int(np.argmax(both))]} stores to the same place"
                raise Site(op, iteration).fault(problem, op.destination, core, low[core], high[core])
        self._move(op, iteration, {core: core for core in cores})

    def exchange(self, op: ExchangeOp, iteration: tuple[int, ...]) -> None:
        """Every core fetches what it needs from the cores that own it."""
        site, shift = Site(op, iteration), np.array(op.shift, np.int64)
        own, need = (box.data.bounds(self._cores, iteration) for box in (op.own, op.box))
        _, receivers, *sent = exchange_parts(own, need, in_place=op.source is op.destination)
        moved = [self._memory.read(site, op.source, int(part[0]), *part[1:]) for part in zip(*sent, strict=True)]
        for receiver, low, high, values in zip(receivers.tolist(), *sent[1:], moved, strict=True):
            self._memory.write(site, op.destination, receiver, low + shift, high + shift, values)

    def _move(self, op: TransferOp, iteration: tuple[int, ...], readers: Mapping[int, int]) -> None:
        """Copies boxes; `readers[c]`: the core that reads what core c moves."""
        site, shift = Site(op, iteration), np.array(op.shift, np.int64)
        low, high = op.box.data.bounds(self._cores, iteration)
        for core, reader in readers.items():
            if not empty(low[core], high[core]):
                values = self._memory.read(site, op.source, reader, low[core], high[core])
                self._memory.write(site, op.destination, core, low[core] + shift, high[core] + shift, values)


class Hmx:
    """The matrix units."""

    def __init__(self, memory: Memory, held: Mapping[SSAValue, Held]) -> None:
        """`held`: the memory of fast mode, which says which cores one kernel call serves."""
        self._memory = memory
        self._held = held
        self._cores = len(memory.vtcm)

    def compute(self, op: ComputeOp, iteration: tuple[int, ...]) -> None:
        """Applies a kernel, in the very calls of fast mode, to what the cores hold."""
        site = Site(op, iteration)
        bounds = [box.bounds(self._cores, iteration) for _, box in op.accesses()]
        for call in kernel_calls(op, iteration, self._cores, self._held):
            members = _members(call)
            operands = [
                self._stacked(site, value, box, members, view)
                for value, box, view in zip(op.operands[:-1], bounds, call.views, strict=False)
            ]
            element = type_of(op.target).element_type
            result = np.empty(call.views[-1].shape, held_dtype(element))
            kernel_step(op, [*operands, result], call.ranks, len(call.grid.shape), call.shape)()
            with np.errstate(over="ignore"):
                stored = result.astype(stored_dtype(element), copy=False)
            low, high = bounds[-1]
            for core, index in members:
                part = stored[_place(index, stored)]
                self._memory.write(site, op.target, core, low[core], high[core], part)

    def _stacked(self, site: Site, value: SSAValue, box: Bounds, members: Sequence["Member"], view: Array) -> Array:
        """What the cores hold of an operand, stacked as the view of fast mode is. Raises AicError when cores that fast
        mode takes as equal differ.
        """
        low, high = box
        packed = self._held[value].constant and isinstance(value.owner, AllocOp)
        stack = np.empty(view.shape, held_dtype(type_of(value).element_type)) if packed else _laid_out_like(view)
        seen: dict[tuple[int, ...], Array] = {}
        for core, index in members:
            values = self._memory.read(site, value, core, low[core], high[core])
            at = _place(index, stack)
            if at not in seen:
                seen[at] = values
                stack[at] = values
            elif seen[at].tobytes() != values.tobytes():
                raise site.fault("differs from other cores' copies", value, core, low[core], high[core])
        return stack


class Hvx(Hmx):
    """The vector units."""

    def fill(self, op: FillOp, iteration: tuple[int, ...]) -> None:
        """Sets what of a window lies outside the tensor, as far as the buffer reaches."""
        site, alloc = Site(op, iteration), op.destination.owner
        if not isinstance(alloc, AllocOp):
            return
        dtype = stored_dtype(type_of(op.destination).element_type)
        for core in range(self._cores):
            slot = self._memory.placement.slot(alloc, core, iteration)
            for low, high in _outside(slot.low, np.minimum(slot.high, slot.low + slot.shape), op.extents):
                values = np.full(high - low, op.value.value.data, dtype)
                self._memory.write(site, op.destination, core, low, high, values)


Member = tuple[int, tuple[int, ...]]
"""A core of a call and its place in the grid."""


def _members(call: KernelCall) -> list[Member]:
    if call.replicas:
        return [(core, (0,) * len(call.grid.shape)) for core in call.replicas]
    return list(zip(call.grid.cores, np.ndindex(*call.grid.shape), strict=True))


def _laid_out_like(view: Array) -> Array:
    """Memory of its own with the strides of a view: sums in NumPy follow the layout of their operand."""
    span = sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    memory = np.empty(span // view.itemsize + 1, view.dtype)
    return np.lib.stride_tricks.as_strided(memory, view.shape, view.strides)


def _place(index: tuple[int, ...], stack: Array) -> tuple[int, ...]:
    """Place of a core in a stack in which axes along which nothing moves have size 1."""
    return tuple(min(i, size - 1) for i, size in zip(index, stack.shape, strict=False))


def _outside(low: Integers, high: Integers, shape: Sequence[int]) -> list[Bounds]:
    """Boxes that cover what of [low, high) lies outside a tensor of that shape."""
    boxes: list[Bounds] = []
    for d, size in enumerate(shape):
        before, after = high.copy(), low.copy()
        before[d], after[d] = min(0, high[d]), max(size, low[d])
        boxes += [(low, before), (after, high)]
    return [box for box in boxes if not empty(*box)]
