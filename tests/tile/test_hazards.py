"""Waits: under them, every order that the engines of all cores may take gives what program order gives.

The oracle knows nothing of regions or of what an instruction has learnt. It lays out the start and the end of every
instruction on every core as events, draws an arrow for what holds in any run (the order of an engine, the waits), and
asks of every two that touch the same memory, one of them writing, whether the first ends before the second starts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.tile.boxes import Form
from dialects.tile.buffers import Engine
from passes.scheduling.counts import count_form
from passes.scheduling.hazards import (
    Access,
    Dependency,
    Instance,
    Region,
    find_dependencies,
    is_replayed_whole,
    replayed_iterations,
)

KINDS = ("hmx", "hvx", "load", "store", "reload", "exchange", "multicast")
TRIPS = 7
LONG = 40
"""More iterations than are replayed one by one."""


@dataclass(frozen=True)
class Buffer:
    """`slots` slots of `size` cells from cell `address` on."""

    address: int
    size: int
    slots: int


@dataclass(frozen=True)
class Op:
    """An instruction: what it does, the buffers that it reads and writes, and how many iterations ahead it runs.

    `parts`: of buffers of one slot it touches, in iteration i, only the cells from `step * i + first` on, as many as
    `size`, so far as they are in the buffer.
    """

    kind: str
    source: int
    target: int
    ahead: int = 0
    parts: "Parts | None" = None


@dataclass(frozen=True)
class Parts:
    """A part of a buffer that moves with the loop."""

    first: int
    step: int
    size: int

    def at(self, iteration: int) -> range:
        begin = self.first + self.step * iteration
        return range(begin, begin + self.size)


@dataclass(frozen=True)
class Program:
    """Instructions before, in and after two loops of `TRIPS` iterations. Their numbers count through all four."""

    buffers: tuple[Buffer, ...]
    before: tuple[Op, ...]
    body: tuple[Op, ...]
    after: tuple[Op, ...]
    cores: int
    second: tuple[Op, ...] = ()

    def runs(self, trips: int) -> Iterator[tuple[int, Op, int | None]]:
        """Number, instruction and the iteration it runs for (None: it does nothing), in program order."""
        for number, op, _, iteration in self.issued(trips):
            yield number, op, iteration

    def issued(self, trips: int) -> Iterator[tuple[int, Op, tuple[int, ...], int | None]]:
        """The same, with the variables of the loops around."""
        first = 0
        for n, op in enumerate(self.before):
            yield n, op, (), 0
        first += len(self.before)
        for body in (self.body, self.second):
            for i, (n, op) in product(range(trips), enumerate(body)):
                yield first + n, op, (i,), i + op.ahead if i + op.ahead < trips else None
            first += len(body)
        for n, op in enumerate(self.after):
            yield first + n, op, (), 0

    def loop(self, number: int) -> int | None:
        """Which loop an instruction is in."""
        ends = (len(self.before), len(self.before) + len(self.body))
        if ends[0] <= number < ends[1] + len(self.second):
            return int(number >= ends[1])
        return None


buffers = st.builds(Buffer, st.integers(0, 8), st.integers(1, 3), st.integers(1, 3)) | st.builds(
    Buffer, st.integers(0, 8), st.integers(3, 8), st.just(1)
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    memory = tuple(draw(st.lists(buffers, min_size=2, max_size=5)))
    pick = st.integers(0, len(memory) - 1)
    ops = st.builds(Op, st.sampled_from(KINDS), pick, pick)
    parts = st.none() | st.builds(Parts, st.integers(-1, 2), st.integers(0, 2), st.integers(1, 2))

    def loop(least: int) -> tuple[Op, ...]:
        body = draw(st.lists(ops, min_size=least, max_size=4 - least))
        ahead = [replace(op, ahead=draw(st.integers(0, 1))) if op.kind in ("load", "multicast") else op for op in body]
        return tuple(replace(op, parts=draw(parts)) for op in ahead)

    around = st.lists(ops, max_size=3).map(tuple)
    return Program(memory, draw(around), loop(1), draw(around), draw(st.integers(1, 3)), loop(0))


def slot(program: Program, buffer: int, iteration: int) -> tuple[int, int]:
    return (buffer, iteration % program.buffers[buffer].slots)


def engine(op: Op) -> Engine:
    if op.kind == "hmx":
        return "hmx"
    return "hvx" if op.kind == "hvx" else "dma"


def accesses(program: Program, op: Op, iteration: int | None) -> tuple[Access, ...]:
    """As the pass describes an instruction: its regions, and whether other cores are concerned."""
    if iteration is None:
        return ()
    several = program.cores > 1
    source, target = slot(program, op.source, iteration), slot(program, op.target, iteration)
    reads, writes = part(program, op, op.source, iteration), part(program, op, op.target, iteration)
    match op.kind:
        case "load":
            return (Access(target, True, part=writes),)
        case "multicast":
            return (Access(target, True, several, False, writes),)
        case "store":
            return Access(source, False, part=reads), Access("ddr", True, several, several)
        case "reload":
            return Access("ddr", False, several, several), Access(target, True, part=writes)
        case "exchange":
            return Access(source, False, several, several, reads), Access(target, True, part=writes)
        case _:
            return Access(source, False, part=reads), Access(target, True, part=writes)


def part(program: Program, op: Op, buffer: int, iteration: int) -> range | None:
    """The cells of a buffer that an instruction touches, counted from its first; None: all."""
    if op.parts is None or program.buffers[buffer].slots > 1:
        return None
    return op.parts.at(iteration)


def meet(a: range, b: range) -> bool:
    return max(a.start, b.start) < min(a.stop, b.stop)


def dependencies(program: Program, trips: int = TRIPS) -> list[Dependency]:
    """What the pass finds from the iterations of the loops that it looks at."""
    whole = is_replayed_whole(trips)
    shown = trips if whole else replayed_iterations(trips, [buffer.slots for buffer in program.buffers])
    instances = [
        Instance(n, engine(op), accesses(program, op if whole else replace(op, parts=None), i), engine(op) == "dma")
        for n, op, i in program.runs(shown)
    ]
    return find_dependencies(instances, overlapping(program), meet)


def overlapping(program: Program) -> dict[Region, list[Region]]:
    slots = [(b, s) for b, buffer in enumerate(program.buffers) for s in range(buffer.slots)]
    found: dict[Region, list[Region]] = {
        a: [b for b in slots if set(cells(program, a)) & set(cells(program, b))] for a in slots
    }
    return found | {"ddr": ["ddr"]}


def cells(program: Program, region: tuple[int, int]) -> range:
    buffer = program.buffers[region[0]]
    begin = buffer.address + region[1] * buffer.size
    return range(begin, begin + buffer.size)


def counts(program: Program, found: Sequence[Dependency], trips: int) -> dict[Dependency, Form]:
    """The counts of waits, as the pass makes them of what it found."""
    at: dict[int, list[tuple[int, ...]]] = {}
    for number, _, variables, _ in program.issued(trips):
        at.setdefault(number, []).append(variables)
    forms: dict[Dependency, Form] = {}
    for dependency in found:
        op, on = program.loop(dependency.op), program.loop(dependency.on)
        this_time = int(dependency.on < dependency.op)
        issued = Form(this_time, (), (1,)) if op is not None and op == on else Form(this_time * len(at[dependency.on]))
        needed = [(at[dependency.op][run], count) for run, count in dependency.counts]
        loops = [] if op is None else [trips]
        whole = is_replayed_whole(trips)
        forms[dependency] = count_form(needed, issued, loops, dependency.lag) if whole else issued + -dependency.lag
    return forms


@dataclass
class Order:
    """Events of a program and the arrows between them. Event 2e starts, 2e + 1 ends entry e = run * cores + core."""

    program: Program
    waits: Mapping[Dependency, Form]
    trips: int = TRIPS
    earlier: list[np.ndarray] = field(default_factory=list)
    """For every event, the events that come before it in any run."""

    def __post_init__(self) -> None:
        cores, runs = self.program.cores, list(self.program.issued(self.trips))
        self.count = 2 * len(runs) * cores
        last: dict[tuple[Engine, int], int] = {}
        ends: dict[int, list[int]] = {}
        for run, (number, op, variables, iteration) in enumerate(runs):
            needed = set[tuple[int, bool]]()
            for dependency, count in self.waits.items():
                if dependency.op == number:
                    complete = ends.get(dependency.on, [])
                    assert count.at(variables) <= len(complete), "waits for more than program order has issued"
                    needed |= {(on, dependency.everywhere) for on in complete[: max(count.at(variables), 0)]}
            leads = [core for core in range(cores) if op.kind != "multicast" or iteration is None or core == 0]
            for core in range(cores):
                before = [last[engine(op), core]] if (engine(op), core) in last else []
                for on, everywhere in needed:
                    before += [self.end(on, c) for c in (range(cores) if everywhere else [core])]
                self.add(before)
                # What another core sends has arrived when that core's transfer has ended.
                own = 2 * (run * cores + core)
                self.add([own] if core in leads else [own, self.end(run, leads[0])])
                last[engine(op), core] = own + (engine(op) != "dma")
            ends.setdefault(number, []).append(run)

    def end(self, run: int, core: int) -> int:
        return 2 * (run * self.program.cores + core) + 1

    def add(self, before: Sequence[int]) -> None:
        known = np.zeros(self.count, np.bool_)
        for event in before:
            known |= self.earlier[event]
            known[event] = True
        self.earlier.append(known)

    def races(self) -> Iterator[tuple[int, int]]:
        """Pairs of runs that touch the same memory, one of them writing, in no fixed order."""
        touched: dict[object, list[tuple[int, int, bool]]] = {}
        for run, (_, op, iteration) in enumerate(self.program.runs(self.trips)):
            if iteration is None:
                continue
            for core in range(self.program.cores):
                for place, writes in touches(self.program, op, iteration, core):
                    for other, by, wrote in touched.get(place, []):
                        if (
                            other < run
                            and (writes or wrote)
                            and not self.earlier[self.end(run, core) - 1][self.end(other, by)]
                        ):
                            yield other, run
                    touched.setdefault(place, []).append((run, core, writes))


def touches(program: Program, op: Op, iteration: int, core: int) -> Iterator[tuple[object, bool]]:
    """Cells that an instruction touches when run by a core, and whether it writes them."""
    everyone = range(program.cores)
    source, target = (touched(program, op, buffer, iteration) for buffer in (op.source, op.target))
    match op.kind:
        case "load":
            readers, writers, ddr = [], [core], None
        case "multicast":
            readers, writers, ddr = [], list(everyone) if core == 0 else [], None
        case "store":
            readers, writers, ddr = [core], [], True
        case "reload":
            readers, writers, ddr = [], [core], False
        case "exchange":
            readers, writers, ddr = list(everyone), [core], None
        case _:
            readers, writers, ddr = [core], [core], None
    yield from (((c, cell), False) for c in readers for cell in source)
    yield from (((c, cell), True) for c in writers for cell in target)
    if ddr is not None:
        yield "ddr", ddr


def touched(program: Program, op: Op, buffer: int, iteration: int) -> list[int]:
    """Cells of a buffer that an instruction touches."""
    all_cells, some = cells(program, slot(program, buffer, iteration)), part(program, op, buffer, iteration)
    return [cell for n, cell in enumerate(all_cells) if some is None or n in some]


def order(program: Program, trips: int = TRIPS) -> Order:
    return Order(program, counts(program, dependencies(program, trips), trips), trips)


@settings(max_examples=150)
@given(programs(), st.sampled_from([TRIPS, LONG]))
def test_no_order_of_the_engines_changes_anything(program: Program, trips: int) -> None:
    assert list(order(program, trips).races()) == []


def test_hardly_a_wait_is_idle() -> None:
    """Without any one wait most programs have a race: what follows from other waits is left out."""
    seen: Counter[bool] = Counter()

    @settings(max_examples=60, database=None)
    @given(programs())
    def count(program: Program) -> None:
        waits = order(program).waits
        for left_out in waits:
            races = Order(program, {d: form for d, form in waits.items() if d != left_out}).races()
            seen[next(races, None) is not None] += 1

    count()
    assert seen[True] >= 0.8 * seen.total()


CHAIN = Program(
    buffers=(Buffer(0, 1, 2), Buffer(2, 1, 1)),
    before=(Op("load", 0, 0),),
    body=(Op("load", 0, 0, ahead=1), Op("hmx", 0, 1), Op("store", 1, 1)),
    after=(),
    cores=1,
)


def test_waits_of_a_pipelined_loop() -> None:
    found = {(d.op, d.on): (d.lag, d.everywhere) for d in dependencies(CHAIN)}
    assert found == {
        (2, 0): (0, False),  # the first part
        (2, 1): (1, False),  # later parts: all but the one for the next iteration
        (2, 3): (0, False),  # the result of the iteration before is stored
        (3, 2): (0, False),
        # The fetch comes after the store of the iteration before, and so after the last use of its slot.
    }


@pytest.mark.parametrize("missing", range(4))
def test_the_oracle_sees_a_missing_wait(missing: int) -> None:
    found = list(order(CHAIN).waits.items())
    assert list(Order(CHAIN, dict(found)).races()) == []
    assert list(Order(CHAIN, dict([*found[:missing], *found[missing + 1 :]])).races()) != []


def test_the_oracle_sees_a_count_that_is_too_low() -> None:
    waits = {d: form + -1 if (d.op, d.on) == (2, 1) else form for d, form in order(CHAIN).waits.items()}
    assert list(Order(CHAIN, waits).races()) != []


FILLED = Parts(0, 1, 1)


@pytest.mark.parametrize(
    ("read", "count"),
    [
        (Parts(0, 1, 1), Form(1, (), (1,))),  # what has just been filled
        (Parts(-1, 1, 1), Form(0, (), (1,))),  # what was filled one iteration before that
        (Parts(0, 1, 2), Form(TRIPS)),  # one ahead: no line is high enough at first and not too high at last
        (None, Form(TRIPS)),
    ],
)
def test_a_loop_follows_another_part_by_part(read: Parts | None, count: Form) -> None:
    program = Program(
        buffers=(Buffer(0, TRIPS + 1, 1), Buffer(TRIPS + 1, TRIPS + 1, 1), Buffer(2 * TRIPS + 2, 1, 1)),
        before=(),
        body=(Op("hmx", 2, 0, parts=FILLED),),
        second=(Op("hvx", 0, 1, parts=read),),
        after=(),
        cores=2,
    )
    waits = order(program).waits
    assert [(d.op, d.on, form) for d, form in waits.items()] == [(1, 0, count)]
    assert list(order(program).races()) == []
