"""Every touch of memory in a program: which run touches which box of which tensor or buffer, on which core.

One row per run, core and part. Positions are those in the memory: of a tensor from its corner, of a buffer from the
corner of its window. What lies outside is cut off: `bounds` tells of it. Inputs and constants, which have their values
before and are only read, are left out.

An access happens between the start of its run on one core and the end of the run on one core, which differ where cores
share a transfer: a multicast reads and writes from its start on the sender on, and what it writes has arrived when it
ends on the receiver.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dialects.tile.boxes import Box, Integers
from dialects.tile.channels import ChannelOp
from dialects.tile.instructions import FillOp, InstructionOp
from dialects.tile.senders import Bounds, exchange_parts, multicast_senders, storing
from dialects.tile.transfers import ExchangeOp, MulticastOp, StoreOp
from passes.checking.program import Issued, Iterations, Memory, Program

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Accesses:
    """Arrays with one entry per access; boxes are never empty."""

    run: Integers
    """Place of the run in the order of the text."""
    operand: Integers
    """Which operand of the instruction is touched."""
    memory: Integers
    core: Integers
    """Whose VTCM is touched; 0 for DDR."""
    slot: Integers
    content: Integers
    """What part of the tensor the slot holds: equal for accesses that mean the same window."""
    starter: Integers
    """The core on which the run starts before the access."""
    ender: Integers
    """The core on which the run ends after the access."""
    writes: Flags
    low: Integers
    """[accesses, rank of the program]: memories of lower rank have one position along the other dimensions."""
    high: Integers

    def __len__(self) -> int:
        return len(self.run)


def accesses_of(program: Program) -> Accesses:
    """All accesses to buffers, scratch tensors and outputs."""
    return _Collector(program).collect()


class Part(NamedTuple):
    """What all runs of an instruction touch of one operand, boxes that are empty left out."""

    row: Integers
    """Which of the runs."""
    core: Integers
    starter: Integers
    ender: Integers
    low: Integers
    high: Integers


class _Rows(NamedTuple):
    """Accesses of one operand of one instruction."""

    run: Integers
    operand: int
    memory: int
    slot: Integers
    content: Integers
    writes: bool
    part: Part


class _Collector:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._rank = max((len(memory.shape) for memory in program.memories), default=0)
        self._parts: dict[object, Part] = {}
        self._turns: dict[tuple[Iterations, int, int], tuple[Integers, Integers]] = {}
        self._contents: dict[tuple[int, ...], int] = {}

    def collect(self) -> Accesses:
        rows = [rows for issued in self._program.issued for rows in self._of_instruction(issued)]
        lengths = [len(r.part.row) for r in rows]
        parts = [r.part for r in rows]
        return Accesses(
            run=_joined([r.run for r in rows]),
            operand=np.repeat(np.array([r.operand for r in rows], np.int64), lengths),
            memory=np.repeat(np.array([r.memory for r in rows], np.int64), lengths),
            core=_joined([part.core for part in parts]),
            slot=_joined([r.slot for r in rows]),
            content=_joined([r.content for r in rows]),
            starter=_joined([part.starter for part in parts]),
            ender=_joined([part.ender for part in parts]),
            writes=np.repeat(np.array([r.writes for r in rows], np.bool_), lengths),
            low=_joined([part.low for part in parts], self._rank),
            high=_joined([part.high for part in parts], self._rank),
        )

    def _of_instruction(self, issued: Issued) -> Iterator[_Rows]:
        op = issued.op
        boxes = op.accesses()
        first = len(op.operands) - len(boxes)
        for operand, (value, box) in enumerate(boxes, start=first):
            number = self._program.numbers[value]
            memory = self._program.memories[number]
            if not memory.is_written:
                continue
            writes = op.writes and operand == len(op.operands) - 1
            part = self._part(op, memory, box, issued.iterations, writes)
            if len(part.row):
                slots, contents = self._turn(memory, issued.iterations)
                yield _Rows(issued.runs[part.row], operand, number, slots[part.row], contents[part.row], writes, part)

    def _part(self, op: InstructionOp, memory: Memory, box: Box, iterations: Iterations, writes: bool) -> Part:
        """The part of one operand; found once for all instructions that touch memories of one kind alike."""
        key: tuple[object, ...] = (box, memory.window, memory.shape, iterations)
        match op:
            case FillOp():
                key = (*key, op.extents)
            case ExchangeOp():
                key = (*key, op.own.data, op.shift, op.source is op.destination, writes)
            case MulticastOp() | StoreOp() | ChannelOp():
                key = (*key, op.name, writes)
            case _:
                pass
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = self._made(op, memory, box, iterations, writes)
        return found

    def _made(self, op: InstructionOp, memory: Memory, box: Box, iterations: Iterations, writes: bool) -> Part:
        bounds = self._program.bounds(box, iterations)
        match op:
            case FillOp():
                return self._fill(op, memory, bounds, iterations)
            case ExchangeOp():
                return self._exchange(op, memory, iterations, writes)
            case MulticastOp():
                senders = multicast_senders(bounds)
                reads = np.broadcast_to(senders == np.arange(self._program.cores), senders.shape)
                return self._own(memory, bounds, iterations, senders if writes else None, None if writes else reads)
            case StoreOp() | ChannelOp():
                return self._own(memory, bounds, iterations, None, storing(bounds))
            case _:
                return self._own(memory, bounds, iterations)

    def _own(
        self,
        memory: Memory,
        bounds: Bounds,
        iterations: Iterations,
        starters: Integers | None = None,
        chosen: Flags | None = None,
    ) -> Part:
        """Every core, or each that is chosen, touches its box in its own memory, or in DDR."""
        low, high = self._in_memory(memory, bounds, iterations)
        touched = (high > low).all(axis=-1)
        if chosen is not None:
            touched &= chosen
        row, core = np.nonzero(np.broadcast_to(touched, (len(iterations), self._program.cores)))
        still = len(low) == 1
        at = (np.zeros_like(row) if still else row, core)
        starter = core if starters is None else np.broadcast_to(starters, low.shape[:-1])[at]
        place = core if memory.window is not None else np.zeros_like(core)
        return Part(row, place, starter, core, self._padded(low[at], 0), self._padded(high[at], 1))

    def _fill(self, op: FillOp, memory: Memory, window: Bounds, iterations: Iterations) -> Part:
        """What of the window lies outside the tensor, cut into boxes that do not overlap: first what lies outside
        along the first dimension, then what is left of the second, and so on.
        """
        origin, size = window[0], np.array(memory.shape, np.int64)
        inner, outer = origin.copy(), np.minimum(window[1], origin + size)
        parts: list[Part] = []
        for dim, extent in enumerate(op.extents):
            before, after = outer.copy(), inner.copy()
            before[..., dim] = np.minimum(outer[..., dim], 0).clip(min=inner[..., dim])
            after[..., dim] = np.maximum(inner[..., dim], extent).clip(max=outer[..., dim])
            parts += [self._own(memory, side, iterations) for side in ((inner, before), (after, outer))]
            inner, outer = inner.copy(), outer.copy()
            inner[..., dim], outer[..., dim] = before[..., dim], after[..., dim]
        return Part(*(_joined(list(column), self._rank) for column in zip(*parts, strict=True)))

    def _exchange(self, op: ExchangeOp, memory: Memory, iterations: Iterations, writes: bool) -> Part:
        """Parts are read in the senders' memory and written in the receivers'; all by the receivers' runs."""
        own, need = (_repeated(self._program.bounds(box.data, iterations), len(iterations)) for box in (op.own, op.box))
        parts = exchange_parts(own, need, in_place=op.source is op.destination)
        core, shift = (parts.receiver, np.array(op.shift, np.int64)) if writes else (parts.sender, 0)
        low, high = self._cut(memory, parts.low + shift, parts.high + shift, parts.at, core, iterations)
        kept = (high > low).all(axis=-1)
        row, core, receiver = parts.at[kept], core[kept], parts.receiver[kept]
        return Part(row, core, receiver, receiver, self._padded(low[kept], 0), self._padded(high[kept], 1))

    def _in_memory(self, memory: Memory, bounds: Bounds, iterations: Iterations) -> Bounds:
        """Boxes [runs or 1, cores, rank] as positions in a memory, cut off at its ends."""
        low, high = bounds
        if memory.window is not None:
            origin = self._program.bounds(memory.window, iterations)[0]
            low, high = low - origin, high - origin
        return low.clip(min=0), high.clip(max=np.array(memory.shape, np.int64))

    def _cut(
        self, memory: Memory, low: Integers, high: Integers, row: Integers, core: Integers, iterations: Iterations
    ) -> Bounds:
        """As `_in_memory`, for one box [boxes, rank] per run and core."""
        if memory.window is not None:
            origin = self._program.bounds(memory.window, iterations)[0]
            corner = origin[row if len(origin) > 1 else 0, core]
            low, high = low - corner, high - corner
        return low.clip(min=0), high.clip(max=np.array(memory.shape, np.int64))

    def _padded(self, positions: Integers, value: int) -> Integers:
        """Positions [accesses, rank of the memory], completed to the rank of the program."""
        count, rank = positions.shape
        if rank == self._rank:
            return positions
        padded = np.full((count, self._rank), value, np.int64)
        padded[:, :rank] = positions
        return padded

    def _turn(self, memory: Memory, iterations: Iterations) -> tuple[Integers, Integers]:
        """Slot and content of a memory in each run."""
        depth = 0 if memory.window is None else memory.window.loop_depth
        key = (iterations, depth, memory.slots)
        if key not in self._turns:
            self._turns[key] = self._counted(iterations, depth, memory.slots)
        return self._turns[key]

    def _counted(self, iterations: Iterations, depth: int, slots: int) -> tuple[Integers, Integers]:
        zeros = np.zeros(len(iterations), np.int64)
        if depth == 0:
            return zeros, zeros
        # Outside a loop, what is touched is what the loop's first iteration works on.
        loops = iterations.variables.shape[1]
        variables = np.pad(iterations.variables, ((0, 0), (0, max(0, depth - loops))))[:, :depth]
        contents = [self._contents.setdefault(tuple(row), len(self._contents)) for row in variables.tolist()]
        return variables[:, -1] % slots, np.array(contents, np.int64)


def _repeated(bounds: Bounds, runs: int) -> Bounds:
    low, high = bounds
    shape = (runs, *low.shape[1:])
    return np.broadcast_to(low, shape), np.broadcast_to(high, shape)


def _joined(arrays: Sequence[Integers], rank: int | None = None) -> Integers:
    if not arrays:
        return np.zeros(0 if rank is None else (0, rank), np.int64)
    return np.concatenate(arrays)
