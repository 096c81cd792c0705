"""What a network in parts achieves that work at the same time, on clusters of a card or on several cards.

Latency: one inference alone, its inputs with all parts when it begins. Throughput: inferences queued; each part begins
the next as soon as it has made one, and waits where a tensor is not there yet or its receiver has no room. What is
measured are inferences after the pipeline has filled.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aic.nsp.timing.clock import under_load
from aic.nsp.timing.engine import simulate_alone, simulate_parts
from aic.nsp.timing.mail import routes_of
from aic.nsp.timing.performance import HostTransfer, Pcie
from aic.nsp.timing.station import Seat
from aic.nsp.timing.timeline import Crossing, Timeline
from dialects.channels import PLACES
from dialects.hardware import Hardware

_FILLING = 2 * PLACES
"""Inferences per part of a card until the pipeline is full, and the places between parts as well: parts that share a
card's DDR take longer then."""
_MEASURED = 4
"""Inferences over which the period is taken, behind those."""


@dataclass(frozen=True, slots=True)
class PartTime:
    """A part in the full pipeline: the timeline of its last inference, and cycles of the mean of those measured.
    `device` is the number of the host's device that it runs on, and `first_core` its first core there.
    """

    timeline: Timeline
    working: float
    """In which some unit works or moves something."""
    waiting: float
    """In which none does."""
    name: str
    device: int
    first_core: int

    @staticmethod
    def of(seat: Seat, timelines: Sequence[Timeline]) -> "PartTime":
        """What a part takes on its seat by its timelines. Where parts share a card's DDR, they differ."""
        waits = [_waiting(timeline) for timeline in timelines]
        waiting = sum(waits) / len(waits)
        working = sum(each.cycles for each in timelines) / len(waits) - waiting
        return PartTime(timelines[-1], working, waiting, seat.name, seat.soc, seat.first)


@dataclass(frozen=True, slots=True)
class PipelinePerformance:
    """Modelled performance of a network's parts, in their order."""

    parts: tuple[PartTime, ...]
    alone: tuple[Timeline, ...]
    """Each part in an inference that has the cards for itself."""
    crossings: tuple[Crossing, ...]
    """What the parts send each other in that."""
    hardware: Hardware
    inputs: tuple[HostTransfer, ...]
    outputs: tuple[HostTransfer, ...]
    period_seconds: float
    pace: str
    assumed_share: float

    @property
    def instances(self) -> int:
        """How many of the network are at work."""
        return 1

    @property
    def program_seconds(self) -> float:
        """From the first part's start to the last one's end, of an inference alone."""
        return _span(self.alone) / self.hardware.core_clock_hertz

    @property
    def latency_seconds(self) -> float:
        """From the host's request to the arrival of the outputs, nothing else under way."""
        transfers = sum(transfer.seconds for transfer in (*self.inputs, *self.outputs))
        return self.program_seconds + transfers

    @property
    def inferences_per_second(self) -> float:
        """Steady state, inferences queued."""
        return 1 / self.period_seconds if self.period_seconds else 0.0


def measure_parts(seats: Sequence[Seat], hardware: Hardware) -> PipelinePerformance:
    """Simulates parts in a full pipeline at the highest clock, at that under the load found, alone, and without the
    assumed numbers. Raises AicError like `simulate_parts`.
    """
    loaded = _under_load(seats, hardware, _filled(seats, hardware))
    made = _filled(seats, loaded)
    alone, crossings = simulate_alone(seats, loaded)
    ideal, _ = simulate_alone(seats, loaded.without_assumed())
    inputs, outputs = [seat.plan.from_host for seat in seats], [seat.plan.to_host for seat in seats]
    paces = {"program": _period(made) / loaded.core_clock_hertz}
    paces |= _host_paces("in", seats, inputs, loaded) | _host_paces("out", seats, outputs, loaded)
    pace = max(paces, key=lambda name: paces[name])
    span = _span(alone)
    return PipelinePerformance(
        tuple(PartTime.of(seat, timelines[-_MEASURED:]) for seat, timelines in zip(seats, made, strict=True)),
        tuple(alone),
        tuple(crossings),
        loaded,
        _host_transfers(seats, inputs, loaded),
        _host_transfers(seats, outputs, loaded),
        paces[pace],
        pace,
        max(0.0, 1 - _span(ideal) / span) if span else 0.0,
    )


