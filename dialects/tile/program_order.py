"""The order of the text: every run of every instruction, loops unrolled."""

from collections.abc import Iterator
from typing import NamedTuple

from xdsl.ir import Block

from dialects.tile.ops import ForOp, InstructionOp


class Run(NamedTuple):
    """One time that an instruction is issued."""

    op: InstructionOp
    at: tuple[int, ...]
    """Variables of the loops around the instruction: what its waits count with."""
    iteration: tuple[int, ...] | None
    """Variables that it works for, which differ when it runs ahead; None: it does nothing but raise its signal."""


def issue_order(block: Block, at: tuple[int, ...] = (), trips: int = 1) -> Iterator[Run]:
    """Every run in a block, idle ones too; `trips`: of the innermost loop around the block."""
    for op in block.ops:
        if isinstance(op, ForOp):
            for i in range(op.count):
                yield from issue_order(op.body.block, (*at, i), op.count)
        elif isinstance(op, InstructionOp):
            yield Run(op, at, op.iteration_of(at, trips))


def program_order(block: Block) -> Iterator[tuple[InstructionOp, tuple[int, ...]]]:
    """Every run that does something, with the loop variables that it works for."""
    for op, _, iteration in issue_order(block):
        if iteration is not None:
            yield op, iteration
