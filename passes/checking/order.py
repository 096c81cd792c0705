"""Which runs of a scheduled program are complete before which others start, whatever order the engines take.

An event is the start or the end of a run on a core. What must happen before an event:

- before a run starts: the run before it in its queue has started (transfers) or ended (all others), and what it waits
  for has ended;
- before a run ends: it has started, and earlier runs of the same transfer have ended; of a multicast, also its start on
  the core that sends.

All of that must happen, and none of it is a choice. So two events are ordered exactly when a chain of these rules leads
from one to the other; otherwise there is an execution in which they happen the other way around.

Nothing here is shared with what inserts waits.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.tile.boxes import Integers
from dialects.tile.buffers import Engine
from passes.checking.clocks import ENGINES, Awaited, Clocks, Start, clocks

Flags: TypeAlias = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int32).max
_KEPT = 1 << 13
"""Steps up to which all clocks are kept."""


class Need(NamedTuple):
    """The counter of `signal` must have reached `least`, on the own core or on every core."""

    signal: int
    least: int
    everywhere: bool


class Step(NamedTuple):
    """A run of an instruction, as its queue sees it."""

    instruction: int
    engine: Engine
    asynchronous: bool
    """What follows in the queue waits for its start alone: a transfer."""
    signal: int | None
    needs: tuple[Need, ...]
    senders: tuple[int, ...] | None = None
    """Of a multicast: for each core the one that reads for it."""


class Undecided(NamedTuple):
    """A wait of which cannot be said which runs it awaits: several instructions raise its signal, in no order."""

    step: int
    need: Need


class Pairs(NamedTuple):
    """The end of a step on a core, and the start of a step on a core, per row."""

    first: Integers
    ender: Integers
    second: Integers
    starter: Integers


@dataclass(frozen=True)
class Order:
    """The order of the events of a program."""

    cores: int
    starts: Sequence[Start]
    """The steps in an order in which they can start; all of them, unless the program stops before its end."""
    engines: Integers
    """Of each step, the number of its engine."""
    asynchronous: Flags
    """Whether each step is a transfer."""
    places: Integers
    """Of each step, its number in its queue."""
    first_waiter: npt.NDArray[np.int32]
    """[2, engines, steps]: number in its queue of the first step that waits until a step has ended, on the same core
    (0) or on every core (1).
    """

    def ordered(self, pairs: Pairs) -> Flags:
        """Whether the first has ended when the second starts, in every execution. Steps that never start are ordered
        after all others.
        """
        turn = np.full(len(self.engines), len(self.starts), np.int64)
        turn[[start.step for start in self.starts]] = np.arange(len(self.starts))
        by_turn = np.argsort(turn[pairs.second], kind="stable")
        turns = turn[pairs.second[by_turn]]
        result = np.ones(len(by_turn), np.bool_)
        for begin, block in self._stretches():
            inside = slice(*np.searchsorted(turns, [begin, begin + len(block)]))
            here = by_turn[inside]
            if len(here):
                known = block[turns[inside] - begin, pairs.starter[here]]
                result[here] = self._ended(pairs.first[here], pairs.ender[here], known)
        return result

    def _stretches(self) -> Iterable[tuple[int, Clocks]]:
        return self._kept if len(self.starts) <= _KEPT else clocks(self.starts, self.cores)

    @cached_property
    def _kept(self) -> list[tuple[int, Clocks]]:
        return list(clocks(self.starts, self.cores))

    def _ended(self, step: Integers, core: Integers, clock: npt.NDArray[np.int32]) -> Flags:
        """Whether steps have ended on cores, as known at events with these clocks [pairs, engines, cores].

        Where the next one in the queue waits for the end, it has started then. Otherwise one has that names the end:
        it started no earlier than the first that does.
        """
        row = np.arange(len(step))
        own, engine = clock[row, :, core], self.engines[step]
        local, everywhere = self.first_waiter[:, :, step]
        ended = ~self.asynchronous[step] & (own[row, engine] > self.places[step] + 1)
        ended |= (own > local.T).any(axis=1)
        return ended | (clock.max(axis=2) > everywhere.T).any(axis=1)


def order_of(steps: Sequence[Step], cores: int) -> tuple[Order, list[Undecided]]:
    """The order of a program, and the waits that it leaves out because they cannot be decided."""
    raisers = _Raisers(steps)
    engines = np.array([ENGINES.index(step.engine) for step in steps], np.int64)
    places = np.zeros(len(steps), np.int64)
    for engine in range(len(ENGINES)):
        places[engines == engine] = np.arange(np.count_nonzero(engines == engine))
    awaited, undecided = _awaited(steps, raisers)
    starts = _starts(steps, awaited, engines, places)
    asynchronous = np.array([step.asynchronous for step in steps], np.bool_)
    first_waiter = _first_waiters(steps, raisers, engines, places)
    return Order(cores, starts, engines, asynchronous, places, first_waiter), undecided


class _Raisers:
    """Which steps raise each signal, in the order of the text."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self.of: dict[int, list[int]] = {}
        for number, step in enumerate(steps):
            if step.signal is not None:
                self.of.setdefault(step.signal, []).append(number)
        self._last = {signal: self._last_of_chains(numbers) for signal, numbers in self.of.items()}

    def _last_of_chains(self, numbers: Sequence[int]) -> list[int]:
        """The last of every chain of steps that end in order: those of hmx, of hvx, of one transfer instruction."""
        last: dict[object, int] = {}
        for number in numbers:
            step = self._steps[number]
            last[step.instruction if step.asynchronous else step.engine] = number
        return list(last.values())

    def ordinal(self, signal: int, position: int) -> int:
        """The least count that tells that the raiser at a position of the text's order has ended."""
        return position + 1 if len(self._last[signal]) == 1 else len(self.of[signal])

    def awaited(self, need: Need) -> list[int] | None:
        """Steps that have ended, with all before them, when a need holds; nothing when it never does. None: cannot be
        said.
        """
        numbers = self.of.get(need.signal, [])
        if need.least > len(numbers):
            return []
        if need.least == len(numbers):
            return self._last[need.signal]
        return [numbers[need.least - 1]] if len(self._last[need.signal]) == 1 else None


