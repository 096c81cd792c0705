"""Deadlock, decided by one run of the engines' queues.

Counters only grow and nothing takes from them, so a wait that holds once holds for ever: whatever the order in which
engines go on and transfers complete, the same runs start in the end. One order therefore decides. All cores have the
same queues, and start from the same counters; so what one core reaches, all reach, and a wait for all cores comes to
the same as one for the own core.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dialects.tile.buffers import Engine

ENGINES: tuple[Engine, ...] = ("dma", "hmx", "hvx")


class Need(NamedTuple):
    """The counter of `signal` must have reached `least`."""

    signal: int
    least: int


class Issue(NamedTuple):
    """One run of an instruction, as its engine's queue sees it."""

    engine: Engine
    signal: int | None
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Deadlock:
    """Where a core ends when not all issues can start. Issues are named by their place in the sequence."""

    order: tuple[int, ...]
    """The issues that start, in an order that is possible."""
    blocked: tuple[int, ...]
    """The first issue of each queue that cannot start."""
    reached: Counter[int]
    """How high the counters stand then."""


def find_deadlock(issues: Sequence[Issue]) -> Deadlock | None:
    """None when every issue starts in the end, on all cores and in every order."""
    return None if _can_go_in_order(issues) else _stuck(issues)


def _can_go_in_order(issues: Sequence[Issue]) -> bool:
    """True when every issue needs only what comes before it in the sequence: then that order is possible."""
    raised: Counter[int] = Counter()
    for _, signal, needs in issues:
        for need in needs:
            if raised[need.signal] < need.least:
                return False
        if signal is not None:
            raised[signal] += 1
    return True


def _stuck(issues: Sequence[Issue]) -> Deadlock | None:
    """Lets every queue go as far as it can, until none goes on."""
    reached: Counter[int] = Counter()
    order: list[int] = []
    queues = [_Queue([n for n, issue in enumerate(issues) if issue.engine == engine]) for engine in ENGINES]
    before = -1
    while before < len(order):
        before = len(order)
        for queue in queues:
            order += queue.advance(issues, reached)
    blocked = tuple(queue.numbers[queue.place] for queue in queues if queue.place < len(queue.numbers))
    return Deadlock(tuple(order), blocked, reached) if blocked else None


@dataclass
class _Queue:
    """The issues of an engine, the place of the next one, and how many of its needs have been seen to hold: those hold
    for ever, and are not looked at again.
    """

    numbers: Sequence[int]
    place: int = 0
    held: int = 0

    def advance(self, issues: Sequence[Issue], reached: Counter[int]) -> Sequence[int]:
        """Starts, and completes, what can start; the issues that have."""
        start = self.place
        while self.place < len(self.numbers):
            issue = issues[self.numbers[self.place]]
            while self.held < len(issue.needs):
                signal, least = issue.needs[self.held]
                if reached[signal] < least:
                    return self.numbers[start : self.place]
                self.held += 1
            if issue.signal is not None:
                reached[issue.signal] += 1
            self.place, self.held = self.place + 1, 0
        return self.numbers[start:]