def _filled(seats: Sequence[Seat], hardware: Hardware) -> list[list[Timeline]]:
    most = max(Counter(seat.soc for seat in seats).values())
    wanted = _MEASURED + (_FILLING * most if most > 1 else _stages(seats))
    made = simulate_parts(seats, hardware, wanted, goes_on=True)
    return [timelines[:wanted] for timelines in made]


def _stages(seats: Sequence[Seat]) -> int:
    """How many parts an inference passes one after the other; parts that send to each other go together."""
    routes = routes_of([seat.plan for seat in seats]).values()
    after = {(route.sender, route.receiver) for route in routes}
    depth = [1] * len(seats)
    for _ in seats:
        for sender, receiver in after:
            if (receiver, sender) not in after:
                depth[receiver] = max(depth[receiver], min(depth[sender] + 1, len(seats)))
    return max(depth)


def _period(made: Sequence[Sequence[Timeline]]) -> float:
    """Cycles from one inference to the next, by the part that ends last."""
    last = max(made, key=lambda timelines: _end(timelines[-1]))
    return (_end(last[-1]) - _end(last[-1 - _MEASURED])) / _MEASURED


def _end(timeline: Timeline) -> float:
    return timeline.begin + timeline.cycles


def _span(timelines: Iterable[Timeline]) -> float:
    return max((_end(timeline) for timeline in timelines), default=0.0)


def _under_load(seats: Sequence[Seat], hardware: Hardware, made: Sequence[Sequence[Timeline]]) -> Hardware:
    """The hardware at the clock of the SoC with most to do; all are modelled at one clock."""
    period = _period(made)
    socs: dict[int, list[Timeline]] = {}
    for seat, timelines in zip(seats, made, strict=True):
        socs.setdefault(seat.soc, []).append(replace(timelines[-1], cycles=period))
    return min((under_load(hardware, timelines) for timelines in socs.values()), key=lambda each: each.core_clock_hertz)


def _waiting(timeline: Timeline) -> float:
    """Cycles of an inference in which no unit of a part's cores works and no transfer is under way."""
    covered = until = 0.0
    for interval in sorted(timeline.intervals, key=lambda interval: interval.start):
        covered += max(interval.end - max(interval.start, until), 0.0)
        until = max(interval.end, until)
    return max(timeline.cycles - covered, 0.0)


def _host_paces(
    way: str, seats: Sequence[Seat], sizes: Sequence[Sequence[int]], hardware: Hardware
) -> dict[str, float]:
    """Seconds per inference that the busiest links to the host take in one direction: that of a device, and that of a
    card, which its devices share.
    """
    pcie, devices = Pcie.of(hardware), _by_device(seats, sizes)
    cards: Counter[int] = Counter()
    for device, each in devices.items():
        cards[hardware.card_of(device)] += sum(each)
    return {
        f"PCIe {way}": max(pcie.stream_seconds(each) for each in devices.values()),
        f"uplink {way}": max(cards.values()) / hardware.uplink_bytes_per_second,
    }


def _host_transfers(
    seats: Sequence[Seat], sizes: Sequence[Sequence[int]], hardware: Hardware
) -> tuple[HostTransfer, ...]:
    """The transfers of the device that takes longest: all transfer at the same time, and those of a card share its
    uplink evenly.
    """
    pcie, devices = Pcie.of(hardware), _by_device(seats, sizes)
    sharing = Counter(hardware.card_of(device) for device, each in devices.items() if each)
    found = [
        replace(pcie, bytes_per_second=min(pcie.bytes_per_second, hardware.uplink_bytes_per_second / share)).transfers(
            devices[device]
        )
        for device in devices
        if (share := sharing[hardware.card_of(device)])
    ]
    return max(found, key=lambda transfers: sum(transfer.seconds for transfer in transfers), default=())


def _by_device(seats: Sequence[Seat], sizes: Sequence[Sequence[int]]) -> dict[int, list[int]]:
    """What passes the host link of each device."""
    devices: dict[int, list[int]] = {}
    for seat, each in zip(seats, sizes, strict=True):
        devices.setdefault(seat.soc, []).extend(each)
    return devices