def _awaited(steps: Sequence[Step], raisers: _Raisers) -> tuple[list[list[Awaited] | None], list[Undecided]]:
    """For each step the ends that it waits for, None when one of them never comes; and the waits left out."""
    awaited: list[list[Awaited] | None] = []
    undecided: list[Undecided] = []
    for number, step in enumerate(steps):
        found = [(need, raisers.awaited(need)) for need in step.needs]
        undecided += [Undecided(number, need) for need, ends in found if ends is None]
        never = any(ends == [] for _, ends in found)
        awaited.append(None if never else [Awaited(end, need.everywhere) for need, ends in found for end in ends or ()])
    return awaited, undecided


def _starts(
    steps: Sequence[Step], awaited: Sequence[list[Awaited] | None], engines: Integers, places: Integers
) -> list[Start]:
    """Starts steps as long as a queue can go on, the first in the text first."""
    queues = [deque(np.flatnonzero(engines == engine).tolist()) for engine in range(len(ENGINES))]
    started: set[int] = set()
    starts: list[Start] = []
    while True:
        heads = sorted((queue[0], engine) for engine, queue in enumerate(queues) if queue)
        for number, engine in heads:
            ends = awaited[number]
            if ends is not None and all(end.step in started for end in ends):
                queues[engine].popleft()
                started.add(number)
                starts.append(_start(number, steps[number], engine, int(places[number]), ends))
                break
        else:
            return starts


def _start(number: int, step: Step, engine: int, place: int, ends: Sequence[Awaited]) -> Start:
    return Start(number, step.instruction, engine, step.asynchronous, place, tuple(ends), step.senders)


def _first_waiters(
    steps: Sequence[Step], raisers: _Raisers, engines: Integers, places: Integers
) -> npt.NDArray[np.int32]:
    """[2, engines, steps]: see `Order`. A wait for a count is one for all ends that a lower count tells of."""
    offsets: dict[int, int] = {}
    total = 1  # the first column is that of steps without a signal
    for signal, numbers in raisers.of.items():
        offsets[signal] = total - 1
        total += len(numbers)
    first = np.full((2, len(ENGINES), total), _NEVER, np.int32)
    for number, step in enumerate(steps):
        for need in step.needs:
            if need.least <= len(raisers.of.get(need.signal, ())):
                at = (int(need.everywhere), int(engines[number]), offsets[need.signal] + need.least)
                first[at] = min(first[at], places[number])
    columns = np.zeros(len(steps), np.int64)
    for signal, numbers in raisers.of.items():
        begin = offsets[signal] + 1
        part = first[:, :, begin : begin + len(numbers)]
        if len(numbers) > 1:
            part[:] = np.minimum.accumulate(part[:, :, ::-1], axis=2)[:, :, ::-1]
        columns[numbers] = [offsets[signal] + raisers.ordinal(signal, n) for n in range(len(numbers))]
    return first[:, :, columns]
