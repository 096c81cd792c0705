"""What a program must keep to before anything of it runs: ceilings on what it asks for, and bounds of every access.

A QPC is untrusted, so ceilings come first: what they admit can be enumerated. Then every box that an instruction
touches is evaluated, for every core and iteration, and must lie inside the tensor or the buffer. This is exact.
"""

from collections.abc import Iterator
from itertools import islice
from math import prod

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue

from dialects.errors import AicError
from dialects.hardware import Hardware
from dialects.module import cores_of, main_of, target_of
from dialects.text import place
from dialects.tile.boxes import Box, Integers
from dialects.tile.ops import (
    AllocOp,
    ExchangeOp,
    ForOp,
    InstructionOp,
    TensorOp,
    bytes_of,
    type_of,
)
from dialects.tile.program_order import program_order

MAX_LOOPS = 6
"""Loops around an instruction: as many variables as boxes can name."""
MAX_MESH_AXES = 4
MAX_RUNS = 1 << 18
"""Instructions that one inference executes, each iteration counted."""

_LISTED = 5


def check_program(module: ModuleOp) -> None:
    """Raises AicError, naming instructions and nodes, when a scheduled program asks for too much or leaves bounds."""
    for problems in (_ceilings(module), _bounds(module)):
        try:
            found = list(islice(problems, _LISTED))
        except OverflowError as error:
            raise AicError("the program cannot run: a number in it has more than 64 bits") from error
        if found:
            raise AicError("the program cannot run:" + "".join(f"\n  {problem}" for problem in found))


def _ceilings(module: ModuleOp) -> Iterator[str]:
    hardware, body = target_of(module).hardware, main_of(module).body.block
    runs = _runs(body, 0)
    if runs is None:
        yield f"loops are nested deeper than {MAX_LOOPS}"
    elif runs > MAX_RUNS:
        yield f"executes {runs} instructions, at most {MAX_RUNS} are run"
    ddr = 0
    for op in body.walk():
        match op:
            case TensorOp() | AllocOp() if min(type_of(op.result).get_shape(), default=1) < 0:
                yield f"{place(op)}: {op.result.type} has no fixed size"
            case TensorOp():
                ddr += bytes_of(op.result)
            case AllocOp():
                yield from _placement(op, hardware)
            case _:
                pass
        for box in _boxes(op):
            if len(box.mesh) > MAX_MESH_AXES or prod(box.mesh[1:]) > hardware.cores:
                yield f"{place(op)}: a mesh of {list(box.mesh)} cores"
    if ddr > hardware.ddr_bytes:
        yield f"takes {ddr} bytes of DDR, the SKU {hardware.sku} has {hardware.ddr_bytes}"


def _runs(block: Block, depth: int) -> int | None:
    """Instructions that a block executes; None when its loops are nested too deeply."""
    if depth > MAX_LOOPS:
        return None
    total = 0
    for op in block.ops:
        if isinstance(op, ForOp):
            inner = _runs(op.body.block, depth + 1)
            if inner is None:
                return None
            total += op.count * inner
        else:
            total += isinstance(op, InstructionOp)
    return total


def _placement(alloc: AllocOp, hardware: Hardware) -> Iterator[str]:
    start = 0 if alloc.address is None else alloc.address.value.data
    end = start + alloc.slots * bytes_of(alloc.result)
    if start < 0 or end > hardware.vtcm_usable_bytes:
        yield f"{place(alloc)}: lies at {start} to {end} of {hardware.vtcm_usable_bytes} bytes of VTCM"


def _boxes(op: object) -> Iterator[Box]:
    match op:
        case AllocOp():
            yield op.window.data
        case InstructionOp():
            yield from (box for _, box in op.accesses())
            if isinstance(op, ExchangeOp):
                yield op.own.data
        case _:
            pass


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
