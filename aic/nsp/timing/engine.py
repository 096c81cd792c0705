"""The event model: a plan, run on the units of all cores and the links between them.

Each core has three queues (dma, hmx, hvx) that take their steps in the order of the program. The step at the head of a
queue starts when the queue is free, the units that it uses are free, and its needs hold. Kernels then take their price.
Transfers hold the dma queue while they are issued; their flows start a latency later and share links with all others
(`links`). A core with nothing to do in a step still meets its needs, and is then done with it at once.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf
from typing import Literal, NamedTuple

from aic.nsp.timing.core import QUEUES, CoreQueues
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.links import Current
from aic.nsp.timing.prices import Price, PriceList
from aic.nsp.timing.records import Moves, Need, Plan, Queue, Work
from aic.nsp.timing.signals import SignalBoard, Waiter
from aic.nsp.timing.timeline import Interval, Timeline
from dialects.errors import AicError
from dialects.hardware import Hardware


class Event(NamedTuple):
    """Something that happens at a time; `sequence` orders what happens at the same time.

    `look`: the core's `queue` may go on. `end`: `step`'s kernel ends. `flow`: `step`'s flows start.
    """

    time: float
    sequence: int
    what: Literal["look", "end", "flow"]
    core: int
    queue: Queue
    step: int


def simulate(plan: Plan, hardware: Hardware) -> Timeline:
    """Runs a plan on one SoC. Deterministic.

    Raises AicError for more cores than the SoC has, a kernel without a cost formula, and a program that never ends.
    """
    if plan.cores > hardware.cores:
        raise AicError(f"timing: the program runs on {plan.cores} cores, {hardware.sku} has {hardware.cores}")
    return Simulation(plan, hardware, PriceList(hardware, plan.cores).prices(plan)).run()


class Simulation:
    """One run: the state of everything at the time `now`."""

    def __init__(self, plan: Plan, hardware: Hardware, prices: Sequence[Sequence[Price]]) -> None:
        self.plan, self.hardware, self.prices = plan, hardware, prices
        self.now = 0.0
        self.cores = [CoreQueues() for _ in range(plan.cores)]
        self.order: dict[Queue, list[int]] = {queue: [] for queue in QUEUES}
        for index, step in enumerate(plan.steps):
            self.order[step.instruction.queue].append(index)
        self.signals = SignalBoard(plan, hardware.signal_latency_cycles)
        self.fabric = Fabric.of(hardware, plan.cores)
        self.latencies = _latencies(hardware)
        self.events: list[Event] = []
        self.sequence = 0
        self.looks: deque[Waiter] = deque((core, queue) for core in range(plan.cores) for queue in QUEUES)
        self.parts_left = _parts(plan)
        self.begun: dict[tuple[int, int], float] = {}
        self.intervals: list[Interval] = []

    def run(self) -> Timeline:
        """Lets time pass until nothing is left to happen."""
        while True:
            while self.looks:
                self._look(*self.looks.popleft())
            next_event = self.events[0].time if self.events else inf
            now = min(next_event, self.fabric.next_end())
            if now == inf:
                break
            self.now = now
            for current in self.fabric.advance(now):
                self._arrived(current)
            while self.events and self.events[0].time <= now:
                self._happen(heappop(self.events))
        self._refuse_deadlock()
        links = list(self.fabric.links.values())
        issue = [core.issue for core in self.cores]
        return Timeline(
            self.plan, self.hardware, self.prices, self.now, self.intervals, links, self.fabric.ddr_samples, issue
        )

    def _at(self, time: float, what: Literal["look", "end", "flow"], core: int, queue: Queue, step: int) -> None:
        self.sequence += 1
        heappush(self.events, Event(time, self.sequence, what, core, queue, step))

    def _happen(self, event: Event) -> None:
        match event.what:
            case "look":
                self.looks.append((event.core, event.queue))
            case "end":
                self._part_done(event.core, event.step)
            case "flow":
                work = self.plan.steps[event.step].work
                assert isinstance(work, Moves)
                for flow in work.flows[event.core]:
                    self.fabric.start(event.step, event.core, flow)

    def _look(self, core: int, queue: Queue) -> None:
        """Starts what can start at the head of a queue; otherwise sees to it that the queue is looked at again."""
        state, order = self.cores[core], self.order[queue]
        while state.position[queue] < len(order):
            step = order[state.position[queue]]
            price = self.prices[step][core]
            ready = self._ready(core, queue, step, state.free_for(queue, price))
            if ready > self.now:
                if ready < inf:
                    self._at(ready, "look", core, queue, step)
                return
            state.take(queue, price, self.now)
            self._start(core, queue, step, price)

    def _ready(self, core: int, queue: Queue, step: int, free: float) -> float:
        """When a step can start, infinity when that is not known yet: then a signal will bring the queue back."""
        ready = free
        if ready > self.now:
            return ready
        for need in self.plan.steps[step].needs:
            since = self.signals.holds_since(need, core, (core, queue))
            if since is None:
                return inf
            ready = max(ready, since)
        return ready

    def _start(self, core: int, queue: Queue, step: int, price: Price) -> None:
        work = self.plan.steps[step].work
        if isinstance(work, Moves):
            self._issue(core, queue, step, work, price)
            return
        if price.hmx:
            self.intervals.append(Interval(core, "hmx", step, self.now, self.now + price.hmx))
        if price.hvx:
            self.intervals.append(Interval(core, "hvx", step, self.now, self.now + price.hvx))
        if price.queue:
            self._at(self.now + price.queue, "end", core, queue, step)
        else:
            self._part_done(core, step)

    def _issue(self, core: int, queue: Queue, step: int, work: Moves, price: Price) -> None:
        if work.flows[core]:
            self.cores[core].issue += price.queue
            latency = self.latencies[self.plan.steps[step].instruction.operation]
            self._at(self.now + price.queue + latency, "flow", core, queue, step)
        self._part_done(core, step)

    def _arrived(self, current: Current) -> None:
        key = (current.core, current.step)
        self.begun[key] = min(current.begun, self.begun.get(key, inf))
        self._part_done(*key)

    def _part_done(self, core: int, step: int) -> None:
        """One part of what a step waits for on a core is done; with the last one the step is complete there."""
        parts = self.parts_left[step]
        parts[core] -= 1
        if parts[core]:
            return
        record = self.plan.steps[step]
        if (core, step) in self.begun:
            self.intervals.append(Interval(core, "dma", step, self.begun.pop((core, step)), self.now))
            for receiver in record.work.receivers[core] if isinstance(record.work, Moves) else ():
                self._part_done(receiver, step)
        self.looks.extend(self.signals.done(record, core, self.now))

    def _refuse_deadlock(self) -> None:
        for core, state in enumerate(self.cores):
            for queue in QUEUES:
                if state.position[queue] < len(self.order[queue]):
                    self._report_deadlock(core, queue, self.order[queue][state.position[queue]])

    def _report_deadlock(self, core: int, queue: Queue, step: int) -> None:
        record = self.plan.steps[step]
        unmet = [need for need in record.needs if self.signals.holds_since(need, core, (core, queue)) is None]
        waits = ", ".join(map(_need_text, unmet))
        name = f"{record.instruction.operation} ({record.instruction.node or 'no node'})"
        raise AicError(f"timing: deadlock: core {core}, queue {queue}: {name}, step {step}, waits forever for {waits}")


def _need_text(need: Need) -> str:
    where = "every core" if need.everywhere else "this core"
    return f"signal {need.signal} ({need.least} completions on {where})"


def _latencies(hardware: Hardware) -> dict[str, float]:
    """Cycles from the issue of a transfer to its first byte, by operation."""
    ddr, noc = hardware.ddr_latency_seconds * hardware.core_clock_hertz, hardware.noc_latency_cycles
    return {"load": ddr, "store": ddr, "multicast": ddr + noc, "exchange": noc}


def _parts(plan: Plan) -> list[list[int]]:
    """For each step and core, how many things must have happened for it to be complete there.

    Its start, for transfers; its end, for kernels; each of its flows; and the arrival of what another core sends.
    """
    counts: dict[int, list[int]] = {}
    return [list(counts.get(id(s.work)) or counts.setdefault(id(s.work), _counted(plan, s.work))) for s in plan.steps]


def _counted(plan: Plan, work: Work) -> list[int]:
    counts = [1] * plan.cores
    if isinstance(work, Moves):
        for core in range(plan.cores):
            counts[core] += len(work.flows[core])
            for receiver in work.receivers[core]:
                counts[receiver] += 1
    return counts
