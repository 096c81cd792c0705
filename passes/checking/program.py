"""A scheduled program, unrolled: what each instruction runs for, the memories, and the numbers of every box."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.element_types import element_bytes
from dialects.module import cores_of, main_of, target_of
from dialects.tile.boxes import Box, Integers
from dialects.tile.buffers import AllocOp, TensorOp, type_of
from dialects.tile.instructions import InstructionOp
from dialects.tile.program_order import Run, issue_order
from dialects.tile.senders import Bounds


@dataclass(frozen=True, eq=False)
class Iterations:
    """Loop variables that an instruction works for, one row per run that works: [runs, loops]."""

    variables: Integers

    def __len__(self) -> int:
        return len(self.variables)


@dataclass(frozen=True, eq=False)
class Issued:
    """An instruction with its runs that work; those beyond the end of a loop are left out."""

    op: InstructionOp
    runs: Integers
    """Their places in the order of the text."""
    iterations: Iterations


@dataclass(frozen=True)
class Memory:
    """A tensor in DDR, or a buffer in every core's VTCM."""

    value: SSAValue
    shape: tuple[int, ...]
    element_bytes: int
    role: str = ""
    """Of a tensor."""
    window: Box | None = None
    """Of a buffer."""
    address: int | None = None
    """Of a buffer in VTCM, 0 if it has none; of scratch in the region of DDR that it shares."""
    slots: int = 1
    pitch: int = 0
    """Bytes from one slot to the next."""

    @property
    def bytes(self) -> int:
        """Bytes of a tensor, or of one slot."""
        return prod(self.shape) * self.element_bytes

    @property
    def is_written(self) -> bool:
        """False for what has its values before the program runs."""
        return self.role not in ("input", "constant")


class Evaluation:
    """Boxes as numbers, for all cores and iterations at once; the same box in the same iterations once."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._still: dict[Box, Bounds] = {}
        self._moving: dict[tuple[Box, Iterations], Bounds] = {}

    def bounds(self, box: Box, iterations: Iterations) -> Bounds:
        """Lower and upper positions [runs, cores, rank]; [1, cores, rank] of a box that names no loop."""
        found = self._still.get(box) or self._moving.get((box, iterations))
        if found is None:
            found = self._evaluated(box, iterations)
        return found

    def _evaluated(self, box: Box, iterations: Iterations) -> Bounds:
        if box.loop_depth == 0:
            self._still[box] = found = box.bounds_in(np.zeros((1, 0), np.int64), self._cores)
        else:
            self._moving[box, iterations] = found = box.bounds_in(iterations.variables, self._cores)
        return found


@dataclass(frozen=True)
class Program:
    """A program on a number of cores."""

    cores: int
    runs: Sequence[Run]
    """All of them in the order of the text, idle ones too."""
    issued: Sequence[Issued]
    memories: Sequence[Memory]
    vtcm_bytes: int
    """VTCM that buffers may lie in."""
    alignment: int
    """Of buffers in VTCM."""
    evaluation: Evaluation = field(compare=False)

    @cached_property
    def numbers(self) -> dict[SSAValue, int]:
        """Number of each tensor and buffer among the memories."""
        return {memory.value: number for number, memory in enumerate(self.memories)}

    def bounds(self, box: Box, iterations: Iterations) -> Bounds:
        """Lower and upper positions [runs or 1, cores, rank]."""
        return self.evaluation.bounds(box, iterations)


def unroll(module: ModuleOp) -> Program:
    """The program of a module that keeps to the ceilings."""
    body, cores, hardware = main_of(module).body.block, cores_of(module), target_of(module).hardware
    declared = [op for op in body.walk() if isinstance(op, TensorOp | AllocOp)]
    runs = list(issue_order(body))
    return Program(
        cores,
        runs,
        _issued(runs),
        [_memory(op, hardware.vtcm_alignment_bytes) for op in declared],
        hardware.vtcm_usable_bytes,
        hardware.vtcm_alignment_bytes,
        Evaluation(cores),
    )


def _issued(runs: Sequence[Run]) -> list[Issued]:
    places: dict[InstructionOp, list[int]] = {}
    for place, run in enumerate(runs):
        if run.iteration is not None:
            places.setdefault(run.op, []).append(place)
    shared: dict[tuple[object, object], Iterations] = {}
    issued: list[Issued] = []
    for op, numbers in places.items():
        # Instructions of one block that run equally far ahead work for the same iterations.
        key = (op.parent, op.ahead)
        if key not in shared:
            rows = [runs[number].iteration or () for number in numbers]
            shared[key] = Iterations(np.array(rows, np.int64).reshape(len(rows), len(rows[0])))
        issued.append(Issued(op, np.array(numbers, np.int64), shared[key]))
    return issued


def _memory(op: TensorOp | AllocOp, alignment: int) -> Memory:
    buffer = type_of(op.result)
    memory = Memory(op.result, buffer.get_shape(), element_bytes(buffer.element_type))
    if isinstance(op, TensorOp):
        shared = None if op.address is None else op.address.value.data
        return Memory(memory.value, memory.shape, memory.element_bytes, op.role.data, address=shared)
    address = 0 if op.address is None else op.address.value.data
    pitch = -(-memory.bytes // alignment) * alignment
    window = op.window.data
    return Memory(memory.value, memory.shape, memory.element_bytes, "", window, address, op.slots, pitch)
