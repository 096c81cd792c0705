"""Signals: how high each counter stands, on each core and on all, and since when."""

from typing import TypeAlias

from aic.nsp.timing.records import Need, Plan, Queue, Step

Waiter: TypeAlias = tuple[int, Queue]
"""A core's queue that waits."""


class InOrder:
    """Runs of one instruction on one core. They complete in order: one whose work is done first waits for those
    before it.
    """

    __slots__ = ("_complete", "_early")

    def __init__(self) -> None:
        self._complete = 0
        self._early: set[int] = set()

    def done(self, run: int) -> int:
        """The work of a run is done: how many runs are complete with that."""
        self._early.add(run)
        before = self._complete
        while self._complete in self._early:
            self._early.remove(self._complete)
            self._complete += 1
        return self._complete - before


class SignalBoard:
    """All signals of a program. A wait for all cores learns of the last of them `latency` cycles later."""

    def __init__(self, plan: Plan, latency: float) -> None:
        instructions = {id(step.instruction): step.instruction for step in plan.steps}
        signals = dict.fromkeys(i.signal for i in instructions.values() if i.signal is not None)
        cores = range(plan.cores)
        self._latency = latency if plan.cores > 1 else 0.0
        self._runs = {instruction: [InOrder() for _ in cores] for instruction in instructions}
        self._own: dict[int, list[list[float]]] = {signal: [[] for _ in cores] for signal in signals}
        """Per signal and core, since when the counter stands at 1, 2, .."""
        self._everywhere: dict[int, list[float]] = {signal: [] for signal in signals}
        self._waiting_own: dict[tuple[int, int], list[Waiter]] = {}
        self._waiting_all: dict[int, list[Waiter]] = {}

    def done(self, step: Step, core: int, now: float) -> list[Waiter]:
        """The work of a step is done on a core: the queues that may go on."""
        signal = step.instruction.signal
        if signal is None:
            return []
        raised = self._runs[id(step.instruction)][core].done(step.run)
        if not raised:
            return []
        counters = self._own[signal]
        counters[core].extend([now] * raised)
        freed = self._waiting_own.pop((signal, core), [])
        least = min(map(len, counters))
        everywhere = self._everywhere[signal]
        if least > len(everywhere):
            everywhere.extend([now] * (least - len(everywhere)))
            freed = freed + self._waiting_all.pop(signal, [])
        return freed

    def holds_since(self, need: Need, core: int, waiter: Waiter) -> float | None:
        """Since when a need of a core holds; None, and the waiter is remembered, when it does not yet."""
        if need.everywhere:
            times = self._everywhere.get(need.signal, [])
            if len(times) >= need.least:
                return times[need.least - 1] + self._latency
            self._waiting_all.setdefault(need.signal, []).append(waiter)
            return None
        counters = self._own.get(need.signal)
        times = counters[core] if counters else []
        if len(times) >= need.least:
            return times[need.least - 1]
        self._waiting_own.setdefault((need.signal, core), []).append(waiter)
        return None
