"""The way of what parts send each other: out of the sender's card, by the host or not, and into the receiver's."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aic.nsp.timing.agenda import Agenda
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.links import Current
from aic.nsp.timing.mail import Mail, Route, routes_of
from aic.nsp.timing.records import Flow, Use
from aic.nsp.timing.signals import Waiter
from aic.nsp.timing.station import Station
from aic.nsp.timing.timeline import Crossing
from dialects.hardware import Hardware


class Post:
    """Carries tensors between stations.

    `wake`: told of queues that may go on. `arrived`: told which step of which station has its tensor.
    """

    def __init__(
        self,
        stations: Sequence[Station],
        hardware: Hardware,
        agenda: Agenda,
        fabric: Fabric,
        wake: Callable[[Waiter], None],
        arrived: Callable[[Station, int], None],
    ) -> None:
        self.crossings: list[Crossing] = []
        """What stations have sent each other, in the order of arrival."""
        self.mail = Mail(routes_of([station.seat.plan for station in stations]))
        self._stations, self._agenda, self._fabric = stations, agenda, fabric
        self._wake, self._arrived = wake, arrived
        self._flows = {channel: self._flows_of(route) for channel, route in self.mail.routes.items()}
        """By channel, out of the sender's card and into the receiver's: the same objects for every tensor."""
        clock = hardware.core_clock_hertz
        self._ddr_latency = hardware.ddr_latency_seconds * clock
        self._relay_latency = hardware.relay_latency_seconds * clock
        self._p2p_latency = hardware.p2p_latency_seconds * clock

    def send(self, channel: int) -> None:
        """A tensor is ready to leave."""
        if self.mail.send(channel):
            self._depart(channel)

    def freed(self, station: int) -> None:
        """A station has made an inference, and reads what it was sent for it no more."""
        for channel in self.mail.freed(station):
            self._depart(channel)

    def ended(self, current: Current) -> None:
        """A flow that stands for a tensor on its way has ended."""
        channel, relayed = _on_its_way(current.step)
        self.crossings.append(Crossing(*self.mail.routes[channel], relayed, current.begun, self._agenda.now))
        (self._deliver if relayed else self._departed)(channel)

    def _depart(self, channel: int) -> None:
        """A tensor begins to leave: read by the DMA of the sender's first core, a latency after it may."""
        self._agenda.at(self._agenda.now + self._ddr_latency, self._move_out, channel)

    def _move_out(self, channel: int) -> None:
        """The bytes of a tensor begin to move out of the sender's card."""
        first = self._stations[self.mail.routes[channel].sender].first
        self._fabric.start(_under_way(channel, relayed=False), first, self._flows[channel][0], first)

    def _move_in(self, channel: int) -> None:
        """The bytes of a tensor begin to move from the host to the receiver's card."""
        first = self._stations[self.mail.routes[channel].receiver].first
        self._fabric.start(_under_way(channel, relayed=True), first, self._flows[channel][1], first)

    def _flows_of(self, route: Route) -> tuple[Flow, Flow]:
        sender, receiver = (self._end(self._stations[seat]) for seat in (route.sender, route.receiver))
        return Flow(route.bytes, _departure(route, sender, receiver)), Flow(route.bytes, _arrival(receiver))

    def _end(self, station: Station) -> "_End":
        return _End(station.soc, self._fabric.cards[station.soc])

    def _departed(self, channel: int) -> None:
        """A tensor has left its sender."""
        agenda = self._agenda
        match self.mail.routes[channel].link:
            case "host":
                agenda.at(agenda.now + self._relay_latency, self._move_in, channel)
            case "p2p":
                agenda.at(agenda.now + self._p2p_latency, self._deliver, channel)
            case "ddr":
                self._deliver(channel)
        starts, freed = self.mail.departed(channel)
        for queue in freed:
            self._wake(queue)
        if starts:
            self._depart(channel)

    def _deliver(self, channel: int) -> None:
        """A tensor is there."""
        step = self.mail.delivered(channel)
        if step is not None:
            self._arrived(self._stations[self.mail.routes[channel].receiver], step)


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
