"""What must wait for what, when every engine takes its instructions in order and on its own.

Instructions are replayed in program order; whenever one touches memory that another engine, or an unfinished transfer,
touched before it in a conflicting way, it waits for that one's signal. A wait that follows from earlier ones is left
out: each instruction *knows* what is complete when it starts, and hands its knowledge on to those that wait for it.

Loops of few iterations are replayed whole; then parts of a region that accesses name are told apart, so that what works
through a buffer in parts may follow what fills it in parts. Longer ones are replayed for as many iterations as buffers
have slots, and two more: what happens later repeats. So that they end with the slots that they really end with, the
iterations left out are a multiple of all numbers of slots.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import lcm
from typing import Any, TypeAlias

from dialects.tile.buffers import Engine

Region: TypeAlias = Hashable
"""Memory that is tracked as one: a slot of a buffer, or a tensor in DDR."""
Part: TypeAlias = Hashable
"""A part of a region, as far as accesses to the region name parts."""


@dataclass(frozen=True)
class Access:
    """One touch of a region.

    `of_others`: the core touches the region of other cores, so what conflicts with it must be complete there first.
    `by_others`: other cores touch the region of this core, so what conflicts later must wait until they all have.
    `part`: what of the region is touched; None: perhaps all of it.
    """

    region: Region
    writes: bool
    of_others: bool = False
    by_others: bool = False
    part: Part | None = None


@dataclass(frozen=True)
class Instance:
    """One run of instruction `op` (a number) in the queue of an engine.

    `asynchronous`: what follows in the queue waits for its start alone, and runs of one instruction end in their order.
    """

    op: int
    engine: Engine
    accesses: tuple[Access, ...]
    asynchronous: bool


@dataclass(frozen=True)
class Dependency:
    """Instruction `op` waits for all runs of `on` so far but the newest `lag`, on every core if `everywhere`.

    `counts`: for runs of `op`, by their number, how many runs of `on` it is that they wait for.
    """

    op: int
    on: int
    lag: int
    everywhere: bool
    counts: tuple[tuple[int, int], ...] = ()


def is_replayed_whole(trips: int) -> bool:
    """Whether all iterations of a nest of loops, `trips` in all, are replayed."""
    return trips <= _WHOLE


_WHOLE = 32
"""Iterations of loops that are replayed one by one, at most."""


def replayed_iterations(trips: int, slots: Iterable[int]) -> int:
    """How many iterations of a loop of `trips`, not replayed whole, to replay, in a program whose buffers have these
    numbers of slots.
    """
    numbers = {1, *slots}
    least = max(numbers) + _EXTRA_ITERATIONS
    return trips if trips <= least else least + (trips - least) % lcm(*numbers)


_EXTRA_ITERATIONS = 2
"""Iterations replayed beyond the slots of the deepest rotation."""


Key: TypeAlias = Engine | int
Known: TypeAlias = dict[Key, int]

_SETTLING = 64
"""Instances after which what all engines know is gathered anew."""


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
    """Runs that touched a region, of each instruction the newest last. What came before one that may have touched all
    of it is not kept: runs of an instruction are complete in their order.
    """

    writers: dict[int, list[tuple[_Run, Access]]] = field(default_factory=dict[int, list[tuple[_Run, Access]]])
    readers: dict[int, list[tuple[_Run, Access]]] = field(default_factory=dict[int, list[tuple[_Run, Access]]])


def find_dependencies(
    instances: Sequence[Instance],
    overlapping: Mapping[Region, Sequence[Region]],
    meet: Callable[[Any, Any], bool] = lambda a, b: True,
) -> list[Dependency]:
    """Dependencies under which every order of the engines gives the values of program order.

    `overlapping[r]`: the regions that share memory with r, r among them; a region that is not listed overlaps itself
    alone. `meet` says whether two parts of one region have anything in common.
    """
    alone = not any(access.of_others or access.by_others for instance in instances for access in instance.accesses)
    replay = _Replay({region: frozenset(others) for region, others in overlapping.items()}, meet, alone)
    for instance in instances:
        replay.knows[instance.engine] = ({}, {})
    for instance in instances:
        replay.add(instance)
    return [
        Dependency(op, on, lag, everywhere, tuple(replay.needed[op, on, everywhere]))
        for (op, on, everywhere), lag in sorted(replay.lags.items())
    ]


@dataclass
class _Replay:
    overlapping: Mapping[Region, frozenset[Region]]
    meet: Callable[[Any, Any], bool]
    alone: bool
    """No core touches memory of others: what is complete on it is all that counts."""
    time: int = 0
    touched: dict[Region, _Touches] = field(default_factory=dict[Region, _Touches])
    settled: Known = field(default_factory=dict[Key, int])
    """What all engines know; it is kept here alone, so that what each knows besides stays small."""
    runs: dict[Key, int] = field(default_factory=dict[Key, int])
    counts: dict[int, int] = field(default_factory=dict[int, int])
    knows: dict[Engine, tuple[Known, Known]] = field(default_factory=dict[Engine, tuple[Known, Known]])
    lags: dict[tuple[int, int, bool], int] = field(default_factory=dict[tuple[int, int, bool], int])
    needed: dict[tuple[int, int, bool], list[tuple[int, int]]] = field(
        default_factory=dict[tuple[int, int, bool], list[tuple[int, int]]]
    )

    def add(self, instance: Instance) -> None:
        """Replays one instance: finds what it waits for, then records what it touches."""
        local, everywhere = self.knows[instance.engine]
        for on, remote in sorted(self._conflicts(instance), key=lambda conflict: -conflict[0].time):
            self._wait(instance, on, remote, local, everywhere)
        key: Key = instance.op if instance.asynchronous else instance.engine
        self.time += 1
        if self.time % _SETTLING == 0:
            self._settle()
        run = _Run(instance, key, self._next(self.runs, key), self._next(self.counts, instance.op), self.time)
        run.local, run.everywhere = dict(local), dict(everywhere)
        if not instance.asynchronous:
            local[key] = run.sequence
        self._record(run)

    def _next(self, counters: dict[Key, int] | dict[int, int], key: Key) -> int:
        number = counters.get(key, 0)  # pyright: ignore[reportArgumentType, reportCallIssue]
        counters[key] = number + 1  # pyright: ignore[reportArgumentType]
        return number

    def _conflicts(self, instance: Instance) -> Iterable[tuple[_Run, bool]]:
        """Earlier runs that conflict, of each instruction the newest, and whether it must be complete on every core."""
        found: dict[int, tuple[_Run, bool]] = {}
        for access in instance.accesses:
            near = self.overlapping.get(access.region, frozenset((access.region,)))
            for region in near & self.touched.keys():
                touches = self.touched[region]
                if self._forget_known(touches):
                    del self.touched[region]
                    continue
                sides = (touches.writers, touches.readers) if access.writes else (touches.writers,)
                for side in sides:
                    for runs in side.values():
                        met = self._newest(runs, region, access)
                        if met is not None:
                            run, earlier = met
                            _, before = found.get(id(run), (run, False))
                            found[id(run)] = (run, before or earlier.by_others or access.of_others)
        return found.values()

    def _forget_known(self, touches: _Touches) -> bool:
        """Forgets runs that all engines know to be complete; True when none are left."""
        for side in (touches.writers, touches.readers):
            for op in [op for op, runs in side.items() if self._is_known(runs[-1][0])]:
                del side[op]
        return not touches.writers and not touches.readers

    def _is_known(self, run: _Run) -> bool:
        """Whether every engine knows that a run is complete, so that nothing will ever wait for it again."""
        if self.settled.get(run.key, -1) >= run.sequence:
            return True
        return all(known.get(run.key, -1) >= run.sequence for known in self._known_to_engines())

    def _known_to_engines(self) -> list[Known]:
        """For each engine the runs that it knows to be complete wherever that counts."""
        return [local if self.alone else everywhere for local, everywhere in self.knows.values()]

    def _settle(self) -> None:
        """Takes from what each engine knows that which all of them know."""
        first, *others = self._known_to_engines()
        for key, sequence in first.items():
            before = self.settled.get(key, -1)
            least = min([sequence, *(known.get(key, before) for known in others)])
            if least > before:
                self.settled[key] = least
        for known in (known for pair in self.knows.values() for known in pair):
            told: list[Key] = [key for key, sequence in known.items() if self.settled.get(key, -1) >= sequence]
            for key in told:
                del known[key]

    def _newest(
        self, runs: Sequence[tuple[_Run, Access]], region: Region, access: Access
    ) -> tuple[_Run, Access] | None:
        """The newest run whose access to a region has anything in common with another access."""
        if region != access.region or access.part is None:
            return runs[-1]
        for run, earlier in reversed(runs):
            if earlier.part is None or self.meet(earlier.part, access.part):
                return run, earlier
        return None

    def _wait(self, instance: Instance, on: _Run, remote: bool, local: Known, everywhere: Known) -> None:
        if on.key == instance.engine and not remote:
            return
        if self.settled.get(on.key, -1) >= on.sequence:
            return
        known = everywhere if remote else local
        if known.get(on.key, -1) >= on.sequence or (not remote and everywhere.get(on.key, -1) >= on.sequence):
            return
        lag = self.counts[on.instance.op] - 1 - on.run
        name = (instance.op, on.instance.op, remote)
        self.lags[name] = min(lag, self.lags.get(name, lag))
        self.needed.setdefault(name, []).append((self.counts.get(instance.op, 0), on.run + 1))
        self._learn(local, {**on.local, on.key: on.sequence})
        self._learn(everywhere, on.everywhere)
        if remote:
            self._learn(everywhere, {**on.local, on.key: on.sequence})

    def _learn(self, known: Known, more: Known) -> None:
        for key, sequence in more.items():
            if known.get(key, -1) < sequence and self.settled.get(key, -1) < sequence:
                known[key] = sequence

    def _record(self, run: _Run) -> None:
        for access in run.instance.accesses:
            touches = self.touched.setdefault(access.region, _Touches())
            side = touches.writers if access.writes else touches.readers
            runs = side.setdefault(run.instance.op, [])
            if access.part is None:
                runs.clear()
            runs.append((run, access))
