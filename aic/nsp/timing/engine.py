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
from math import inf

from aic.nsp.timing.agenda import Agenda
from aic.nsp.timing.core import CoreQueue
from aic.nsp.timing.deadlock import told_deadlock
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.links import Current
from aic.nsp.timing.post import Post
from aic.nsp.timing.prices import Price, PriceList
from aic.nsp.timing.program import Kind, Program
from aic.nsp.timing.records import Arriving, Moves, Plan, Sending
from aic.nsp.timing.signals import Waiter
from aic.nsp.timing.station import Seat, Station
from aic.nsp.timing.timeline import Crossing, Timeline
from dialects.errors import AicError
from dialects.hardware import Hardware


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
    return [timelines[0] for timelines in simulation.run()], simulation.post.crossings


class Simulation:
    """Plans at work: the state of everything at the time `agenda.now`. `goes_on`: who has made the inferences that are
    wanted makes more until all have.
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
        self.wanted, self.goes_on = wanted, goes_on
        self.agenda = Agenda()
        devices = sorted({seat.soc for seat in seats})
        self.fabric = Fabric.of(hardware, hardware.cores, devices)
        programs = _programs(seats, hardware)
        self.stations = [
            Station(number, seat, devices.index(seat.soc), programs[id(seat.plan)], hardware)
            for number, seat in enumerate(seats)
        ]
        self.station_of = {
            station.first + own: station for station in self.stations for own in range(station.program.cores)
        }
        """By core of the system."""
        self.looks: deque[Waiter] = deque()
        """Queues that may go on now."""
        self.post = Post(self.stations, hardware, self.agenda, self.fabric, self.looks.append, self._received)
        self.latencies = _latencies(hardware)
        self.missing = len(seats)
        """Stations that have not made what is wanted."""
        for station, begin in zip(self.stations, begins, strict=True):
            self.agenda.at(begin, self._begin, station)

    def run(self) -> list[list[Timeline]]:
        """Lets time pass until every station has made what is wanted."""
        agenda, fabric, looks = self.agenda, self.fabric, self.looks
        while self.missing:
            now = min(agenda.next_time(), fabric.next_end())
            if now == inf:
                raise AicError(told_deadlock(self.stations, self.post.mail))
            agenda.now = now
            for current in fabric.advance(now):
                self._arrived(current)
            agenda.happen()
            while looks:
                self._look(looks.popleft())
        fabric.settle()
        return [station.made for station in self.stations]

    def _begin(self, station: Station) -> None:
        """The next inference of a station begins."""
        station.begin(self.agenda.now)
        self.looks.extend(station.queues)
        if not station.program.works:
            self._end(station)

    def _end(self, station: Station) -> None:
        """A station has made an inference; it goes on, unless that took no time, which it would do for ever."""
        station.end(self.agenda.now, self.fabric)
        self.missing -= len(station.made) == self.wanted
        self.post.freed(station.number)
        if len(station.made) < self.wanted or (self.goes_on and station.made[-1].cycles > 0):
            self._begin(station)

    def _look(self, queue: CoreQueue) -> None:
        """Starts what can start at the head of a queue; otherwise sees to it that the queue is looked at again."""
        station, now, own = self.stations[queue.station], self.agenda.now, queue.own
        inference, order, prices = station.inference, queue.order, station.program.prices
        while inference is not None and inference is station.inference and queue.position < len(order):
            step = order[queue.position]
            price = prices[step][own]
            ready = queue.free_for(price)
            if ready <= now:
                ready = self._ready(station, queue, step, ready)
            if ready > now:
                if ready < inf:
                    self.agenda.at(ready, self.looks.append, queue)
                return
            queue.take(price, now)
            self._start(station, queue, step, price)

    def _ready(self, station: Station, queue: CoreQueue, step: int, ready: float) -> float:
        """When a step can start, infinity when that is not known yet: then a signal will bring the queue back.
        `ready`: when what it takes is free.
        """
        inference, program = station.inference, station.program
        assert inference is not None
        for wait in program.counting.waits[step]:
            since = inference.signals.holds_since(wait, queue)
            if since == inf:
                return inf
            if since > ready:
                ready = since
        if program.kinds[step] is Kind.SENDS and queue.own == 0 and ready <= self.agenda.now:
            work = program.works[step]
            assert isinstance(work, Sending)
            return ready if self.post.mail.has_place(work.channel, inference.number, queue) else inf
        return ready

    def _start(self, station: Station, queue: CoreQueue, step: int, price: Price) -> None:
        kind = station.program.kinds[step]
        if kind is Kind.WORK:
            self._compute(station, queue.own, step, price)
            return
        if kind is Kind.MOVES:
            self._issue(station, queue, step, price)
        elif queue.own == 0:
            queue.core.issue += price.queue
            self._issue_mail(station, step)
        self._part_done(station, queue.own, step)

    def _compute(self, station: Station, own: int, step: int, price: Price) -> None:
        now, (taken, hmx, hvx, _) = self.agenda.now, price
        inference = station.inference
        assert inference is not None
        if hmx:
            inference.intervals.append((own, "hmx", step, now, now + hmx))
        if hvx:
            inference.intervals.append((own, "hvx", step, now, now + hvx))
        if taken:
            self.agenda.at(now + taken, self._part_done, station, own, step)
        else:
            self._part_done(station, own, step)

    def _issue(self, station: Station, queue: CoreQueue, step: int, price: Price) -> None:
        work = station.program.works[step]
        assert isinstance(work, Moves)
        if work.flows[queue.own]:
            queue.core.issue += price.queue
            latency = self.latencies[station.program.operations[step]]
            self.agenda.at(self.agenda.now + price.queue + latency, self._flow, station, queue.own, step, work)

    def _flow(self, station: Station, own: int, step: int, work: Moves) -> None:
        """The flows of a core's part of a transfer start."""
        for flow in work.flows[own]:
            self.fabric.start(step, station.first + own, flow, station.first)

    def _issue_mail(self, station: Station, step: int) -> None:
        """The first core sends, or begins to wait for what comes."""
        work, inference = station.program.works[step], station.inference
        assert inference is not None
        if isinstance(work, Sending):
            self.post.send(work.channel)
        elif isinstance(work, Arriving) and self.post.mail.is_there(work.channel, inference.number, step):
            self._received(station, step)

    def _received(self, station: Station, step: int) -> None:
        self._part_done(station, 0, step)

    def _arrived(self, current: Current) -> None:
        """A flow has ended."""
        step = current.step
        if step < 0:
            self.post.ended(current)
            return
        station = self.station_of[current.core]
        own, inference = current.core - station.first, station.inference
        assert inference is not None
        place, begun = step * station.program.cores + own, current.begun
        inference.first_byte[place] = min(begun, inference.first_byte.get(place, inf))
        self._part_done(station, own, step)

    def _part_done(self, station: Station, own: int, step: int) -> None:
        """One part of what a step waits for on a core is done; with the last one the step is complete there."""
        inference, program = station.inference, station.program
        assert inference is not None
        place = step * program.cores + own
        inference.parts_left[place] -= 1
        if inference.parts_left[place]:
            return
        if program.kinds[step] is Kind.MOVES:
            self._moved(station, own, step, inference.first_byte.pop(place, None))
        freed = inference.signals.done(step, own, self.agenda.now)
        if freed:
            self.looks.extend(freed)
        inference.open -= 1
        if not inference.open:
            self._end(station)

    def _moved(self, station: Station, own: int, step: int, begun: float | None) -> None:
        """A core's part of a transfer is complete; it had bytes to move if there is a time when these began to."""
        inference, work = station.inference, station.program.works[step]
        assert inference is not None
        assert isinstance(work, Moves)
        if begun is None:
            return
        inference.intervals.append((own, "dma", step, begun, self.agenda.now))
        for receiver in work.receivers[own]:
            self._part_done(station, receiver, step)


def _programs(seats: Sequence[Seat], hardware: Hardware) -> dict[int, Program]:
    """The programs of plans, by the identities of these."""
    found: dict[int, Program] = {}
    for plan in (seat.plan for seat in seats):
        if id(plan) not in found:
            found[id(plan)] = Program(plan, PriceList(hardware, plan.cores).prices(plan))
    return found


def _latencies(hardware: Hardware) -> dict[str, float]:
    """Cycles from the issue of a transfer to its first byte, by operation."""
    ddr, noc = hardware.ddr_latency_seconds * hardware.core_clock_hertz, hardware.noc_latency_cycles
    return {"load": ddr, "store": ddr, "multicast": ddr + noc, "exchange": noc}
