"""What must wait for what, when every engine takes its instructions in order and on its own.

Instructions are replayed in program order; whenever one touches memory that another engine, or an unfinished transfer,
touched before it in a conflicting way, it waits for that one's signal. A wait that follows from earlier ones is left
out: each instruction *knows* what is complete when it starts, and hands its knowledge on to those that wait for it.
Loops are replayed for as many iterations as buffers have slots, and two more: what happens later repeats. So that they
end with the slots that they really end with, the iterations left out are a multiple of all numbers of slots.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import lcm
from typing import TypeAlias

from dialects.tile.ops import Engine

Region: TypeAlias = Hashable
"""Memory that is tracked as one: a slot of a buffer, or a tensor in DDR."""


@dataclass(frozen=True)
class Access:
    """One touch of a region.

    `of_others`: the core touches the region of other cores, so what conflicts with it must be complete there first.
    `by_others`: other cores touch the region of this core, so what conflicts later must wait until they all have.
    """

    region: Region
    writes: bool
    of_others: bool = False
    by_others: bool = False


@dataclass(frozen=True)
class Instance:
    """One run of instruction `op` (a number) on an engine."""

    op: int
    engine: Engine
    accesses: tuple[Access, ...]


@dataclass(frozen=True)
class Dependency:
    """Instruction `op` waits for all runs of `on` so far but the newest `lag`, on every core if `everywhere`."""

    op: int
    on: int
    lag: int
    everywhere: bool


def replayed_iterations(trips: int, slots: Iterable[int]) -> int:
    """How many iterations of a loop of `trips` to replay, in a program whose buffers have these numbers of slots."""
    numbers = {1, *slots}
    least = max(numbers) + _EXTRA_ITERATIONS
    return trips if trips <= least else least + (trips - least) % lcm(*numbers)


_EXTRA_ITERATIONS = 2
"""Iterations replayed beyond the slots of the deepest rotation."""


Key: TypeAlias = Engine | int
Known: TypeAlias = dict[Key, int]


@dataclass
class _Run:
    """A replayed instance: what a later one needs to know to wait for it."""

    instance: Instance
    key: Key
    sequence: int
    """Number among the runs with the same key: of an engine that completes in order, or of one transfer instruction."""
    run: int
    """Number among the runs of the same instruction."""
    time: int
    """Number among all runs."""
    local: Known = field(default_factory=dict[Key, int])
    everywhere: Known = field(default_factory=dict[Key, int])


@dataclass
class _Touches:
    writers: dict[int, tuple[_Run, bool]] = field(default_factory=dict[int, tuple[_Run, bool]])
    readers: dict[int, tuple[_Run, bool]] = field(default_factory=dict[int, tuple[_Run, bool]])


def find_dependencies(
    instances: Sequence[Instance], overlapping: Mapping[Region, Sequence[Region]]
) -> list[Dependency]:
    """Dependencies under which every order of the engines gives the values of program order.

    `overlapping[r]`: the regions that share memory with r, r among them; a region that is not listed overlaps itself
    alone.
    """
    replay = _Replay(overlapping)
    for instance in instances:
        replay.add(instance)
    return [Dependency(op, on, lag, everywhere) for (op, on, everywhere), lag in sorted(replay.lags.items())]


@dataclass
class _Replay:
    overlapping: Mapping[Region, Sequence[Region]]
    time: int = 0
    touched: dict[Region, _Touches] = field(default_factory=dict[Region, _Touches])
    runs: dict[Key, int] = field(default_factory=dict[Key, int])
    counts: dict[int, int] = field(default_factory=dict[int, int])
    knows: dict[Engine, tuple[Known, Known]] = field(default_factory=dict[Engine, tuple[Known, Known]])
    lags: dict[tuple[int, int, bool], int] = field(default_factory=dict[tuple[int, int, bool], int])

    def add(self, instance: Instance) -> None:
        """Replays one instance: finds what it waits for, then records what it touches."""
        local, everywhere = self.knows.setdefault(instance.engine, ({}, {}))
        for on, remote in sorted(self._conflicts(instance), key=lambda conflict: -conflict[0].time):
            self._wait(instance, on, remote, local, everywhere)
        key: Key = instance.op if instance.engine == "dma" else instance.engine
        self.time += 1
        run = _Run(instance, key, self._next(self.runs, key), self._next(self.counts, instance.op), self.time)
        run.local, run.everywhere = dict(local), dict(everywhere)
        if instance.engine != "dma":
            local[key] = run.sequence
        self._record(run)

    def _next(self, counters: dict[Key, int] | dict[int, int], key: Key) -> int:
        number = counters.get(key, 0)  # pyright: ignore[reportArgumentType, reportCallIssue]
        counters[key] = number + 1  # pyright: ignore[reportArgumentType]
        return number

    def _conflicts(self, instance: Instance) -> Iterable[tuple[_Run, bool]]:
        """Earlier runs that conflict, each once, and whether it must be complete on every core."""
        found: dict[int, tuple[_Run, bool]] = {}
        for access in instance.accesses:
            for region in self.overlapping.get(access.region, (access.region,)):
                touches = self.touched.get(region)
                if touches is None:
                    continue
                sides = (touches.writers, touches.readers) if access.writes else (touches.writers,)
                for side in sides:
                    for run, remote in side.values():
                        _, before = found.get(id(run), (run, False))
                        found[id(run)] = (run, before or remote or access.of_others)
        return found.values()

    def _wait(self, instance: Instance, on: _Run, remote: bool, local: Known, everywhere: Known) -> None:
        if on.key == instance.engine and not remote:
            return
        known = everywhere if remote else local
        if known.get(on.key, -1) >= on.sequence or (not remote and everywhere.get(on.key, -1) >= on.sequence):
            return
        lag = self.counts[on.instance.op] - 1 - on.run
        name = (instance.op, on.instance.op, remote)
        self.lags[name] = min(lag, self.lags.get(name, lag))
        _learn(local, {**on.local, on.key: on.sequence})
        _learn(everywhere, on.everywhere)
        if remote:
            _learn(everywhere, {**on.local, on.key: on.sequence})

    def _record(self, run: _Run) -> None:
        for access in run.instance.accesses:
            touches = self.touched.setdefault(access.region, _Touches())
            side = touches.writers if access.writes else touches.readers
            side[run.instance.op] = (run, access.by_others)


def _learn(known: Known, more: Known) -> None:
    for key, sequence in more.items():
        if known.get(key, -1) < sequence:
            known[key] = sequence
