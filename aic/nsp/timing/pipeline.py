"""What a network in parts achieves that work at the same time, on clusters of a card or on several cards.

Latency: one inference alone, its inputs with all parts when it begins. Throughput: inferences queued; each part begins
the next as soon as it has made one, and waits where a tensor is not there yet or its receiver has no room. What is
measured are inferences after the pipeline has filled.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aic.nsp.timing.clock import under_load
from aic.nsp.timing.engine import Seat, simulate_parts
from aic.nsp.timing.mail import routes_of
from aic.nsp.timing.performance import HostTransfer, Pcie
from aic.nsp.timing.timeline import Timeline
from dialects.channels import PLACES
from dialects.hardware import Hardware

_FILLING = 2 * PLACES
"""Inferences per part of a card until the pipeline is full, and the places between parts as well: parts that share a
card's DDR take longer then."""
_MEASURED = 4
"""Inferences over which the period is taken, behind those."""


@dataclass(frozen=True, slots=True)
class PartTime:
    """A part in an inference of the full pipeline: the timeline, and the cycles of it in which no unit works."""

    timeline: Timeline
    waiting: float

    @property
    def working(self) -> float:
        """Cycles in which some unit works or moves something."""
        return self.timeline.cycles - self.waiting


@dataclass(frozen=True, slots=True)
class PipelinePerformance:
    """Modelled performance of a network's parts, in their order."""

    parts: tuple[PartTime, ...]
    alone: tuple[Timeline, ...]
    """Each part in an inference that has the cards for itself."""
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
    alone = tuple(timelines[0] for timelines in simulate_parts(seats, loaded, 1))
    ideal = [timelines[0] for timelines in simulate_parts(seats, loaded.without_assumed(), 1)]
    pcie = Pcie.of(loaded)
    paces = {"program": _period(made) / loaded.core_clock_hertz, **_host_paces(seats, pcie)}
    pace = max(paces, key=lambda name: paces[name])
    span = _span(alone)
    return PipelinePerformance(
        tuple(PartTime(timelines[-1], _waiting(timelines[-1])) for timelines in made),
        alone,
        loaded,
        pcie.transfers(_most(seats, [seat.plan.from_host for seat in seats])),
        pcie.transfers(_most(seats, [seat.plan.to_host for seat in seats])),
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


def _host_paces(seats: Sequence[Seat], pcie: Pcie) -> dict[str, float]:
    """Seconds per inference that the host link of the busiest card takes in each direction."""
    return {
        "PCIe in": pcie.stream_seconds(_most(seats, [seat.plan.from_host for seat in seats])),
        "PCIe out": pcie.stream_seconds(_most(seats, [seat.plan.to_host for seat in seats])),
    }


def _by_soc(seats: Sequence[Seat], sizes: Sequence[Sequence[int]]) -> list[list[int]]:
    """What passes the host link of each card."""
    socs: dict[int, list[int]] = {}
    for seat, each in zip(seats, sizes, strict=True):
        socs.setdefault(seat.soc, []).extend(each)
    return list(socs.values())


def _most(seats: Sequence[Seat], sizes: Sequence[Sequence[int]]) -> Sequence[int]:
    """The transfers of the card with most to transfer: cards transfer at the same time."""
    return max(_by_soc(seats, sizes), key=sum)
