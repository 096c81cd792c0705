"""Waits: under them, every order that the engines of all cores may take gives what program order gives.

The oracle knows nothing of regions or of what an instruction has learnt. It lays out the start and the end of every
instruction on every core as events, draws an arrow for what holds in any run (the order of an engine, the waits), and
asks of every two that touch the same memory, one of them writing, whether the first ends before the second starts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.tile.ops import Engine
from passes.scheduling.hazards import Access, Dependency, Instance, Region, find_dependencies, replayed_iterations

KINDS = ("hmx", "hvx", "load", "store", "reload", "exchange", "multicast")
TRIPS = 7


@dataclass(frozen=True)
class Buffer:
    """`slots` slots of `size` cells from cell `address` on."""

    address: int
    size: int
    slots: int


@dataclass(frozen=True)
class Op:
    """An instruction: what it does, the buffers that it reads and writes, and how many iterations ahead it runs."""

    kind: str
    source: int
    target: int
    ahead: int = 0


@dataclass(frozen=True)
class Program:
    """Instructions before, in and after a loop of `TRIPS` iterations. Instruction numbers count through all three."""

    buffers: tuple[Buffer, ...]
    before: tuple[Op, ...]
    body: tuple[Op, ...]
    after: tuple[Op, ...]
    cores: int

    def runs(self, trips: int) -> Iterator[tuple[int, Op, int | None]]:
        """Number, instruction and the iteration it runs for (None: it does nothing), in program order."""
        first = len(self.before)
        for n, op in enumerate(self.before):
            yield n, op, 0
        for i, (n, op) in product(range(trips), enumerate(self.body)):
            yield first + n, op, i + op.ahead if i + op.ahead < trips else None
        for n, op in enumerate(self.after):
            yield first + len(self.body) + n, op, 0


buffers = st.builds(Buffer, st.integers(0, 8), st.integers(1, 3), st.integers(1, 3))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    memory = tuple(draw(st.lists(buffers, min_size=2, max_size=5)))
    pick = st.integers(0, len(memory) - 1)
    ops = st.builds(Op, st.sampled_from(KINDS), pick, pick)
    body = draw(st.lists(ops, min_size=1, max_size=4))
    ahead = [replace(op, ahead=draw(st.integers(0, 1))) if op.kind in ("load", "multicast") else op for op in body]
    around = st.lists(ops, max_size=3).map(tuple)
    return Program(memory, draw(around), tuple(ahead), draw(around), draw(st.integers(1, 3)))


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
    match op.kind:
        case "load":
            return (Access(target, True),)
        case "multicast":
            return (Access(target, True, several, False),)
        case "store":
            return Access(source, False), Access("ddr", True, several, several)
        case "reload":
            return Access("ddr", False, several, several), Access(target, True)
        case "exchange":
            return Access(source, False, several, several), Access(target, True)
        case _:
            return Access(source, False), Access(target, True)


def dependencies(program: Program) -> list[Dependency]:
    """What the pass finds from the first iterations of the loop."""
    shown = replayed_iterations(TRIPS, [buffer.slots for buffer in program.buffers])
    instances = [Instance(n, engine(op), accesses(program, op, i)) for n, op, i in program.runs(shown)]
    return find_dependencies(instances, overlapping(program))


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


@dataclass
class Order:
    """Events of a program and the arrows between them. Event 2e starts, 2e + 1 ends entry e = run * cores + core."""

    program: Program
    waits: Sequence[Dependency]
    earlier: list[np.ndarray] = field(default_factory=list)
    """For every event, the events that come before it in any run."""

    def __post_init__(self) -> None:
        cores, runs = self.program.cores, list(self.program.runs(TRIPS))
        self.count = 2 * len(runs) * cores
        last: dict[tuple[Engine, int], int] = {}
        ends: dict[int, list[int]] = {}
        for run, (number, op, iteration) in enumerate(runs):
            needed = {
                (on, dependency.everywhere)
                for dependency in self.waits
                if dependency.op == number
                for on in ends.get(dependency.on, [])[: len(ends.get(dependency.on, [])) - dependency.lag]
            }
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
        for run, (_, op, iteration) in enumerate(self.program.runs(TRIPS)):
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
    source, target = (
        cells(program, slot(program, op.source, iteration)),
        cells(program, slot(program, op.target, iteration)),
    )
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


@settings(max_examples=150)
@given(programs())
def test_no_order_of_the_engines_changes_anything(program: Program) -> None:
    assert list(Order(program, dependencies(program)).races()) == []


def test_hardly_a_wait_is_idle() -> None:
    """Without any one wait most programs have a race: what follows from other waits is left out."""
    counts: Counter[bool] = Counter()

    @settings(max_examples=60, database=None)
    @given(programs())
    def count(program: Program) -> None:
        found = dependencies(program)
        for n in range(len(found)):
            races = Order(program, [*found[:n], *found[n + 1 :]]).races()
            counts[next(races, None) is not None] += 1

    count()
    assert counts[True] >= 0.8 * counts.total()


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
    found = dependencies(CHAIN)
    assert list(Order(CHAIN, found).races()) == []
    assert list(Order(CHAIN, [*found[:missing], *found[missing + 1 :]]).races()) != []


def test_the_oracle_sees_a_lag_that_is_too_long() -> None:
    longer = [replace(d, lag=d.lag + 1) if (d.op, d.on) == (2, 1) else d for d in dependencies(CHAIN)]
    assert list(Order(CHAIN, longer).races()) != []
