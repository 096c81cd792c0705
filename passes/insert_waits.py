"""`insert-waits`: signals and waits, so that engines that run on their own compute what program order computes.

An instruction that another waits for gets a signal of its own, numbered in program order; so does every transfer, as
nothing else tells when it is complete. A wait says how many runs of the instruction must be complete, in a form that is
linear in the loops around: those that touched what is touched now, or all that program order has issued by then but the
newest ones. What touches memory of other cores (exchange, multicast, tensors in DDR) is waited for on every core. The
module declares how often each signal is raised in an inference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import prod
from typing import ClassVar, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block

from dialects.module import cores_of, main_of, set_signals, target_of
from dialects.tile.attributes import Wait, WaitsAttr
from dialects.tile.boxes import Form
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.instructions import ForOp, InstructionOp
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass
from passes.scheduling.counts import count_form
from passes.scheduling.hazards import Dependency, find_dependencies
from passes.scheduling.instances import Replayed, instances, overlapping_regions, parts_meet, replay


@dataclass(frozen=True)
class InsertWaitsPass(ProgramPass):
    """Makes the order between engines and cores explicit."""

    name = "insert-waits"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        block, cores = main_of(op).body.block, cores_of(op)
        program = list(_in_loops(block, ()))
        memories = [o for o in block.walk() if isinstance(o, AllocOp | TensorOp)]
        numbers = {o: n for n, (o, _) in enumerate(program)}
        runs = list(replay(block, frozenset(memory.slots for memory in memories if isinstance(memory, AllocOp))))
        overlapping = overlapping_regions(memories, target_of(op).hardware.vtcm_alignment_bytes)
        dependencies = find_dependencies(instances(runs, numbers, cores), overlapping, parts_meet(cores))
        set_signals(op, _write(program, _replayed_whole(runs), dependencies))


def _in_loops(block: Block, loops: tuple[ForOp, ...]) -> Iterator["Placed"]:
    """Instructions in the order of the text, with the loops around each."""
    for op in block.ops:
        if isinstance(op, ForOp):
            yield from _in_loops(op.body.block, (*loops, op))
        elif isinstance(op, InstructionOp):
            yield op, loops


def _replayed_whole(runs: Sequence[Replayed]) -> dict[InstructionOp, list[tuple[int, ...]]]:
    """The instructions all of whose runs were replayed, with the loop variables of each run."""
    whole: dict[InstructionOp, list[tuple[int, ...]]] = {}
    for run in runs:
        if run.whole:
            whole.setdefault(run.op, []).append(run.at)
    return whole


def _write(
    program: Sequence["Placed"], whole: Mapping[InstructionOp, list[tuple[int, ...]]], found: Sequence[Dependency]
) -> list[int]:
    """Writes signals and waits; the totals of the signals."""
    transfers = {number for number, (op, _) in enumerate(program) if op.is_asynchronous}
    signals = {on: signal for signal, on in enumerate(sorted(transfers | {d.on for d in found}))}
    waits: dict[int, list[Wait]] = {}
    for dependency in found:
        count = _count(program, whole, dependency)
        waits.setdefault(dependency.op, []).append(Wait(signals[dependency.on], count, dependency.everywhere))
    for on, signal in signals.items():
        program[on][0].properties["signal"] = IntegerAttr(signal, i64)
    for number, awaited in waits.items():
        program[number][0].properties["waits"] = WaitsAttr(tuple(awaited))
    return [_runs(program[on][1]) for on in signals]


def _count(
    program: Sequence["Placed"], whole: Mapping[InstructionOp, list[tuple[int, ...]]], dependency: Dependency
) -> Form:
    """How many runs of the awaited instruction must be complete."""
    issued = _issued_before(program, dependency.on, dependency.op)
    op, loops = program[dependency.op]
    if op not in whole or program[dependency.on][0] not in whole:
        return issued + -dependency.lag
    needed = [(whole[op][run], count) for run, count in dependency.counts]
    return count_form(needed, issued, [loop.count for loop in loops], dependency.lag)


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
