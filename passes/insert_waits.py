"""`insert-waits`: signals and waits, so that engines that run on their own compute what program order computes.

An instruction that another waits for gets a signal of its own, numbered in program order; so does every transfer, as
nothing else tells when it is complete. A wait says how many runs of the instruction must be complete: all that program
order has issued by then, but the newest ones that need not be, which is linear in the loops around. What touches
memory of other cores (exchange, multicast, tensors in DDR) is waited for on every core. The module declares how often
each signal is raised in an inference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import prod
from typing import ClassVar, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from dialects.errors import AicError
from dialects.module import cores_of, main_of, set_signals, target_of
from dialects.tile.attributes import Wait, WaitsAttr
from dialects.tile.boxes import Form
from dialects.tile.ops import (
    AllocOp,
    ExchangeOp,
    ForOp,
    InstructionOp,
    MulticastOp,
    TensorOp,
    TransferOp,
    bytes_of,
)
from passes.rewriting.precision import Precision
from passes.scheduling.hazards import Access, Dependency, Instance, Region, find_dependencies, replayed_iterations


@dataclass(frozen=True)
class InsertWaitsPass(ModulePass):
    """Makes the order between engines and cores explicit."""

    name = "insert-waits"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        block = main_of(op).body.block
        program = list(_in_loops(block, ()))
        allocs = [o for o in block.walk() if isinstance(o, AllocOp)]
        numbers = {o: n for n, (o, _) in enumerate(program)}
        slots = frozenset(alloc.slots for alloc in allocs)
        single = cores_of(op) == 1
        instances = [
            Instance(numbers[o], o.engine, () if iteration is None else _accesses(o, iteration, single))
            for o, iteration in _replayed(block, (), 1, slots)
        ]
        overlapping = _overlapping(allocs, target_of(op).hardware.vtcm_alignment_bytes)
        set_signals(op, _write(program, find_dependencies(instances, overlapping)))


def _in_loops(block: Block, loops: tuple[ForOp, ...]) -> Iterator["Placed"]:
    """Instructions in the order of the text, with the loops around each."""
    for op in block.ops:
        if isinstance(op, ForOp):
            yield from _in_loops(op.body.block, (*loops, op))
        elif isinstance(op, InstructionOp):
            yield op, loops


def _replayed(
    block: Block, iteration: tuple[int, ...], trips: int, slots: frozenset[int]
) -> Iterator[tuple[InstructionOp, tuple[int, ...] | None]]:
    """Instructions in program order with the iteration they run for (None: not at all), loops cut to the
    iterations that show all that waits depend on.
    """
    for op in block.ops:
        if isinstance(op, ForOp):
            count = replayed_iterations(op.count, slots)
            for i in range(count):
                yield from _replayed(op.body.block, (*iteration, i), count, slots)
        elif isinstance(op, InstructionOp):
            yield op, op.iteration_of(iteration, trips)


def _accesses(op: InstructionOp, iteration: tuple[int, ...], single: bool) -> tuple[Access, ...]:
    accesses: list[Access] = []
    for index, value in enumerate(op.operands):
        if isinstance(value.owner, TensorOp) and value.owner.role.data in ("input", "constant"):
            continue
        writes = index == len(op.operands) - 1
        of_others, by_others = (False, False) if single else _reach(op, value, writes)
        accesses.append(Access(_region(value, iteration), writes, of_others, by_others))
    return tuple(accesses)


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


def _overlapping(allocs: list[AllocOp], alignment: int) -> Mapping[Region, Sequence[Region]]:
    """Slots of buffers that share addresses."""
    spans: list[tuple[int, int, Region]] = []
    for alloc in allocs:
        if alloc.address is None:
            raise AicError("insert-waits: a buffer has no address; run assign-addresses first")
        size = -(-bytes_of(alloc.result) // alignment) * alignment
        begin = alloc.address.value.data
        spans += [(begin + slot * size, begin + (slot + 1) * size, (alloc, slot)) for slot in range(alloc.slots)]
    spans.sort(key=lambda span: span[:2])
    overlapping: dict[Region, list[Region]] = {region: [region] for _, _, region in spans}
    for n, (_, end, region) in enumerate(spans):
        for begin, _, other in spans[n + 1 :]:
            if begin >= end:
                break
            overlapping[region].append(other)
            overlapping[other].append(region)
    return overlapping


def _write(program: Sequence["Placed"], dependencies: Sequence[Dependency]) -> list[int]:
    """Writes signals and waits; the totals of the signals."""
    transfers = {number for number, (op, _) in enumerate(program) if isinstance(op, TransferOp)}
    signals = {on: signal for signal, on in enumerate(sorted(transfers | {d.on for d in dependencies}))}
    waits: dict[int, list[Wait]] = {}
    for dependency in dependencies:
        count = _issued_before(program, dependency.on, dependency.op) + -dependency.lag
        waits.setdefault(dependency.op, []).append(Wait(signals[dependency.on], count, dependency.everywhere))
    for on, signal in signals.items():
        program[on][0].properties["signal"] = IntegerAttr(signal, i64)
    for number, awaited in waits.items():
        program[number][0].properties["waits"] = WaitsAttr(tuple(awaited))
    return [_runs(program[on][1]) for on in signals]


def _issued_before(program: Sequence["Placed"], on: int, op: int) -> Form:
    """How often instruction `on` is issued before a run of `op`, in the variables of the loops around `op`."""
    loops, around = program[on][1], program[op][1]
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(loops, around, strict=False)))
    this_time = _runs(loops[shared:]) if on < op else 0
    return Form(this_time, (), tuple(_runs(loops[depth + 1 :]) for depth in range(shared)))


def _runs(loops: Sequence[ForOp]) -> int:
    return prod(loop.count for loop in loops)


Placed: TypeAlias = tuple[InstructionOp, tuple[ForOp, ...]]
"""An instruction and the loops around it, outermost first."""
