"""A scheduled program as runs of instructions on cores: what each touches, and what must have happened before it.

Read from the IR by itself: of the compiler only the boxes are used, as text that has been parsed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from xdsl.dialects.builtin import DenseArrayBase, ModuleOp

from dialects.tile.boxes import Box, Form

SLOT_BYTES = 2048
ELEMENT_BYTES = 2

Cell = tuple[Any, ...]
"""One element of memory: of a core's VTCM by its byte address, or of a tensor in DDR, which all cores share."""


@dataclass(frozen=True)
class Touch:
    """Cells that a run touches, from when the run has started on core `starter` until it is complete on its own."""

    cells: frozenset[Cell]
    writes: bool
    starter: int


@dataclass(frozen=True)
class Run:
    """One run of instruction `op` (its number in the text) on a core."""

    core: int
    engine: str
    asynchronous: bool
    """A transfer: what follows in its queue waits for its start alone."""
    op: int
    turn: int
    """Number in the order of the text, the same on all cores."""
    signal: int | None
    waits: tuple[tuple[int, int, bool], ...]
    """Signal, count, and whether on every core."""
    sender: int
    """The core on which the run must have started before it can be complete."""
    touches: tuple[Touch, ...]


@dataclass
class Machine:
    """All runs of a program on all cores, in the order of the text, and the totals that it declares."""

    cores: int
    runs: list[Run]
    totals: tuple[int, ...]
    queues: dict[tuple[int, str], list[int]] = field(default_factory=dict[tuple[int, str], list[int]])
    """Runs by core and engine."""

    def __post_init__(self) -> None:
        for number, run in enumerate(self.runs):
            self.queues.setdefault((run.core, run.engine), []).append(number)


def machine_of(module: ModuleOp) -> Machine:
    """The runs of a module whose buffers are one-dimensional, of 16-bit elements, and lie in slots of 2 KiB."""
    cores = module.attributes["aic.cores"].value.data
    totals = module.attributes["aic.signals"]
    assert isinstance(totals, DenseArrayBase)
    (main,) = module.body.block.ops
    numbers = {op: number for number, op in enumerate(main.walk())}
    turns = enumerate(_unrolled(main.body.block.ops, {}, 0))
    runs = [
        _run(op, numbers[op], turn, core, cores, at, trips) for turn, (op, at, trips) in turns for core in range(cores)
    ]
    return Machine(cores, runs, tuple(totals.get_values()))


def _unrolled(ops: Iterable[Any], at: dict[int, int], trips: int) -> Iterator[tuple[Any, dict[int, int], int]]:
    """Instructions with the loop variables around them, by depth, and the trips of the innermost loop."""
    for op in ops:
        if op.name == "tile.for":
            count = op.trips.value.data
            for i in range(count):
                yield from _unrolled(op.body.block.ops, {**at, len(at): i}, count)
        elif op.name not in ("tile.tensor", "tile.alloc", "func.return"):
            yield op, at, trips


def _run(op: Any, number: int, turn: int, core: int, cores: int, at: dict[int, int], trips: int) -> Run:
    waits = () if op.waits is None else op.waits.data
    signal = None if op.signal is None else op.signal.value.data
    needs = tuple((wait.signal, _value(wait.count, 0, at), wait.everywhere) for wait in waits)
    computes = op.name in ("tile.compute", "tile.fill")
    engine = op.unit.data if op.name == "tile.compute" else "hvx" if op.name == "tile.fill" else _queue(op)
    works = dict(at)
    if op.ahead is not None and at:
        works[len(at) - 1] += op.ahead.value.data
        if works[len(at) - 1] >= trips:
            return Run(core, engine, not computes, number, turn, signal, needs, core, ())
    sender = core
    if op.name == "tile.multicast":
        sender = min(other for other in range(cores) if _span(op.box, other, works) == _span(op.box, core, works))
    return Run(
        core, engine, not computes, number, turn, signal, needs, sender, tuple(_touches(op, core, cores, sender, works))
    )


def _queue(transfer: Any) -> str:
    return "dma" if transfer.queue is None else transfer.queue.data


def _touches(op: Any, core: int, cores: int, sender: int, at: dict[int, int]) -> Iterator[Touch]:
    operands = list(op.operands)
    if op.name == "tile.fill":
        window = _span(operands[0].owner.window, core, at)
        (extent,) = op.shape.get_values()
        padding = (position for position in window if not 0 <= position < extent)
        yield Touch(_cells(operands[0], core, padding, at), True, core)
        return
    if op.name == "tile.compute":
        boxes = list(op.boxes)
        for k, (value, box) in enumerate(zip(operands, boxes, strict=True)):
            yield Touch(_cells(value, core, _span(box, core, at), at), k == len(boxes) - 1, core)
        return
    if op.name == "tile.exchange":
        for owner in range(cores):
            both = _both(_span(op.box, core, at), _span(op.own, owner, at))
            if operands[0] is not operands[1] or owner != core:
                yield Touch(_cells(operands[0], owner, both, at), False, core)
                yield Touch(_cells(operands[1], core, both, at), True, core)
        return
    span = _span(op.box, core, at)
    if sender == core:
        yield Touch(_cells(operands[0], core, span, at), False, core)
    yield Touch(_cells(operands[1], core, span, at), True, sender)


def _cells(value: Any, core: int, span: Iterable[int], at: dict[int, int]) -> frozenset[Cell]:
    memory = value.owner
    if memory.name == "tile.tensor":
        if memory.address is None:
            return frozenset((value.name_hint, position) for position in span)
        return frozenset(("scratch", memory.address.value.data + position * ELEMENT_BYTES) for position in span)
    window = memory.window
    start = _span(window, core, at).start
    rotates = [d for form in window.data.dims[0].low for d, step in enumerate(form.loops) if step]
    slots = 1 if memory.depth is None else memory.depth.value.data
    slot = at.get(max(rotates), 0) % slots if rotates else 0
    base = memory.address.value.data + slot * SLOT_BYTES
    return frozenset(("vtcm", core, base + (position - start) * ELEMENT_BYTES) for position in span)


def _span(box: Any, core: int, at: dict[int, int]) -> range:
    """The positions of a box of one dimension on a mesh of one axis."""
    data: Box = box.data
    (interval,) = data.dims
    low = max(_value(form, core, at) for form in interval.low)
    return range(low, max(low, min(_value(form, core, at) for form in interval.high)))


def _both(a: range, b: range) -> range:
    low = max(a.start, b.start)
    return range(low, max(low, min(a.stop, b.stop)))


def _value(form: Form, core: int, at: dict[int, int]) -> int:
    mesh = sum(step * core for step in form.mesh)
    return form.constant + mesh + sum(step * at.get(depth, 0) for depth, step in enumerate(form.loops))


def conflicts(machine: Machine) -> Iterator[tuple[tuple[int, Touch], tuple[int, Touch]]]:
    """Pairs of touches of different runs that have a cell in common, at least one of them writing."""
    touches = [(number, touch) for number, run in enumerate(machine.runs) for touch in run.touches]
    for (first, a), (second, b) in product(touches, repeat=2):
        if first < second and (a.writes or b.writes) and a.cells & b.cells:
            yield (first, a), (second, b)
