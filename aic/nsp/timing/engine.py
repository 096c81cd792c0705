"""The event model: plans, run on the units of their cores and the links between them.

Each core has three queues (dma, hmx, hvx) that take their steps in the order of the program. The step at the head of a
queue starts when the queue is free, the units that it uses are free, and its needs hold. Kernels then take their price.
Transfers hold the dma queue while they are issued; their flows start a latency later and share links with all others
(`links`). A core with nothing to do in a step still meets its needs, and is then done with it at once.

Several plans run side by side, each on cores of its own. Instances of one network have nothing in common but the DDR.
Parts of one network send each other tensors (`mail`), and so go on as a pipeline.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Literal, NamedTuple, NoReturn, TypeAlias

from aic.nsp.timing.core import QUEUES
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.inference import Inference
from aic.nsp.timing.links import Current
from aic.nsp.timing.mail import Mail, Route, routes_of
from aic.nsp.timing.prices import Price, PriceList
from aic.nsp.timing.records import PORTS, Arriving, Flow, LinkKind, Moves, Need, Plan, Queue, Sending, Use
from aic.nsp.timing.signals import Waiter
from aic.nsp.timing.timeline import Crossing, Interval, Timeline, traffic
from dialects.errors import AicError
from dialects.hardware import Hardware


@dataclass(frozen=True)
class Seat:
    """A plan and the cores that it runs on: from core `first` on, of the SoC that is device `soc` of the host. `name`
    is that of the part whose plan it is.
    """

    plan: Plan
    first: int = 0
    soc: int = 0
    name: str = ""


class Event(NamedTuple):
    """Something that happens at a time to a core of the system; `sequence` orders what happens at the same time.

    `begin`: the first inference of the core's plan begins. `look`: the core's `queue` may go on. `end`: `step`'s
    kernel ends. `flow`: `step`'s flows start. What channel `step` carries begins to leave (`depart`), to leave the
    host (`relay`), and is there (`deliver`).
    """

    time: float
    sequence: int
    what: "Happening"
    core: int
    queue: Queue
    step: int


Happening: TypeAlias = Literal["begin", "look", "end", "flow", "depart", "relay", "deliver"]


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
    seats = [Seat(plan, instance * plan.cores) for instance in range(len(begins))]
    wanted = min(len(begins), 2)
    return tuple(made[wanted - 1] for made in Simulation(seats, hardware, begins, wanted).run())


def simulate_parts(
    seats: Sequence[Seat], hardware: Hardware, inferences: int, *, goes_on: bool = False
) -> list[list[Timeline]]:
    """Runs the parts of a network, each on its seat, until all have made so many inferences: those that each has made.
    Deterministic.

    The inputs of every inference are there in time. With `goes_on` nobody stops before all have made them. Raises
    AicError like `simulate`, and for a tensor that is sent or received alone.
    """
    return Simulation(seats, hardware, [0.0] * len(seats), inferences, goes_on=goes_on).run()


def simulate_alone(seats: Sequence[Seat], hardware: Hardware) -> tuple[list[Timeline], list[Crossing]]:
    """One inference of all parts of a network, nothing else under way, and what they send each other. Raises AicError
    like `simulate_parts`.
    """
    simulation = Simulation(seats, hardware, [0.0] * len(seats), 1, goes_on=False)
    return [timelines[0] for timelines in simulation.run()], simulation.crossings


class Simulation:
    """Plans at work: the state of everything at the time `now`. `goes_on`: who has made the inferences that are wanted
    makes more until all have.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        hardware: Hardware,
        begins: Sequence[float],
        wanted: int,
        *,
        goes_on: bool = True,
    ) -> None:
        self.seats, self.hardware, self.wanted, self.goes_on = seats, hardware, wanted, goes_on
        self.now = 0.0
        self.orders = [_queues(seat.plan) for seat in seats]
        self.prices = _prices(seats, hardware)
        devices = sorted({seat.soc for seat in seats})
        self.fabric = Fabric.of(hardware, hardware.cores, devices)
        self.socs = [devices.index(seat.soc) for seat in seats]
        """The SoC of each seat among those at work."""
        self.firsts = [soc * hardware.cores + seat.first for soc, seat in zip(self.socs, seats, strict=True)]
        self.seat_of = {
            first + core: number
            for number, (seat, first) in enumerate(zip(seats, self.firsts, strict=True))
            for core in range(seat.plan.cores)
        }
        self.mail = Mail(routes_of([seat.plan for seat in seats]))
        self.latencies = _latencies(hardware)
        self.events: list[Event] = []
        self.sequence = 0
        self.looks: deque[Waiter] = deque()
        """Queues of cores of the system that may go on now."""
        self.at_work: dict[int, Inference] = {}
        """The inference that each plan is making, by the number of its seat."""
        self.made: list[list[Timeline]] = [[] for _ in seats]
        """The inferences that have been made on each seat."""
        self.crossings: list[Crossing] = []
        """What parts have sent each other, in the order of arrival."""
        self.missing = len(seats)
        """Seats that have not made what is wanted."""
        for first, begin in zip(self.firsts, begins, strict=True):
            self._at(begin, "begin", first, "dma", 0)

    def run(self) -> list[list[Timeline]]:
        """Lets time pass until every seat has made what is wanted."""
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
        return self.made

    def _at(self, time: float, what: Happening, core: int, queue: Queue, step: int) -> None:
        self.sequence += 1
        heappush(self.events, Event(time, self.sequence, what, core, queue, step))

    def _happen(self, event: Event) -> None:
        seat = self.seat_of[event.core]
        match event.what:
            case "begin":
                self._begin(seat)
            case "look":
                self.looks.append((event.core, event.queue))
            case "end":
                inference = self.at_work[seat]
                self._part_done(inference, event.core - inference.first, event.step)
            case "flow":
                self._flow(self.at_work[seat], event.core, event.step)
            case "depart":
                self._flow_of(self.mail.routes[event.step], relayed=False)
            case "relay":
                self._flow_of(self.mail.routes[event.step], relayed=True)
            case "deliver":
                self._deliver(event.step)

    def _begin(self, seat: int) -> None:
        """The next inference of a seat begins."""
        plan, first = self.seats[seat].plan, self.firsts[seat]
        number = len(self.made[seat])
        self.at_work[seat] = Inference(plan, first, number, self.now, self.hardware.signal_latency_cycles)
        self.looks.extend((first + core, queue) for core in range(plan.cores) for queue in QUEUES)
        if not plan.steps:
            self._end(seat)

    def _end(self, seat: int) -> None:
        """A seat has made an inference; it goes on, unless that took no time, which it would do for ever."""
        inference = self.at_work.pop(seat)
        made = self.made[seat]
        made.append(self._timeline(seat, inference))
        self.missing -= len(made) == self.wanted
        for channel in self.mail.freed(seat):
            self._depart(channel)
        if len(made) < self.wanted or (self.goes_on and self.now > inference.begin):
            self._begin(seat)

    def _timeline(self, seat: int, inference: Inference) -> Timeline:
        begin, place = inference.begin, self.seats[seat]
        return Timeline(
            place.plan,
            self.hardware,
            self.prices[seat],
            begin,
            self.now - begin,
            [each._replace(start=each.start - begin, end=each.end - begin) for each in inference.intervals],
            traffic(place.plan, self._rates(seat)),
            self.fabric.ddr_samples[self.socs[seat]],
            [core.issue for core in inference.cores],
        )

    def _rates(self, seat: int) -> dict[tuple[LinkKind, int], float]:
        """Rates of the links that a seat's cores have, cores by their own numbers."""
        cores, first = range(self.seats[seat].plan.cores), self.firsts[seat]
        links = self.fabric.links
        rates: dict[tuple[LinkKind, int], float] = {
            (kind, core): links[kind, first + core].bytes_per_cycle for kind in PORTS for core in cores
        }
        rates["ddr", 0] = links["ddr", self.socs[seat]].bytes_per_cycle
        return rates

    def _flow(self, inference: Inference, core: int, step: int) -> None:
        seat = self.seats[self.seat_of[core]]
        work = seat.plan.steps[step].work
        assert isinstance(work, Moves)
        for flow in work.flows[core - inference.first]:
            self.fabric.start(step, core, flow, inference.first)

    # ---- what parts send each other

    def _depart(self, channel: int) -> None:
        """A tensor begins to leave: read by the DMA of the sender's first core, a latency after it may."""
        core = self.firsts[self.mail.routes[channel].sender]
        self._at(self.now + self.latencies["store"], "depart", core, "dma", channel)

    def _departed(self, channel: int) -> None:
        """A tensor has left its sender."""
        route, hardware = self.mail.routes[channel], self.hardware
        core, clock = self.firsts[route.receiver], hardware.core_clock_hertz
        match route.link:
            case "host":
                self._at(self.now + hardware.relay_latency_seconds * clock, "relay", core, "dma", channel)
            case "p2p":
                self._at(self.now + hardware.p2p_latency_seconds * clock, "deliver", core, "dma", channel)
            case "ddr":
                self._deliver(channel)
        starts, freed = self.mail.departed(channel)
        self.looks.extend(freed)
        if starts:
            self._depart(channel)

    def _flow_of(self, route: Route, *, relayed: bool) -> None:
        """The bytes of a tensor begin to move: out of the sender's card, or from the host to the receiver's."""
        socs = self.socs[route.sender], self.socs[route.receiver]
        here, there = (_End(soc, self.fabric.cards[soc]) for soc in socs)
        first = self.firsts[route.receiver if relayed else route.sender]
        flow = Flow(route.bytes, _arrival(there) if relayed else _departure(route, here, there))
        self.fabric.start(_under_way(route.channel, relayed=relayed), first, flow, first)

    def _deliver(self, channel: int) -> None:
        """A tensor is there."""
        for inference, step in self.mail.delivered(channel):
            self._part_done(inference, 0, step)

    def _look(self, core: int, queue: Queue) -> None:
        """Starts what can start at the head of a queue; otherwise sees to it that the queue is looked at again."""
        seat = self.seat_of[core]
        inference = self.at_work.get(seat)
        if inference is None:
            return
        own = core - inference.first
        state, order = inference.cores[own], self.orders[seat][queue]
        while state.position[queue] < len(order):
            step = order[state.position[queue]]
            price = self.prices[seat][step][own]
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
        record = inference.plan.steps[step]
        for need in record.needs:
            since = inference.signals.holds_since(need, own, (own, queue))
            if since is None:
                return inf
            ready = max(ready, since)
        if isinstance(record.work, Sending) and own == 0 and ready <= self.now:
            free = self.mail.has_place(record.work.channel, inference.number, (inference.first, queue))
            return ready if free else inf
        return ready

    def _start(self, inference: Inference, own: int, queue: Queue, step: int, price: Price) -> None:
        work = inference.plan.steps[step].work
        if isinstance(work, Moves):
            self._issue(inference, own, queue, step, work, price)
            return
        if isinstance(work, Sending | Arriving):
            self._issue_mail(inference, own, step, work, price)
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
            latency = self.latencies[inference.plan.steps[step].instruction.operation]
            self._at(self.now + price.queue + latency, "flow", inference.first + own, queue, step)
        self._part_done(inference, own, step)

    def _issue_mail(self, inference: Inference, own: int, step: int, work: Sending | Arriving, price: Price) -> None:
        """The first core sends, or begins to wait for what comes."""
        if own == 0:
            inference.cores[own].issue += price.queue
            if isinstance(work, Arriving):
                if self.mail.is_there(work.channel, inference, step):
                    self._part_done(inference, own, step)
            elif self.mail.send(work.channel):
                self._depart(work.channel)
        self._part_done(inference, own, step)

    def _arrived(self, current: Current) -> None:
        if current.step < 0:
            channel, relayed = _on_its_way(current.step)
            self.crossings.append(Crossing(*self.mail.routes[channel], relayed, current.begun, self.now))
            (self._deliver if relayed else self._departed)(channel)
            return
        inference = self.at_work[self.seat_of[current.core]]
        key = (current.core - inference.first, current.step)
        inference.first_byte[key] = min(current.begun, inference.first_byte.get(key, inf))
        self._part_done(inference, *key)

    def _part_done(self, inference: Inference, own: int, step: int) -> None:
        """One part of what a step waits for on a core is done; with the last one the step is complete there."""
        parts = inference.parts_left[step]
        parts[own] -= 1
        if parts[own]:
            return
        record = inference.plan.steps[step]
        begun = inference.first_byte.pop((own, step), None)
        if begun is not None:
            inference.intervals.append(Interval(own, "dma", step, begun, self.now))
            for receiver in record.work.receivers[own] if isinstance(record.work, Moves) else ():
                self._part_done(inference, receiver, step)
        freed = inference.signals.done(record, own, self.now)
        self.looks.extend([(inference.first + core, queue) for core, queue in freed])
        inference.open -= 1
        if not inference.open:
            self._end(self.seat_of[inference.first])

    def _report_deadlock(self) -> NoReturn:
        for seat, inference in self.at_work.items():
            for own, state in enumerate(inference.cores):
                for queue, order in self.orders[seat].items():
                    if state.position[queue] < len(order):
                        step = order[state.position[queue]]
                        raise AicError(f"timing: deadlock: {self._waiting(inference, own, queue, step)}")
        raise AicError(f"timing: deadlock: nobody sends on {self.mail.awaited()}")

    def _waiting(self, inference: Inference, own: int, queue: Queue, step: int) -> str:
        record, board = inference.plan.steps[step], inference.signals
        unmet = [need for need in record.needs if board.holds_since(need, own, (own, queue)) is None]
        waits = ", ".join(map(_need_text, unmet))
        name = f"{record.instruction.operation} ({record.instruction.node or 'no node'})"
        return f"core {own}, queue {queue}: {name}, step {step}, waits forever for {waits}"


