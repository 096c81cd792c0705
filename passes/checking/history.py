"""What happens to every cell of every slot of every buffer on every core, and of every tensor in DDR, in text order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dialects.errors import AicError
from dialects.tile.boxes import Integers
from dialects.tile.instructions import InstructionOp
from dialects.tile.naming import named
from passes.checking.accesses import Accesses, accesses_of
from passes.checking.cells import MAX_PAIRS, Boxes, Cut, TooManyCells, Touches, touches
from passes.checking.findings import Touch
from passes.checking.program import Memory, Program

HOST = -1
"""The operand of what the host reads of outputs when all runs are done."""


@dataclass(frozen=True)
class History:
    """A program with its accesses, and those of the host behind them."""

    program: Program
    accesses: Accesses

    @cached_property
    def cut(self) -> Cut:
        """The cells of all accesses."""
        memories, accesses, cores = self.program.memories, self.accesses, self.program.cores
        extents = np.ones((len(memories), accesses.low.shape[1]), np.int64)
        for number, memory in enumerate(memories):
            if memory.is_written:
                extents[number, : len(memory.shape)] = memory.shape
        slots = max((memory.slots for memory in memories), default=1)
        boxes = Boxes(accesses.memory, accesses.slot * cores + accesses.core, accesses.low, accesses.high)
        return Cut(boxes, extents, slots * cores)

    @cached_property
    def instructions(self) -> Integers:
        """[runs]: number of the instruction of each run."""
        numbers: dict[InstructionOp, int] = {}
        return np.array([numbers.setdefault(run.op, len(numbers)) for run in self.program.runs], np.int64)

    def cells(self) -> Iterator[Touches]:
        """What happens to cells; boxes are accesses. Raises AicError when there are too many."""
        try:
            for pairs in self.cut.batches():
                yield touches(pairs, self.accesses.run, self.accesses.writes)
        except TooManyCells as error:
            raise AicError(too_many(self.program.memories[error.memory], MAX_PAIRS)) from error

    def maker(self, access: int) -> object:
        """Who makes an access: an instruction; behind all runs, the host."""
        run = int(self.accesses.run[access])
        return self.program.runs[run].op if run < len(self.program.runs) else "host"

    def touch(self, access: int) -> Touch:
        """An access as it is told, in the coordinates of the tensor."""
        a = self.accesses
        memory = self.program.memories[int(a.memory[access])]
        rank = len(memory.shape)
        corner = self.corner(access)
        low, high = a.low[access, :rank] + corner, a.high[access, :rank] + corner
        run, core, memory, owner = (int(column[access]) for column in (a.run, a.ender, a.memory, a.core))
        return Touch(run, core, memory, low.tolist(), high.tolist(), owner)

    def position(self, access: int, cell: int) -> list[int]:
        """First position of a cell of an access, in the coordinates of the tensor."""
        corner = self.corner(access)
        return (np.array(self.cut.corner(access, cell)[: len(corner)], np.int64) + corner).tolist()

    def corner(self, access: int) -> Integers:
        """The position of the tensor that lies first in the memory that is accessed."""
        memory = self.program.memories[int(self.accesses.memory[access])]
        if memory.window is None:
            return np.zeros(len(memory.shape), np.int64)
        iteration = self.program.runs[int(self.accesses.run[access])].iteration or ()
        return memory.window.bounds(self.program.cores, iteration)[0][int(self.accesses.core[access])]


def too_many(memory: Memory, most: int) -> str:
    """What is said of a memory that is touched in more pieces than are looked at."""
    return f"the program cannot be checked: {named(memory.value)} is touched in more than {most} pieces"


def history_of(program: Program) -> History:
    """The history of a program within bounds."""
    return History(program, _read_by_host(program, accesses_of(program)))


def _read_by_host(program: Program, accesses: Accesses) -> Accesses:
    """Accesses with those of the host: it reads every output, whole, in the end."""
    outputs = [number for number, memory in enumerate(program.memories) if memory.role == "output"]
    count, rank = len(outputs), accesses.low.shape[1]
    high = np.ones((count, rank), np.int64)
    for row, number in enumerate(outputs):
        shape = program.memories[number].shape
        high[row, : len(shape)] = shape
    whole = [row for row in range(count) if high[row].min(initial=1) > 0]
    zeros = np.zeros(len(whole), np.int64)
    return Accesses(
        run=_and(accesses.run, zeros + len(program.runs)),
        operand=_and(accesses.operand, zeros + HOST),
        memory=_and(accesses.memory, [outputs[row] for row in whole]),
        core=_and(accesses.core, zeros),
        slot=_and(accesses.slot, zeros),
        content=_and(accesses.content, zeros),
        starter=_and(accesses.starter, zeros),
        ender=_and(accesses.ender, zeros),
        writes=np.concatenate([accesses.writes, np.zeros(len(whole), np.bool_)]),
        low=np.concatenate([accesses.low, np.zeros((len(whole), rank), np.int64)]),
        high=np.concatenate([accesses.high, high[whole]]),
    )


def _and(array: Integers, more: Integers | Sequence[int]) -> Integers:
    return np.concatenate([array, np.array(more, np.int64)])
