"""The order of the text: every run of every instruction, loops unrolled."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from xdsl.ir import Block

from dialects.tile.instructions import ForOp, InstructionOp


class Run(NamedTuple):
    """One time that an instruction is issued."""

    op: InstructionOp
    at: tuple[int, ...]
    """Variables of the loops around the instruction: what its waits count with."""
    iteration: tuple[int, ...] | None
    """Variables that it works for, which differ when it runs ahead; None: it does nothing but raise its signal."""


def issue_order(block: Block) -> Iterator[Run]:
    """Every run in a block, idle ones too."""
    return _unrolled(_listed(block), (), 1)


def program_order(block: Block) -> Iterator[tuple[InstructionOp, tuple[int, ...]]]:
    """Every run that does something, with the loop variables that it works for."""
    for op, _, iteration in issue_order(block):
        if iteration is not None:
            yield op, iteration


class _Loop(NamedTuple):
    trips: int
    body: "Sequence[_Loop | _Listed]"


_Listed: TypeAlias = tuple[InstructionOp, bool]
"""An instruction and whether it may run ahead."""


def _listed(block: Block) -> Sequence[_Loop | _Listed]:
    """Loops and instructions of a block, read off the IR once for all iterations."""
    listed: list[_Loop | _Listed] = []
    for op in block.ops:
        if isinstance(op, ForOp):
            listed.append(_Loop(op.count, _listed(op.body.block)))
        elif isinstance(op, InstructionOp):
            listed.append((op, op.ahead is not None))
    return listed


def _unrolled(body: Sequence[_Loop | _Listed], at: tuple[int, ...], trips: int) -> Iterator[Run]:
    for entry in body:
        if isinstance(entry, _Loop):
            for i in range(entry.trips):
                yield from _unrolled(entry.body, (*at, i), entry.trips)
        else:
            op, early = entry
            yield Run(op, at, op.iteration_of(at, trips) if early else at)
