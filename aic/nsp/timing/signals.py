"""Signals: which steps that raise them are complete, on each core and on all, and since when."""

from typing import TypeAlias

from aic.nsp.timing.records import Need, Plan, Queue

Waiter: TypeAlias = tuple[int, Queue]
"""A core's queue that waits."""


class Tally:
    """Completed steps of one signal on one core, counted without gaps from the first."""

    def __init__(self, total: int) -> None:
        self._done = bytearray(total)
        self.since: list[float] = []
        """since[n - 1]: when the first n steps were all complete."""

    def complete(self, ordinal: int, now: float) -> bool:
        """Counts a step; true when the count without gaps grew."""
        self._done[ordinal] = 1
        before = len(self.since)
        count = before
        while count < len(self._done) and self._done[count]:
            self.since.append(now)
            count += 1
        return count > before


class SignalBoard:
    """All signals of a program. A wait for all cores learns of the last of them `latency` cycles later."""

    def __init__(self, plan: Plan, latency: float) -> None:
        totals: dict[int, int] = {}
        for step in plan.steps:
            signal = step.instruction.signal
            if signal is not None:
                totals[signal] = totals.get(signal, 0) + 1
        self._latency = latency if plan.cores > 1 else 0.0
        self._own = {signal: [Tally(total) for _ in range(plan.cores)] for signal, total in totals.items()}
        self._everywhere: dict[int, list[float]] = {signal: [] for signal in totals}
        self._waiting_own: dict[tuple[int, int], list[Waiter]] = {}
        self._waiting_all: dict[int, list[Waiter]] = {}

    def raise_signal(self, signal: int, core: int, ordinal: int, now: float) -> list[Waiter]:
        """A step is complete on a core: the queues that may go on."""
        tallies = self._own[signal]
        if not tallies[core].complete(ordinal, now):
            return []
        freed = self._waiting_own.pop((signal, core), [])
        count = min(len(tally.since) for tally in tallies)
        everywhere = self._everywhere[signal]
        if count > len(everywhere):
            everywhere.extend([now] * (count - len(everywhere)))
            freed = freed + self._waiting_all.pop(signal, [])
        return freed

    def holds_since(self, need: Need, core: int, waiter: Waiter) -> float | None:
        """Since when a need of a core holds; None, and the waiter is remembered, when it does not yet."""
        if need.everywhere:
            times = self._everywhere.get(need.signal, [])
            if len(times) >= need.completions:
                return times[need.completions - 1] + self._latency
            self._waiting_all.setdefault(need.signal, []).append(waiter)
            return None
        tallies = self._own.get(need.signal)
        times = tallies[core].since if tallies else []
        if len(times) >= need.completions:
            return times[need.completions - 1]
        self._waiting_own.setdefault((need.signal, core), []).append(waiter)
        return None
