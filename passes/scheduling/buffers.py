"""The buffers and scratch tensors of a program and their lives, in positions of the program's top level (a loop is one
position).
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from xdsl.ir import Operation

from dialects.tile.buffers import AllocOp, TensorOp, bytes_of
from dialects.tile.instructions import ForOp, InstructionOp
from dialects.tile.scratch import is_scratch, scratch_bytes
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


def lives_of(ops: Sequence[Operation], alignment: int, delay: int = 0) -> dict[AllocOp, Life]:
    """Life of every buffer that is used, from its first use to `delay` positions after its last one, in this order of
    ops.
    """
    return {
        alloc: Life(buffer_bytes(alloc, alignment), first, min(last + delay, len(ops) - 1))
        for alloc, (first, last) in _spans(ops, AllocOp).items()
    }


def scratch_lives_of(ops: Sequence[Operation]) -> dict[TensorOp, Life]:
    """Life of every scratch tensor that is used, from its first use to its last one, in this order of ops."""
    spans = _spans(ops, TensorOp)
    return {tensor: Life(scratch_bytes(tensor), *span) for tensor, span in spans.items() if is_scratch(tensor)}


Memory = TypeVar("Memory", AllocOp, TensorOp)


def _spans(ops: Sequence[Operation], kind: type[Memory]) -> dict[Memory, tuple[int, int]]:
    """First and last position at which each memory of a kind is used."""
    spans: dict[Memory, tuple[int, int]] = {}
    for position, op in enumerate(ops):
        for instruction in instructions(op):
            for value in instruction.operands:
                if isinstance(value.owner, kind):
                    first, _ = spans.get(value.owner, (position, position))
                    spans[value.owner] = (first, position)
    return spans
