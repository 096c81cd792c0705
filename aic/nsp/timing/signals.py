"""Signals: how high each counter stands, on each core and on all, and since when."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import NamedTuple, TypeAlias

from aic.nsp.timing.core import CoreQueue
from aic.nsp.timing.records import Need, Plan

Waiter: TypeAlias = CoreQueue
"""A core's queue that waits."""


class Wait(NamedTuple):
    """A need of a step: the rise of a signal, by its number among all rises, on the step's own core or on all. The rise
    is -1 where the signal never gets that high.
    """

    rise: int
    signal: int
    everywhere: bool


class Counting:
    """What the signals of a plan count. Every time that one of them rises on a core has a number, those of a signal one
    after the other.
    """

    def __init__(self, plan: Plan) -> None:
        instructions: dict[int, int] = {}
        self.cores = plan.cores
        self.instructions = [instructions.setdefault(id(step.instruction), len(instructions)) for step in plan.steps]
        """Of each step, its instruction by number."""
        self.instruction_count = len(instructions)
        self.runs = [step.run for step in plan.steps]
        heights = Counter(signal for step in plan.steps if (signal := step.instruction.signal) is not None)
        numbers = {signal: number for number, signal in enumerate(heights)}
        raised = (step.instruction.signal for step in plan.steps)
        self.signals = [-1 if signal is None else numbers[signal] for signal in raised]
        """Of each step, the signal that it raises, by number; -1 for none."""
        self.first = [*accumulate(heights.values(), initial=0)]
        """The first rise of each signal, and behind them how many there are."""
        self.waits = [tuple(self._wait(need, heights, numbers) for need in step.needs) for step in plan.steps]

    def _wait(self, need: Need, heights: Counter[int], numbers: dict[int, int]) -> Wait:
        if need.least > heights[need.signal]:
            return Wait(-1, -1, need.everywhere)
        number = numbers[need.signal]
        return Wait(self.first[number] + need.least - 1, number, need.everywhere)


class SignalBoard:
    """All signals of a program. A wait for all cores learns of the last of them `latency` cycles later.

    The runs of an instruction on a core complete in order: one whose work is done first waits for those before it.
    """

    def __init__(self, counting: Counting, latency: float) -> None:
        rises, cores = counting.first[-1], counting.cores
        self._counting, self._cores = counting, cores
        self._latency = latency if cores > 1 else 0.0
        self._complete = [0] * (counting.instruction_count * cores)
        """Per instruction and core, the runs that are complete."""
        self._early: dict[int, set[int]] = {}
        """Per instruction and core, the runs whose work is done before that of earlier ones."""
        self._height = [0] * (len(counting.first) * cores)
        """Per signal and core, how high the counter stands."""
        self._own = [inf] * (rises * cores)
        """Per rise and core, when it was."""
        self._reached = [0] * rises
        """Per rise, the cores on which it has been."""
        self._everywhere = [inf] * rises
        """Per rise, when it had been on all cores."""
        self._waiting_own: dict[int, list[Waiter]] = {}
        """Per signal and core, as in `_height`."""
        self._waiting_all: dict[int, list[Waiter]] = {}

    def done(self, step: int, core: int, now: float) -> Sequence[Waiter]:
        """The work of a step is done on a core: the queues that may go on."""
        counting, cores = self._counting, self._cores
        signal = counting.signals[step]
        if signal < 0:
            return ()
        raised = self._completed(counting.instructions[step] * cores + core, counting.runs[step])
        if not raised:
            return ()
        place = signal * cores + core
        low = counting.first[signal] + self._height[place]
        self._height[place] += raised
        everywhere = False
        for rise in range(low, low + raised):
            self._own[rise * cores + core] = now
            self._reached[rise] += 1
            if self._reached[rise] == cores:
                self._everywhere[rise] = now
                everywhere = True
        freed = self._waiting_own.pop(place, ())
        return [*freed, *self._waiting_all.pop(signal, ())] if everywhere else freed

    def _completed(self, place: int, run: int) -> int:
        """A run of an instruction is done on a core: how many runs are complete with that."""
        before = complete = self._complete[place]
        if run != before:
            self._early.setdefault(place, set()).add(run)
            return 0
        early = self._early.get(place, ())
        complete += 1
        while complete in early:
            complete += 1
        self._complete[place] = complete
        return complete - before

    def holds_since(self, wait: Wait, waiter: Waiter) -> float:
        """Since when a need of a queue's core holds; infinity, and the queue is remembered, when it does not yet."""
        rise, signal, everywhere = wait
        if rise < 0:
            return inf
        if everywhere:
            since = self._everywhere[rise] + self._latency
            if since == inf:
                self._waiting_all.setdefault(signal, []).append(waiter)
            return since
        since = self._own[rise * self._cores + waiter.own]
        if since == inf:
            self._waiting_own.setdefault(signal * self._cores + waiter.own, []).append(waiter)
        return since
