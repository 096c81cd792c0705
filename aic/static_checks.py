"""What a program must keep to before anything of it runs.

A QPC is untrusted, so ceilings come first: what they admit can be enumerated. Then every box that an instruction
touches is evaluated, for every core and iteration, and must lie inside the tensor or the buffer; then signals must
match. All of it is exact.
"""

from collections.abc import Iterator

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.module import cores_of, main_of
from dialects.text import place
from dialects.tile.boxes import Box, Integers
from dialects.tile.ops import AllocOp, ExchangeOp, InstructionOp, type_of
from dialects.tile.program_order import program_order
from passes.check_signals import check_signals
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.problems import refuse


def check_program(module: ModuleOp) -> None:
    """Raises AicError, naming instructions and nodes, when a scheduled program asks for too much, leaves bounds,
    deadlocks, or does not end as it began.
    """
    refuse(exceeded_ceilings(module))
    refuse(_bounds(module))
    check_signals(module)


def _bounds(module: ModuleOp) -> Iterator[str]:
    cores, body = cores_of(module), main_of(module).body.block
    evaluated = _Evaluation(cores)
    for op, iteration in program_order(body):
        for value, box in _touched(op):
            low, high = evaluated.bounds(box, iteration)
            origin, size = evaluated.room(value, iteration)
            outside = ((low < origin) | (high > origin + size)).any(axis=1) & (high > low).all(axis=1)
            if outside.any():
                core = int(np.argmax(outside))
                yield (
                    f"{place(op)}: core {core}, iteration {list(iteration)}: touches {_span(low[core], high[core])} of "
                    f"{value.type}, which holds {_span(origin[core], origin[core] + size)}"
                )


def _touched(op: InstructionOp) -> list[tuple[SSAValue, Box]]:
    """What an instruction touches on its core; an exchange reads what the other cores need of what this one owns."""
    if isinstance(op, ExchangeOp):
        return [(op.source, op.own.data), op.accesses()[1]]
    return op.accesses()


class _Evaluation:
    """Boxes as numbers; the same box in the same iteration is evaluated once."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._known: dict[tuple[Box, tuple[int, ...]], tuple[Integers, Integers]] = {}

    def bounds(self, box: Box, iteration: tuple[int, ...]) -> tuple[Integers, Integers]:
        """Lower and upper positions of every core."""
        key = (box, iteration[: box.loop_depth])
        if key not in self._known:
            self._known[key] = box.bounds(self._cores, iteration)
        return self._known[key]

    def room(self, value: SSAValue, iteration: tuple[int, ...]) -> tuple[Integers, Integers]:
        """The position that lies first in a tensor or buffer, per core, and how many it holds per dimension."""
        size = np.array(type_of(value).get_shape(), np.int64)
        if isinstance(value.owner, AllocOp):
            return self.bounds(value.owner.window.data, iteration)[0], size
        return np.zeros((self._cores, len(size)), np.int64), size


def _span(low: Integers, high: Integers) -> str:
    return ", ".join(f"{a} to {b}" for a, b in zip(low.tolist(), high.tolist(), strict=True)) or "a scalar"
