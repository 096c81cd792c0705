"""Small scheduled programs, drawn: correct ones, as `insert-waits` makes them, and what a few faults make of them."""

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeAlias

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, i64

from dialects import create_context
from dialects.module import SIGNALS
from dialects.text import SourceMap, parse_module
from dialects.tile.attributes import Wait, WaitsAttr
from dialects.tile.boxes import Form
from dialects.tile.instructions import ForOp, InstructionOp
from passes.insert_waits import InsertWaitsPass
from tests.interleavings.machine import SLOT_BYTES

MOST_RUNS = {1: 11, 2: 7}
"""Runs per core that programs of so many cores have at most."""


def draw_program(seed: int, *, faults: bool) -> ModuleOp:
    """A program on one or two cores, as `insert-waits` makes it, or with up to two things changed."""
    random = Random(seed)
    module = parse_module(create_context(), SourceMap("drawn", _Text(random).program()))
    InsertWaitsPass().apply(create_context(), module)
    if faults:
        for _ in range(random.choice((1, 1, 1, 2))):
            random.choice(FAULTS)(random, module)
    return module


class _Text:
    """Draws a program without waits: memory, instructions, perhaps a loop or two."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.cores = random.choice((1, 2))
        self.left = MOST_RUNS[self.cores]
        self.loops = random.random() < 0.7
        self.places = [
            (2 * n if random.random() < 0.75 else random.randint(0, 1)) * SLOT_BYTES
            for n in range(random.randint(2, 3))
        ]
        self.place = random.choice(("", ", address = 0 : i64", ", address = 16 : i64", ", address = 32 : i64"))
        self.buffers = [self._buffer(n) for n in range(len(self.places))]

    def program(self) -> str:
        """Text of the module."""
        lines = [
            f"builtin.module attributes {{aic.cores = {self.cores} : i64}} {{",
            "func.func @main() {",
            '%x = tile.tensor {role = "input", label = "x"} : memref<16xf16, "ddr">',
            '%s = tile.tensor {role = "scratch", address = 0 : i64} : memref<16xf16, "ddr">',
            f'%t = tile.tensor {{role = "scratch"{self.place}}} : memref<16xf16, "ddr">',
            '%y = tile.tensor {role = "output", label = "y"} : memref<16xf16, "ddr">',
            *(text for text, _ in self.buffers),
            *self._instructions(self.random.randint(0 if self.loops else 2, 2), 1),
            *(line for _ in range(self.random.choice((1, 1, 2)) if self.loops else 0) for line in self._loop()),
            *self._instructions(2, 1),
            "func.return", "}", "}",
        ]  # fmt: skip
        return "\n".join(lines)

    def _buffer(self, number: int) -> tuple[str, bool]:
        """A buffer of four elements; with a loop perhaps one of two slots, through which the loop's parts go."""
        rotates = self.loops and self.random.random() < 0.5
        window, depth = ("4 i0 to 4 i0 + 4", "depth = 2 : i64, ") if rotates else ("0 to 4", "")
        place = f"address = {self.places[number]} : i64"
        alloc = f"tile.alloc {{window = #tile.box<[{self.cores}] : {window}>, {depth}{place}}}"
        return f'%b{number} = {alloc} : memref<4xf16, "vtcm">', rotates

    def _loop(self) -> Iterable[str]:
        trips = self.random.randint(2, 3)
        if self.left < trips:
            return []
        inner = self.random.random() < 0.1 and self.left >= 2 * trips
        body = list(self._instructions(self.random.randint(1, 3), trips, ahead=not inner))
        if inner:
            nested = list(self._instructions(1, 2 * trips))
            body += [f"tile.for 2 {{\n{nested[0]}\n}}"] if nested else []
        return [f"tile.for {trips} {{", *body, "}"] if body else []

    def _instructions(self, count: int, times: int, *, ahead: bool = False) -> Iterable[str]:
        for _ in range(count):
            if self.left >= times:
                self.left -= times
                yield self._instruction(ahead=ahead)

    def _instruction(self, *, ahead: bool) -> str:
        random, (a, b) = self.random, (self.random.randrange(len(self.buffers)) for _ in "ab")
        part = random.choice(("0 to 4", "0 to 4", "0 to 2", "2 to 4"))
        kind = random.choice(("load", "load", "hmx", "hvx", "store", "multicast", "exchange", "fill"))
        if kind == "exchange" and self.cores == 1:
            kind = "hmx"
        queue = f', queue = "{random.choice(("hmx", "hvx"))}"' if random.random() < 0.25 else ""
        match kind:
            case "load" | "multicast":
                axes = ", axes = array<i64: 0>" if kind == "multicast" else ""
                early = ", ahead = 1 : i64" if ahead and self.buffers[a][1] and random.random() < 0.6 else ""
                return f"tile.{kind} %{random.choice('xxst')}, %b{a} {{box = {self._box(a, part)}{axes}{early}{queue}}}"
            case "store":
                mine = "2 m0 to 2 m0 + 2" if self.cores == 2 else part
                return f"tile.store %b{a}, %{random.choice('sty')} {{box = {self._box(a, mine)}{queue}}}"
            case "exchange":
                own = self._box(a, "2 m0 to 2 m0 + 2")
                apart = abs(self.places[a] - self.places[b]) >= 2 * SLOT_BYTES
                if not apart or self.buffers[a][1] != self.buffers[b][1]:
                    b = a
                return f"tile.exchange %b{a}, %b{b} {{box = {self._box(a, part)}, own = {own}{queue}}}"
            case "fill":
                return f"tile.fill %b{a} {{shape = array<i64: {random.choice((2, 6))}>, value = 0.0 : f64}}"
            case engine:
                source = f"%{random.choice('st')}" if random.random() < 0.15 else f"%b{a}"
                boxes = f"{self._box(a, part)}, {self._box(b, part)}"
                rest = f'kernel = "relu", engine = "{engine}", boxes = [{boxes}], arguments = {{}}'
                return f"tile.compute {source}, %b{b} {{{rest}}}"

    def _box(self, buffer: int, part: str) -> str:
        """A part of the window of a buffer, as text."""
        moved = part if not self.buffers[buffer][1] else " to ".join(f"4 i0 + {end}" for end in part.split(" to "))
        return f"#tile.box<[{self.cores}] : {moved}>"


