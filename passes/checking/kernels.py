"""Whether every call of a kernel is one that its op in the graph can be, and what all calls take together.

The calls of an instruction on all cores and in all iterations differ in the shapes of blocks only, and those are few:
each is looked at once, however many cores, iterations and instructions make it.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from dialects.calls import called_op
from dialects.costs import FORMULAS, cost, data_element
from dialects.errors import AicError
from dialects.graph.properties import from_dictionary
from dialects.hardware import Hardware
from dialects.tile.boxes import Box, Integers
from dialects.tile.buffers import type_of
from dialects.tile.instructions import ComputeOp
from dialects.tile.naming import run_text
from passes.checking.program import Issued, Iterations, Program

MAX_CORE_CYCLES = 1 << 36
"""Cycles that kernels take in one inference, all cores together: 47 s of one core at 1.45 GHz."""
MAX_NUMPY_CALLS = 1 << 23
"""NumPy calls that kernels make in one inference, where cores are not taken together."""
MAX_ELEMENTS = 1 << 42
"""Elements that these calls go through at most, where each goes through the largest block of its kernel's call."""
MAX_WORKSPACE = 1 << 27
"""Elements of an array that a kernel makes on its way."""

Shape: TypeAlias = tuple[int, ...]
Call: TypeAlias = tuple[object, ...]


class _Effort(NamedTuple):
    """What one call takes."""

    cycles: float
    numpy_calls: int
    elements: int


class _Blocks(NamedTuple):
    """Shapes of the blocks that calls of an instruction work on, how many there are, and where the first is made."""

    shapes: tuple[Shape, ...]
    calls: int
    row: int
    core: int


def find_wrong_calls(program: Program, hardware: Hardware) -> Iterator[str]:
    """Calls that no op of the graph is, each as a sentence; then what all calls take, if that is too much."""
    known: dict[Call, _Effort | str] = {}
    blocks_of: dict[tuple[object, Iterations], list[_Blocks]] = {}
    cycles, numpy_calls, touched = 0.0, 0, 0
    for issued in program.issued:
        op = issued.op
        if not isinstance(op, ComputeOp):
            continue
        elements = tuple(type_of(value).element_type for value in op.operands)
        place = (op.boxes, issued.iterations)
        if place not in blocks_of:
            blocks_of[place] = list(_blocks(program, issued))
        for blocks in blocks_of[place]:
            key: Call = (op.kernel, op.arguments, elements, blocks.shapes)
            if key not in known:
                known[key] = _judged(op, elements, blocks.shapes, hardware)
            found = known[key]
            if isinstance(found, str):
                iteration = issued.iterations.variables[blocks.row].tolist()
                yield f"{run_text(op, blocks.core, iteration)}: {found}"
                break
            cycles += blocks.calls * found.cycles
            numpy_calls += blocks.calls * found.numpy_calls
            touched += blocks.calls * found.elements
    if cycles > MAX_CORE_CYCLES:
        yield f"its kernels take {cycles:.3g} cycles of all cores together, at most {MAX_CORE_CYCLES:.3g} are run"
    if numpy_calls > MAX_NUMPY_CALLS or touched > MAX_ELEMENTS:
        yield (
            f"its kernels take {numpy_calls} NumPy calls on {touched} elements, "
            f"at most {MAX_NUMPY_CALLS} on {MAX_ELEMENTS} are made"
        )


def _judged(op: ComputeOp, elements: Sequence[Attribute], shapes: Sequence[Shape], hardware: Hardware) -> _Effort | str:
    """What a call takes, or what is wrong with it."""
    kernel = op.kernel.data
    *operands, result = (TensorType(element, shape) for element, shape in zip(elements, shapes, strict=True))
    try:
        called = called_op(kernel, op.arguments.data, operands, result)
    except (VerifyException, AicError) as error:
        return str(error).splitlines()[0]
    if called.workspace() > MAX_WORKSPACE:
        return f"{kernel} makes an array of {called.workspace()} elements on its way, at most {MAX_WORKSPACE} are made"
    calls = called.numpy_calls()
    touched = calls * max(map(prod, shapes))
    if kernel not in FORMULAS:  # it has values, but no times
        return _Effort(0.0, calls, touched)
    element = data_element(kernel, elements[:-1], elements[-1])
    price = cost(kernel, from_dictionary(op.arguments), shapes[:-1], shapes[-1], element, hardware)
    return _Effort(price.cycles, calls, touched)


def _blocks(program: Program, issued: Issued) -> Iterator[_Blocks]:
    """The different shapes of an instruction's blocks, where the result is not empty."""
    assert isinstance(issued.op, ComputeOp)
    extents = [_extents(program, box.data, issued) for box in issued.op.boxes]
    rows = max(len(each) for each in extents)
    ends = np.cumsum([each.shape[-1] for each in extents])[:-1]
    joined = np.concatenate([np.broadcast_to(each, (rows, *each.shape[1:])) for each in extents], axis=-1)
    busy = (extents[-1] > 0).all(axis=-1)
    row, core = np.nonzero(np.broadcast_to(busy, joined.shape[:-1]))
    repeated = len(issued.iterations) // rows
    for index, count in _different(joined[row, core]):
        shapes = tuple(tuple(part.tolist()) for part in np.split(joined[row[index], core[index]], ends))
        yield _Blocks(shapes, count * repeated, int(row[index]), int(core[index]))


def _different(rows: Integers) -> Iterator[tuple[int, int]]:
    """The first of each kind of equal rows, and how many there are."""
    if len(rows) and (rows == rows[0]).all():
        yield 0, len(rows)
        return
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    yield from zip(first.tolist(), counts.tolist(), strict=True)


def _extents(program: Program, box: Box, issued: Issued) -> Integers:
    low, high = program.bounds(box, issued.iterations)
    return np.maximum(high - low, 0)