def _queues(plan: Plan) -> dict[Queue, list[int]]:
    """The steps of each queue, in their order."""
    order: dict[Queue, list[int]] = {queue: [] for queue in QUEUES}
    for index, step in enumerate(plan.steps):
        order[step.instruction.queue].append(index)
    return order


def _prices(seats: Sequence[Seat], hardware: Hardware) -> list[Sequence[Sequence[Price]]]:
    """Prices of each seat's steps; those of one plan are worked out once."""
    found: dict[int, Sequence[Sequence[Price]]] = {}
    for seat in seats:
        if id(seat.plan) not in found:
            found[id(seat.plan)] = PriceList(hardware, seat.plan.cores).prices(seat.plan)
    return [found[id(seat.plan)] for seat in seats]


class _End(NamedTuple):
    """An SoC among those at work, and its card, between which and the other end of a channel a tensor passes."""

    soc: int
    card: int


def _departure(route: Route, here: _End, there: _End) -> tuple[Use, ...]:
    """What a tensor passes on its way out of its SoC, and to another one if that needs no host. Between SoCs of one
    card that is the card's own switch.
    """
    match route.link:
        case "ddr":  # read and written
            return Use("copy", 0), Use("ddr", 0, 2.0), Use("ddr read port", 0), Use("ddr write port", 0)
        case "p2p" if here.card == there.card:
            return Use("pcie out", here.soc), Use("ddr", 0), Use("pcie in", there.soc)
        case "p2p":
            between = Use("uplink out", here.card), Use("uplink in", there.card)
            return Use("pcie out", here.soc), Use("ddr", 0), *between, Use("pcie in", there.soc)
        case "host":
            return Use("pcie out", here.soc), Use("ddr", 0), Use("uplink out", here.card)


def _arrival(there: _End) -> tuple[Use, ...]:
    """What a tensor passes on its way from the host to an SoC."""
    return Use("pcie in", there.soc), Use("ddr", 0), Use("uplink in", there.card)


def _under_way(channel: int, *, relayed: bool) -> int:
    """A step that no plan has: it stands for a channel's tensor on its way, the second part of it if `relayed`."""
    return -1 - 2 * channel - relayed


def _on_its_way(step: int) -> tuple[int, bool]:
    """The channel that such a step stands for, and whether its tensor is relayed."""
    return (-1 - step) // 2, (-1 - step) % 2 == 1


def _need_text(need: Need) -> str:
    where = "every core" if need.everywhere else "this core"
    return f"signal {need.signal} ({need.least} completions on {where})"


def _latencies(hardware: Hardware) -> dict[str, float]:
    """Cycles from the issue of a transfer to its first byte, by operation."""
    ddr, noc = hardware.ddr_latency_seconds * hardware.core_clock_hertz, hardware.noc_latency_cycles
    return {"load": ddr, "store": ddr, "multicast": ddr + noc, "exchange": noc}