# Faults: each changes one thing.

Fault: TypeAlias = Callable[[Random, ModuleOp], None]


def _instructions(module: ModuleOp) -> list[InstructionOp]:
    return [op for op in module.walk() if isinstance(op, InstructionOp)]


def _change_wait(random: Random, module: ModuleOp, change: Callable[[Wait], Iterable[Wait]]) -> None:
    waiting = [op for op in _instructions(module) if op.waited]
    if waiting:
        op = random.choice(waiting)
        at = random.randrange(len(op.waited))
        waits = (*op.waited[:at], *change(op.waited[at]), *op.waited[at + 1 :])
        if waits:
            op.properties["waits"] = WaitsAttr(waits)
        else:
            del op.properties["waits"]


def _drop_wait(random: Random, module: ModuleOp) -> None:
    _change_wait(random, module, lambda wait: ())


def _change_count(random: Random, module: ModuleOp) -> None:
    by = random.choice((-1, 1))
    _change_wait(random, module, lambda wait: (Wait(wait.signal, wait.count + by, wait.everywhere),))


def _change_step(random: Random, module: ModuleOp) -> None:
    def change(wait: Wait) -> Iterable[Wait]:
        steps = Form(0, (), (random.choice((-1, 1)),)) if wait.count.loops else Form(1)
        return (Wait(wait.signal, wait.count + steps, wait.everywhere),)

    _change_wait(random, module, change)


def _change_reach(random: Random, module: ModuleOp) -> None:
    _change_wait(random, module, lambda wait: (Wait(wait.signal, wait.count, not wait.everywhere),))


def _change_awaited(random: Random, module: ModuleOp) -> None:
    """Waits for another signal, one that nobody raises among them."""
    signal = random.randint(0, len(_totals(module)))
    _change_wait(random, module, lambda wait: (Wait(signal, wait.count, wait.everywhere),))


def _swap(random: Random, module: ModuleOp) -> None:
    """Two neighbours in one queue, or in two."""
    pairs = [(op, op.next_op) for op in _instructions(module) if isinstance(op.next_op, InstructionOp)]
    if pairs:
        first, second = random.choice(pairs)
        second.detach()
        first.parent.insert_op_before(second, first)


def _totals(module: ModuleOp) -> dict[int, int]:
    totals = module.attributes[SIGNALS]
    assert isinstance(totals, DenseArrayBase)
    return dict(enumerate(totals.get_values()))


def _declare(module: ModuleOp, totals: dict[int, int]) -> None:
    """Declares the totals of the first signals."""
    module.attributes[SIGNALS] = DenseArrayBase.from_list(i64, [totals[n] for n in range(len(totals)) if n in totals])


def _change_total(random: Random, module: ModuleOp) -> None:
    totals = _totals(module)
    if totals:
        totals[random.randrange(len(totals))] += random.choice((-1, 1))
        _declare(module, totals)


def _undeclare(random: Random, module: ModuleOp) -> None:
    """The last signal is not declared."""
    totals = _totals(module)
    totals.pop(len(totals) - 1, None)
    _declare(module, totals)


def _drop_signal(random: Random, module: ModuleOp) -> None:
    raising = [op for op in _instructions(module) if op.signal is not None]
    if raising:
        op = random.choice(raising)
        if random.random() < 0.5:
            _declare(module, {**_totals(module), op.signal.value.data: 0})
        del op.properties["signal"]


def _share_signal(random: Random, module: ModuleOp) -> None:
    """Two instructions raise one signal, whose total is right."""
    raising = [op for op in _instructions(module) if op.signal is not None]
    if len(raising) > 1:
        one, other = random.sample(raising, 2)
        totals = _totals(module)
        into, out = one.signal.value.data, other.signal.value.data
        if into != out:
            other.properties["signal"] = IntegerAttr(into, i64)
            _declare(module, {**totals, into: totals.get(into, 0) + totals.get(out, 0), out: 0})


def _one_more_trip(random: Random, module: ModuleOp) -> None:
    loops = [op for op in module.walk() if isinstance(op, ForOp)]
    if loops:
        loop = random.choice(loops)
        loop.properties["trips"] = IntegerAttr(loop.count + random.choice((-1, 1)), i64)


FAULTS: tuple[Fault, ...] = (
    _drop_wait, _drop_wait, _change_count, _change_count, _change_step, _change_reach, _change_awaited, _swap, _swap,
    _change_total, _undeclare, _drop_signal, _share_signal, _one_more_trip,
)  # fmt: skip
