"""Whether every access lies in its memory: for every core and every iteration, exactly."""

from collections.abc import Iterator

import numpy as np

from dialects.tile.boxes import Box, Integers
from dialects.tile.instructions import InstructionOp
from dialects.tile.naming import box_text
from dialects.tile.senders import Bounds
from dialects.tile.transfers import ExchangeOp
from passes.checking.findings import Finding, Touch
from passes.checking.program import Issued, Memory, Program


def find_out_of_bounds(program: Program) -> Iterator[Finding]:
    """The first touch of each operand of each instruction that leaves its tensor, or the window or the room of its
    buffer.
    """
    known: dict[object, tuple[int, int] | None] = {}
    for issued in program.issued:
        for operand, box in _touched(issued.op):
            number = program.numbers[issued.op.operands[operand]]
            memory = program.memories[number]
            key = (box, memory.window, memory.shape, issued.iterations)
            if key not in known:
                known[key] = _first_outside(program, memory, box, issued)
            where = known[key]
            if where is not None:
                yield _finding(program, number, box, issued, where)


def _touched(op: InstructionOp) -> list[tuple[int, Box]]:
    """Boxes by operand. An exchange reads what the other cores need of what a core owns, so that must be there."""
    boxes = op.accesses()
    first = len(op.operands) - len(boxes)
    touched = [(operand, box) for operand, (_, box) in enumerate(boxes, start=first)]
    return [(0, op.own.data), touched[1]] if isinstance(op, ExchangeOp) else touched


def _first_outside(program: Program, memory: Memory, box: Box, issued: Issued) -> tuple[int, int] | None:
    """The first run (a row of the iterations) and core whose box leaves the memory."""
    low, high = program.bounds(box, issued.iterations)
    begin, end = _room(program, memory, issued)
    outside = ((low < begin) | (high > end)).any(axis=-1) & (high > low).all(axis=-1)
    if not outside.any():
        return None
    row, core = np.argwhere(outside)[0].tolist()
    return row, core


def _room(program: Program, memory: Memory, issued: Issued) -> Bounds:
    """The positions [runs or 1, cores, rank] that a memory holds."""
    shape = np.array(memory.shape, np.int64)
    if memory.window is None:
        return np.zeros((1, program.cores, len(shape)), np.int64), np.broadcast_to(
            shape, (1, program.cores, len(shape))
        )
    low, high = program.bounds(memory.window, issued.iterations)
    return low, np.minimum(high, low + shape)


def _finding(program: Program, number: int, box: Box, issued: Issued, where: tuple[int, int]) -> Finding:
    memory, (row, core) = program.memories[number], where

    def there(bound: Integers) -> Integers:
        return bound[row if len(bound) > 1 else 0, core]

    low, high = map(there, program.bounds(box, issued.iterations))
    touch = Touch(int(issued.runs[row]), core, number, low.tolist(), high.tolist(), core)
    if memory.window is None:
        return Finding(touch, f"leaves the tensor {box_text([0] * len(low), memory.shape)}")
    begin, end = map(there, program.bounds(memory.window, issued.iterations))
    if (low < begin).any() or (high > end).any():
        return Finding(touch, f"leaves the window {box_text(begin, end)}")
    return Finding(touch, f"leaves the room of the buffer {box_text(begin, begin + memory.shape)}")
