"""The buffers of a program and their lives, in positions of the program's top level (a loop is one position)."""

from collections.abc import Iterable, Iterator

from xdsl.ir import Operation

from dialects.tile.ops import AllocOp, ForOp, InstructionOp, bytes_of
from passes.scheduling.placement import Life


def instructions(op: Operation) -> Iterator[InstructionOp]:
    """The instructions of an op: itself, or those of a loop's body."""
    if isinstance(op, InstructionOp):
        yield op
    elif isinstance(op, ForOp):
        for inner in op.body.block.ops:
            yield from instructions(inner)


def buffer_bytes(alloc: AllocOp, alignment: int) -> int:
    """VTCM of a buffer, all its slots, each aligned."""
    return -(-bytes_of(alloc.result) // alignment) * alignment * alloc.slots


def lives_of(ops: Iterable[Operation], alignment: int, delay: int = 0) -> dict[AllocOp, Life]:
    """Life of every buffer that is used, from its first use to `delay` positions after its last one, in this order of
    ops.
    """
    spans: dict[AllocOp, tuple[int, int]] = {}
    position = 0
    for position, op in enumerate(ops):
        for instruction in instructions(op):
            for value in instruction.operands:
                if isinstance(value.owner, AllocOp):
                    first, _ = spans.get(value.owner, (position, position))
                    spans[value.owner] = (first, position)
    return {
        alloc: Life(buffer_bytes(alloc, alignment), first, min(last + delay, position))
        for alloc, (first, last) in spans.items()
    }
