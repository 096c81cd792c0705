"""The event model: a plan, run on the units of all cores and the links between them.

Each core has three queues (dma, hmx, hvx) that take their steps in the order of the program. The step at the head of a
queue starts when the queue is free, the units that it uses are free, and its needs hold. Kernels then take their price.
Transfers hold the dma queue while they are issued; their flows start a latency later and share links with all others
(`links`). A core with nothing to do in a step still meets its needs, and is then done with it at once.

Several instances of a plan, each on cores of its own, have nothing in common but the DDR.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf
from typing import Literal, NamedTuple, NoReturn

from aic.nsp.timing.core import QUEUES
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.inference import Inference
from aic.nsp.timing.links import Current
from aic.nsp.timing.prices import Price, PriceList
from aic.nsp.timing.records import Moves, Need, Plan, Queue
from aic.nsp.timing.signals import Waiter
from aic.nsp.timing.timeline import Interval, Timeline, traffic
from dialects.errors import AicError
from dialects.hardware import Hardware


class Event(NamedTuple):
    """Something that happens at a time to a core of the SoC; `sequence` orders what happens at the same time.

    `begin`: the first inference of the core's instance begins. `look`: the core's `queue` may go on. `end`: `step`'s
    kernel ends. `flow`: `step`'s flows start.
    """

    time: float
    sequence: int
    what: Literal["begin", "look", "end", "flow"]
    core: int
    queue: Queue
    step: int


def simulate(plan: Plan, hardware: Hardware) -> Timeline:
    """Runs one inference of a plan on one SoC. Deterministic.

    Raises AicError for more cores than the SoC has, a kernel without a cost formula, and a program that never ends.
    """
    (timeline,) = simulate_instances(plan, hardware, (0.0,))
    return timeline


def simulate_instances(plan: Plan, hardware: Hardware, begins: Sequence[float]) -> tuple[Timeline, ...]:
    """Runs instances of a plan side by side on one SoC, and gives one inference of each. Deterministic.

    `begins` are the cycles at which the inputs of their first inferences are there; those of later ones are there in
    time. An instance alone makes one inference. Several go on until each has made two, and the second is given: it
    meets the others at work from its first cycle to its last. Raises AicError like `simulate`.
    """
    cores = plan.cores * len(begins)
    if cores > hardware.cores:
        each = f"{len(begins)} instances on {plan.cores} cores each" if len(begins) > 1 else f"{cores} cores"
        raise AicError(f"timing: the program runs on {each}, {hardware.sku} has {hardware.cores}")
    return Simulation(plan, hardware, PriceList(hardware, plan.cores).prices(plan), begins).run()


class Simulation:
    """Instances at work: the state of everything at the time `now`."""

    def __init__(
        self, plan: Plan, hardware: Hardware, prices: Sequence[Sequence[Price]], begins: Sequence[float]
    ) -> None:
        self.plan, self.hardware, self.prices = plan, hardware, prices
        self.now = 0.0
        self.order: dict[Queue, list[int]] = {queue: [] for queue in QUEUES}
        for index, step in enumerate(plan.steps):
            self.order[step.instruction.queue].append(index)
        self.fabric = Fabric.of(hardware, plan.cores * len(begins))
        rates = {key: link.bytes_per_cycle for key, link in self.fabric.links.items() if key[1] < plan.cores}
        self.links = traffic(plan, rates)
        self.latencies = _latencies(hardware)
        self.events: list[Event] = []
        self.sequence = 0
        self.looks: deque[Waiter] = deque()
        """Queues of cores of the SoC that may go on now."""
        self.at_work: dict[int, Inference] = {}
        """The inference that each instance is making."""
        self.made: list[list[Timeline]] = [[] for _ in begins]
        """The inferences that each instance has made."""
        self.wanted = min(len(begins), 2)
        """Inferences that each is to make."""
        self.missing = len(begins)
        """Instances that have not made them."""
        for instance, begin in enumerate(begins):
            self._at(begin, "begin", instance * plan.cores, "dma", 0)

    def run(self) -> tuple[Timeline, ...]:
        """Lets time pass until every instance has made what is wanted."""
        while self.missing:
            next_event = self.events[0].time if self.events else inf
            now = min(next_event, self.fabric.next_end())
            if now == inf:
                self._report_deadlock()
            self.now = now
            for current in self.fabric.advance(now):
                self._arrived(current)
            while self.events and self.events[0].time <= now:
                self._happen(heappop(self.events))
            while self.looks:
                self._look(*self.looks.popleft())
        self.fabric.settle()
        return tuple(made[self.wanted - 1] for made in self.made)

    def _at(
        self, time: float, what: Literal["begin", "look", "end", "flow"], core: int, queue: Queue, step: int
    ) -> None:
        self.sequence += 1
        heappush(self.events, Event(time, self.sequence, what, core, queue, step))

    def _happen(self, event: Event) -> None:
        instance = event.core // self.plan.cores
        match event.what:
            case "begin":
                self._begin(instance)
            case "look":
                self.looks.append((event.core, event.queue))
            case "end":
                inference = self.at_work[instance]
                self._part_done(inference, event.core - inference.first, event.step)
            case "flow":
                self._flow(self.at_work[instance], event.core, event.step)

    def _begin(self, instance: int) -> None:
        """An instance begins its next inference."""
        first = instance * self.plan.cores
        self.at_work[instance] = Inference(self.plan, first, self.now, self.hardware.signal_latency_cycles)
        self.looks.extend((first + core, queue) for core in range(self.plan.cores) for queue in QUEUES)
        if not self.plan.steps:
            self._end(instance)

    def _end(self, instance: int) -> None:
        """An instance has made an inference; it goes on, unless that took no time, which it would do for ever."""
        inference = self.at_work.pop(instance)
        made = self.made[instance]
        made.append(self._timeline(inference))
        self.missing -= len(made) == self.wanted
        if len(made) < self.wanted or self.now > inference.begin:
            self._begin(instance)

    def _timeline(self, inference: Inference) -> Timeline:
        begin = inference.begin
        return Timeline(
            self.plan,
            self.hardware,
            self.prices,
            begin,
            self.now - begin,
            [each._replace(start=each.start - begin, end=each.end - begin) for each in inference.intervals],
            self.links,
            self.fabric.ddr_samples,
            [core.issue for core in inference.cores],
        )

    def _flow(self, inference: Inference, core: int, step: int) -> None:
        work = self.plan.steps[step].work
        assert isinstance(work, Moves)
        for flow in work.flows[core - inference.first]:
            self.fabric.start(step, core, flow, inference.first)

    def _look(self, core: int, queue: Queue) -> None:
        """Starts what can start at the head of a queue; otherwise sees to it that the queue is looked at again."""
        inference = self.at_work.get(core // self.plan.cores)
        if inference is None:
            return
        own = core - inference.first
        state, order = inference.cores[own], self.order[queue]
        while state.position[queue] < len(order):
            step = order[state.position[queue]]
            price = self.prices[step][own]
            ready = self._ready(inference, own, queue, step, state.free_for(queue, price))
            if ready > self.now:
                if ready < inf:
                    self._at(ready, "look", core, queue, step)
                return
            state.take(queue, price, self.now)
            self._start(inference, own, queue, step, price)

    def _ready(self, inference: Inference, own: int, queue: Queue, step: int, free: float) -> float:
        """When a step can start, infinity when that is not known yet: then a signal will bring the queue back."""
        ready = free
        if ready > self.now:
            return ready
        for need in self.plan.steps[step].needs:
            since = inference.signals.holds_since(need, own, (own, queue))
            if since is None:
                return inf
            ready = max(ready, since)
        return ready

    def _start(self, inference: Inference, own: int, queue: Queue, step: int, price: Price) -> None:
        work = self.plan.steps[step].work
        if isinstance(work, Moves):
            self._issue(inference, own, queue, step, work, price)
            return
        if price.hmx:
            inference.intervals.append(Interval(own, "hmx", step, self.now, self.now + price.hmx))
        if price.hvx:
            inference.intervals.append(Interval(own, "hvx", step, self.now, self.now + price.hvx))
        if price.queue:
            self._at(self.now + price.queue, "end", inference.first + own, queue, step)
        else:
            self._part_done(inference, own, step)

    def _issue(self, inference: Inference, own: int, queue: Queue, step: int, work: Moves, price: Price) -> None:
        if work.flows[own]:
            inference.cores[own].issue += price.queue
            latency = self.latencies[self.plan.steps[step].instruction.operation]
            self._at(self.now + price.queue + latency, "flow", inference.first + own, queue, step)
        self._part_done(inference, own, step)

    def _arrived(self, current: Current) -> None:
        inference = self.at_work[current.core // self.plan.cores]
        key = (current.core - inference.first, current.step)
        inference.first_byte[key] = min(current.begun, inference.first_byte.get(key, inf))
        self._part_done(inference, *key)

    def _part_done(self, inference: Inference, own: int, step: int) -> None:
        """One part of what a step waits for on a core is done; with the last one the step is complete there."""
        parts = inference.parts_left[step]
        parts[own] -= 1
        if parts[own]:
            return
        record = self.plan.steps[step]
        begun = inference.first_byte.pop((own, step), None)
        if begun is not None:
            inference.intervals.append(Interval(own, "dma", step, begun, self.now))
            for receiver in record.work.receivers[own] if isinstance(record.work, Moves) else ():
                self._part_done(inference, receiver, step)
        freed = inference.signals.done(record, own, self.now)
        self.looks.extend([(inference.first + core, queue) for core, queue in freed])
        inference.open -= 1
        if not inference.open:
            self._end(inference.first // self.plan.cores)

    def _report_deadlock(self) -> NoReturn:
        for inference in self.at_work.values():
            for own, state in enumerate(inference.cores):
                for queue in QUEUES:
                    if state.position[queue] < len(self.order[queue]):
                        step = self.order[queue][state.position[queue]]
                        raise AicError(f"timing: deadlock: {self._waiting(inference, own, queue, step)}")
        raise AssertionError("an inference that is not complete has a step that is not")

    def _waiting(self, inference: Inference, own: int, queue: Queue, step: int) -> str:
        record, board = self.plan.steps[step], inference.signals
        unmet = [need for need in record.needs if board.holds_since(need, own, (own, queue)) is None]
        waits = ", ".join(map(_need_text, unmet))
        name = f"{record.instruction.operation} ({record.instruction.node or 'no node'})"
        return f"core {own}, queue {queue}: {name}, step {step}, waits forever for {waits}"


def _need_text(need: Need) -> str:
    where = "every core" if need.everywhere else "this core"
    return f"signal {need.signal} ({need.least} completions on {where})"


def _latencies(hardware: Hardware) -> dict[str, float]:
    """Cycles from the issue of a transfer to its first byte, by operation."""
    ddr, noc = hardware.ddr_latency_seconds * hardware.core_clock_hertz, hardware.noc_latency_cycles
    return {"load": ddr, "store": ddr, "multicast": ddr + noc, "exchange": noc}
