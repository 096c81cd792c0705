"""Tries every interleaving of a small program: engines of all cores step in any order, transfers complete in any order.

A state is which runs have started and which are complete, two bits per run. States are visited once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.interleavings.machine import Machine, Run, conflicts

MOST_STATES = 200_000


@dataclass
class Outcome:
    """What can happen to a program."""

    states: int = 0
    ends: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """States in which nothing more can happen: runs started, runs complete."""
    quiesces: bool = True
    """In every execution that ends, each counter stands at its declared total on every core, and never before nothing
    is in flight.
    """
    deadlocks: bool = False
    """An execution can stop before its end."""
    races: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Runs (numbers) whose accesses conflict, and which can be in flight at the same time, or come in another order
    than in the text. The text gives no order to the same run on two cores.
    """


def explore(machine: Machine) -> Outcome:
    """What can happen to a program, by trying it all."""
    return _Exploration(machine).run()


@dataclass(frozen=True)
class _Rival:
    """A touch by run `number` that conflicts with one by run `mine` that begins. It lasts from a start to an end, each
    one bit.
    """

    mine: int
    number: int
    starter: int
    ender: int


class _Exploration:
    def __init__(self, machine: Machine) -> None:
        runs, count = machine.runs, len(machine.runs)
        self.runs, self.all, self.machine = runs, (1 << count) - 1, machine
        self.outcome = Outcome()
        raisers = {
            (signal, core): sum(1 << n for n, r in enumerate(runs) if r.signal == signal and r.core == core)
            for signal in {r.signal for r in runs if r.signal is not None} | set(range(len(machine.totals)))
            for core in range(machine.cores)
        }
        self.needs = [
            [
                (raisers.get((signal, core), 0), count)
                for signal, count, everywhere in run.waits
                for core in (range(machine.cores) if everywhere else [run.core])
            ]
            for run in runs
        ]
        self.must_have_started = [0] * count
        self.must_be_complete = [0] * count
        self.ends_after_start = [1 << number for number in range(count)]
        self.ends_after_end = [0] * count
        for queue in machine.queues.values():
            self._in_order(queue)
        for number, run in enumerate(runs):
            self.ends_after_start[number] |= 1 << self._same_run(run, run.sender)
        self.engines_done = sum(1 << number for number, run in enumerate(runs) if not run.asynchronous)
        self.counters = [
            (raisers.get((s, c), 0), machine.totals[s] if s < len(machine.totals) else 0)
            for s in {s for s, _ in raisers}
            for c in range(machine.cores)
        ]
        self.rivals = self._rivals()

    def _in_order(self, queue: Sequence[int]) -> None:
        """What the order of a queue demands of its runs."""
        for place, number in enumerate(queue):
            run = self.runs[number]
            if place and self.runs[queue[place - 1]].asynchronous:
                self.must_have_started[number] = 1 << queue[place - 1]
            elif place:
                self.must_be_complete[number] = 1 << queue[place - 1]
            earlier = [other for other in queue[:place] if self.runs[other].op == run.op]
            self.ends_after_end[number] = sum(1 << other for other in earlier)

    def _same_run(self, run: Run, core: int) -> int:
        return next(n for n, other in enumerate(self.runs) if other.turn == run.turn and other.core == core)

    def _rivals(self) -> list[list[_Rival]]:
        """For each run, the touches that conflict with touches that begin when it starts."""
        rivals: list[dict[_Rival, None]] = [{} for _ in self.runs]
        for (first, a), (second, b) in conflicts(self.machine):
            start = self._same_run(self.runs[first], a.starter)
            other = self._same_run(self.runs[second], b.starter)
            rivals[start][_Rival(first, second, 1 << other, 1 << second)] = None
            rivals[other][_Rival(second, first, 1 << start, 1 << first)] = None
        return [list(found) for found in rivals]

    def run(self) -> Outcome:
        """Visits all states."""
        found = {(0, 0)}
        todo = [(0, 0)]
        while todo:
            started, complete = todo.pop()
            self.outcome.states += 1
            assert self.outcome.states <= MOST_STATES, "the program is too large to be tried"
            following = self._following(started, complete)
            if not following:
                self._ends(started, complete)
            elif started == self.all and complete & self.engines_done == self.engines_done:
                self._looks_ended(complete)
            for state in following:
                if state not in found:
                    found.add(state)
                    todo.append(state)
        return self.outcome

    def _following(self, started: int, complete: int) -> list[tuple[int, int]]:
        following: list[tuple[int, int]] = []
        for number in range(len(self.runs)):
            bit = 1 << number
            if complete & bit:
                continue
            if started & bit:
                if not self.ends_after_start[number] & ~started and not self.ends_after_end[number] & ~complete:
                    following.append((started, complete | bit))
            elif self._can_start(number, started, complete):
                following.append((started | bit, complete))
                self._begin(number, started, complete)
        return following

    def _can_start(self, number: int, started: int, complete: int) -> bool:
        if self.must_have_started[number] & ~started or self.must_be_complete[number] & ~complete:
            return False
        return all((complete & raisers).bit_count() >= least for raisers, least in self.needs[number])

    def _begin(self, number: int, started: int, complete: int) -> None:
        """Notes which touches that begin now race with those that conflict with them."""
        for rival in self.rivals[number]:
            late = self.runs[rival.number].turn >= self.runs[rival.mine].turn
            if (started | 1 << number) & rival.starter and (late or not complete & rival.ender):
                self.outcome.races.add((min(rival.number, rival.mine), max(rival.number, rival.mine)))

    def _ends(self, started: int, complete: int) -> None:
        self.outcome.ends.add((started, complete))
        if complete != self.all:
            self.outcome.deadlocks = True
        elif any((complete & raisers).bit_count() != total for raisers, total in self.counters):
            self.outcome.quiesces = False

    def _looks_ended(self, complete: int) -> None:
        """All queues are empty, but something is in flight: counters must tell."""
        if all((complete & raisers).bit_count() == total for raisers, total in self.counters):
            self.outcome.quiesces = False
