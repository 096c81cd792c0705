"""Which cores hold the same values in a buffer, so that fast mode holds and computes them once.

Cores are alike in a buffer when its window is the same on them and so is whatever is written to it: what is fetched is
one box, what is computed comes from the same boxes of operands in which they are alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from xdsl.ir import SSAValue

from dialects.tile.boxes import Box, core_coordinates
from dialects.tile.buffers import AllocOp
from dialects.tile.instructions import ComputeOp, FillOp, InstructionOp
from dialects.tile.transfers import TransferOp

Alike: TypeAlias = tuple[int, ...]
"""[cores]: the first core that each core is like."""


def alike_cores(
    allocs: Iterable[AllocOp], instructions: Sequence[InstructionOp], cores: int
) -> Mapping[SSAValue, Alike]:
    """For every buffer, the cores that are alike in it."""
    boxes = cache(lambda box: _alike_in_box(box, cores))
    alike: dict[SSAValue, Alike] = {alloc.result: boxes(alloc.window.data) for alloc in allocs}

    def told_apart(instruction: InstructionOp) -> Iterator[Alike]:
        match instruction:
            case FillOp():
                return
            case ComputeOp():
                for value, box in instruction.accesses():
                    yield boxes(box)
                    if value in alike:
                        yield alike[value]
            case TransferOp():
                yield boxes(instruction.box.data)
            case _:
                yield tuple(range(cores))

    settled = False
    while not settled:
        settled = True
        for instruction in instructions:
            before = alike.get(instruction.target)
            if before is None:
                continue
            after = before
            for each in told_apart(instruction):
                after = _both(after, each)
            if after != before:
                alike[instruction.target], settled = after, False
    return alike


def rows_of(alike: Alike, meshes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Where each core's values are held, one behind the other, when cores that are alike share them; on each of the
    meshes, these numbers are linear in the coordinates. If they would not be, no cores share.
    """
    numbers = {core: number for number, core in enumerate(dict.fromkeys(alike))}
    rows = tuple(numbers[core] for core in alike)
    return rows if all(_is_linear(rows, mesh) for mesh in meshes) else tuple(range(len(alike)))


def _alike_in_box(box: Box, cores: int) -> Alike:
    """Cores for which all bounds of a box are the same, whatever the loop variables are."""
    coordinates = core_coordinates(cores, box.mesh)
    seen: dict[tuple[int, ...], int] = {}
    steps = list(dict.fromkeys(form.mesh for form in box.forms() if form.mesh))
    columns = [(coordinates[:, : len(step)] @ np.array(step, np.int64)).tolist() for step in steps]
    return tuple(seen.setdefault(tuple(column[core] for column in columns), core) for core in range(cores))


@cache
def _both(a: Alike, b: Alike) -> Alike:
    """Cores that are alike in two ways."""
    if a == b:
        return a
    seen: dict[tuple[int, int], int] = {}
    return tuple(seen.setdefault(pair, core) for core, pair in enumerate(zip(a, b, strict=True)))


@cache
def _is_linear(rows: tuple[int, ...], mesh: tuple[int, ...]) -> bool:
    coordinates = core_coordinates(len(rows), mesh)
    expected = np.full(len(rows), rows[0], np.int64)
    for axis in range(len(mesh)):
        along = coordinates[:, axis] * (coordinates.sum(axis=1) == coordinates[:, axis])
        ones = np.flatnonzero(along == 1)
        if len(ones):
            expected += coordinates[:, axis] * (rows[int(ones[0])] - rows[0])
    return expected.tolist() == list(rows)
