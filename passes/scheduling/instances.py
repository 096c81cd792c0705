"""Runs of a program's instructions as the search for hazards sees them: queues, and the memory that each touches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from xdsl.ir import Block, SSAValue

from dialects.errors import AicError
from dialects.tile.boxes import Box, Form, Integers, Interval
from dialects.tile.buffers import AllocOp, TensorOp, bytes_of, type_of
from dialects.tile.instructions import ForOp, InstructionOp
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp
from passes.scheduling.hazards import Access, Instance, Region, is_replayed_whole, replayed_iterations


@dataclass(frozen=True)
class Replayed:
    """A run in the order of the text: variables of the loops around, and the iteration that it works for (None: it
    does nothing). `whole`: all iterations of these loops are replayed.
    """

    op: InstructionOp
    at: tuple[int, ...]
    iteration: tuple[int, ...] | None
    whole: bool


def replay(block: Block, slots: frozenset[int]) -> Iterator[Replayed]:
    """Runs in the order of the text, loops cut to the iterations that show all that waits depend on. `slots` are the
    numbers of slots of the program's buffers.
    """
    for op in block.ops:
        if isinstance(op, ForOp):
            yield from _iterations(op, (), slots, is_replayed_whole(_nest_trips(op)))
        elif isinstance(op, InstructionOp):
            yield Replayed(op, (), op.iteration_of((), 1), whole=True)


def _iterations(loop: ForOp, at: tuple[int, ...], slots: frozenset[int], whole: bool) -> Iterator[Replayed]:
    trips = loop.count if whole else replayed_iterations(loop.count, slots)
    for i in range(trips):
        inside = (*at, i)
        for op in loop.body.block.ops:
            if isinstance(op, ForOp):
                yield from _iterations(op, inside, slots, whole)
            elif isinstance(op, InstructionOp):
                yield Replayed(op, inside, op.iteration_of(inside, trips), whole)


def _nest_trips(loop: ForOp) -> int:
    """Iterations of the innermost loop of a nest, in all."""
    inner = (_nest_trips(op) for op in loop.body.block.ops if isinstance(op, ForOp))
    return loop.count * max(inner, default=1)


class Part(NamedTuple):
    """A box of a tensor or buffer in an iteration. `shared`: of a tensor in DDR, which all cores have in common."""

    box: Box
    iteration: tuple[int, ...]
    shared: bool


def instances(runs: Sequence[Replayed], numbers: Mapping[InstructionOp, int], cores: int) -> list[Instance]:
    """What the runs touch; instructions by their numbers."""
    return [
        Instance(numbers[run.op], run.op.engine, _accesses(run, single=cores == 1), run.op.is_asynchronous)
        for run in runs
    ]


def parts_meet(cores: int) -> Callable[[Part, Part], bool]:
    """Whether parts of one region have a position in common on some core, or, where it is shared, on any two."""

    @cache
    def bounds(box: Box, iteration: tuple[int, ...]) -> tuple[Integers, Integers]:
        return box.bounds(cores, iteration)

    @cache
    def meet(a: Part, b: Part) -> bool:
        (a_low, a_high), (b_low, b_high) = bounds(a.box, a.iteration), bounds(b.box, b.iteration)
        if a.shared:
            a_low, a_high = a_low[:, None], a_high[:, None]
        return bool((np.maximum(a_low, b_low) < np.minimum(a_high, b_high)).all(axis=-1).any())

    return meet


def _accesses(run: Replayed, *, single: bool) -> tuple[Access, ...]:
    if run.iteration is None:
        return ()
    accesses: list[Access] = []
    touched = run.op.accesses()
    for index, (value, box) in enumerate(touched):
        if isinstance(value.owner, TensorOp) and value.owner.role.data in ("input", "constant"):
            continue
        writes = run.op.writes and index == len(touched) - 1
        of_others, by_others = (False, False) if single else _reach(run.op, value, writes)
        part = _part(value, box, run)
        accesses.append(Access(_region(value, run.iteration), writes, of_others, by_others, part))
    return tuple(accesses)


def _part(value: SSAValue, box: Box, run: Replayed) -> Part | None:
    """What is touched of a region, by an instruction that works through it in a loop, or by a fetch of a part."""
    owner, fetches = value.owner, isinstance(run.op, LoadOp | MulticastOp)
    if run.iteration is None:
        return None
    if isinstance(owner, AllocOp) and owner.window.data.loop_depth:
        return _part_of_slot(owner.window.data, box, type_of(value).get_shape()) if fetches else None
    if box.loop_depth:
        return Part(box, run.iteration, isinstance(owner, TensorOp)) if run.whole else None
    if not fetches or (isinstance(owner, AllocOp) and box == owner.window.data):
        return None
    return Part(box, (), isinstance(owner, TensorOp))


@cache
def _part_of_slot(window: Box, box: Box, shape: tuple[int, ...]) -> Part | None:
    """A box in a buffer of that shape whose window moves with loops, from the window's corner: as large as it is in any
    iteration. None when it may be all of the buffer.
    """
    dims: list[Interval] = []
    for its, around, size in zip(box.dims, window.dims, shape, strict=True):
        corner = around.low[0].times(-1)
        inside = its.mapped(corner.__add__, corner.__add__)
        low, high = (tuple(form for form in bound if not form.loops) for bound in (inside.low, inside.high))
        dims.append(Interval(low or (Form(0),), high or (Form(size),)))
    part = Box(box.mesh, tuple(dims))
    return None if box.mesh != window.mesh or part == Box.whole(shape, box.mesh) else Part(part, (), shared=False)


def _region(value: SSAValue, iteration: tuple[int, ...]) -> Region:
    owner = value.owner
    if not isinstance(owner, AllocOp):
        return (owner, 0)
    depth = owner.window.data.loop_depth
    return (owner, iteration[depth - 1] % owner.slots if 0 < depth <= len(iteration) else 0)


def _reach(op: InstructionOp, value: SSAValue, writes: bool) -> tuple[bool, bool]:
    """Whether a core touches memory of others, and whether a core must learn from others that its own was touched.

    A tensor in DDR belongs to all. An exchange reads what others hold. A multicast writes what others hold, and its
    signal tells them.
    """
    if isinstance(value.owner, TensorOp) or (isinstance(op, ExchangeOp) and not writes):
        return True, True
    return isinstance(op, MulticastOp) and writes, False


def overlapping_regions(memories: Iterable[AllocOp | TensorOp], alignment: int) -> Mapping[Region, Sequence[Region]]:
    """Slots of buffers that share addresses in VTCM, and scratch tensors that do in DDR.

    Raises AicError for a buffer that has no address.
    """
    vtcm: list[Span] = []
    ddr: list[Span] = []
    for memory in memories:
        size = bytes_of(memory.result)
        if isinstance(memory, TensorOp):
            if memory.address is not None:
                ddr.append((memory.address.value.data, memory.address.value.data + size, (memory, 0)))
            continue
        if memory.address is None:
            raise AicError("insert-waits: a buffer has no address; run assign-addresses first")
        pitch, begin = -(-size // alignment) * alignment, memory.address.value.data
        vtcm += [(begin + slot * pitch, begin + (slot + 1) * pitch, (memory, slot)) for slot in range(memory.slots)]
    return {**_overlapping(vtcm), **_overlapping(ddr)}


Span: TypeAlias = tuple[int, int, Region]
"""First address, end, and what lies there."""


def _overlapping(spans: Iterable[Span]) -> dict[Region, list[Region]]:
    spans = sorted(spans, key=lambda span: span[:2])
    overlapping: dict[Region, list[Region]] = {region: [region] for _, _, region in spans}
    for n, (_, end, region) in enumerate(spans):
        for begin, _, other in spans[n + 1 :]:
            if begin >= end:
                break
            overlapping[region].append(other)
            overlapping[other].append(region)
    return overlapping
