"""The memories and networks of an SoC as links, and the flows on their way over them as time passes."""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, TypeAlias

from aic.nsp.timing.links import Current, Link, Sharing
from aic.nsp.timing.records import Flow, LinkKind
from dialects.hardware import Hardware

_ROUNDING = 1e-6
_PRECISION = 1e-14
"""Cycles, absolute and per cycle of time, within which a flow that is due has ended: the rounding of sums of times."""
_SAME_RATE = 1e-9
"""Part of a link's rate below which a change is rounding."""

_Uses: TypeAlias = list[tuple[Link, float]]


class _Way(NamedTuple):
    """How a flow moves. `flow` is kept so that its identity stays its own."""

    flow: Flow
    uses: _Uses
    soc: int
    chain: int
    """Number of its chain on the SoC."""
    reached: set[int]
    """The SoCs that it is on, if it passes PCIe."""


@dataclass(slots=True)
class Sample:
    """From `time` on, DDR carries `bytes_per_cycle`."""

    time: float
    bytes_per_cycle: float


@dataclass(slots=True)
class Fabric:
    """All links of the SoCs of a system, numbered one after the other with their cores, and the flows on them.

    What happens on one SoC changes nothing on another but by flows between them.
    """

    links: dict[tuple[LinkKind, int], Link]
    """By kind and number: of a core, of an SoC, or, for uplinks, of a card."""
    socs: list["_Soc"]
    cores: int
    """Of an SoC."""
    cards: list[int]
    """The card that each SoC is on."""
    between: dict[Current, set[int]] = field(default_factory=dict[Current, set[int]])
    """Flows that pass PCIe, and the SoCs that each is on: of a card whose uplink it passes all, as they share that."""
    _changed: set[int] = field(default_factory=set[int])
    """SoCs on which flows have joined or ended since rates were shared out."""
    _now: float = 0.0
    _sharing: Sharing = field(default_factory=Sharing)
    _ways: dict[tuple[int, int], _Way] = field(default_factory=dict[tuple[int, int], _Way])
    """By the flow's identity and the core."""
    _uses: dict[tuple[tuple[Link, float], ...], _Uses] = field(
        default_factory=dict[tuple[tuple[Link, float], ...], _Uses]
    )
    """The lists of links that there are, each once."""

    @staticmethod
    def of(hardware: Hardware, cores: int, devices: Sequence[int] = (0,)) -> "Fabric":
        """The links of SoCs of so many cores, with rates per cycle of the core clock. `devices` are their numbers on
        the host, by which neighbours share a card and its link to the host.
        """
        clock, socs = hardware.core_clock_hertz, len(devices)
        rates: dict[LinkKind, float] = {
            "ddr read port": hardware.ddr_port_bytes_per_second / clock,
            "ddr write port": hardware.ddr_port_bytes_per_second / clock,
            "noc out port": hardware.noc_port_bytes_per_cycle,
            "noc in port": hardware.noc_port_bytes_per_cycle,
            "copy": hardware.dma_copy_bytes_per_cycle,
        }
        shared: dict[LinkKind, float] = {
            "ddr": hardware.ddr_bytes_per_second / clock,
            "pcie out": hardware.p2p_bytes_per_second / clock,
            "pcie in": hardware.p2p_bytes_per_second / clock,
        }
        links: dict[tuple[LinkKind, int], Link] = {
            (kind, core): Link(kind, core, rate) for kind, rate in rates.items() for core in range(cores * socs)
        }
        links |= {(kind, soc): Link(kind, soc, rate) for kind, rate in shared.items() for soc in range(socs)}
        found = [_Soc([], {}, [], [], [], []) for _ in range(socs)]
        for (kind, number), link in links.items():
            found[number if kind in shared else number // cores].links.append(link)
        cards, uplink = [hardware.card_of(device) for device in devices], hardware.uplink_bytes_per_second / clock
        for kind in _UPLINKS:
            for card in dict.fromkeys(cards):
                links[kind, card] = Link(kind, card, uplink)
                found[cards.index(card)].links.append(links[kind, card])
        return Fabric(links, found, cores, cards)

    @property
    def ddr_samples(self) -> list[list[Sample]]:
        """The rates of each SoC's DDR."""
        return [soc.ddr_samples for soc in self.socs]

    def start(self, step: int, core: int, flow: Flow, first: int = 0) -> None:
        """A flow of a core joins now; the flow's own numbers of cores count from `first`. DDR is that of the core's
        SoC, ends of PCIe have the numbers of their SoCs, uplinks those of their cards.
        """
        way = self._ways.get((id(flow), core))
        if way is None:
            way = self._ways[id(flow), core] = self._way(core, flow, first)
        soc = self.socs[way.soc]
        current = Current(step, core, float(flow.bytes), way.uses, way.chain)
        soc.join(current)
        self._changed.add(way.soc)
        if way.reached:
            self.between[current] = way.reached

    def _way(self, core: int, flow: Flow, first: int) -> _Way:
        soc = first // self.cores
        uses = [(self.links[kind, _number(kind, own, first, soc)], part) for kind, own, part in flow.uses]
        uses = self._uses.setdefault(tuple(uses), uses)
        kind = uses[0][0].kind
        reached = set[int]()
        if kind in _BETWEEN:
            reached = {number for link, _ in uses for number in self._on(link)}
        return _Way(flow, uses, soc, self.socs[soc].chain_of(core, kind), reached)

    def next_end(self) -> float:
        """When the next flow ends, if none joins before; infinity when there is none."""
        self.settle()
        left = inf
        for soc in self.socs:
            for current in soc.moving:
                ends = current.left / current.rate
                if ends < left:
                    left = ends
        return self._now + left

    def advance(self, now: float) -> list[Current]:
        """Moves time on, no further than the next end: the flows that have ended."""
        elapsed, self._now = now - self._now, now
        slack = max(_ROUNDING, now * _PRECISION)
        ended: list[Current] = []
        for number, soc in enumerate(self.socs):
            here = soc.carry(elapsed, slack)
            for current in here:
                soc.leave(current)
                self._changed.add(number)
                self._changed.update(self.between.pop(current, ()))
            ended += here
        return ended

    def settle(self) -> None:
        """Shares out the rates of the links anew, where flows have joined or ended, and wherever that matters."""
        if not self._changed:
            return
        numbers = self._connected()
        socs = [self.socs[number] for number in numbers]
        chains = [soc.chains[number] for soc in socs for number in soc.busy]
        moving = self._sharing.share(chains, (link for soc in socs for link in soc.links))
        for soc in socs:
            soc.moving = []
        for current in moving:
            self.socs[current.core // self.cores].moving.append(current)
            if current.begun == inf:
                current.begun = self._now
        self._changed = set()
        for number in numbers:
            self.socs[number].sample(self.links["ddr", number], self._now)

    def _on(self, link: Link) -> Iterable[int]:
        """The SoCs that a link is shared by."""
        if link.kind in _UPLINKS:
            return [soc for soc, card in enumerate(self.cards) if card == link.core]
        return [link.core if link.kind in _SHARED else link.core // self.cores]

    def _connected(self) -> list[int]:
        """The SoCs on which flows have changed, and those that flows over PCIe connect with them."""
        connected = self._changed
        for _ in self.socs:
            before = len(connected)
            for way in self.between.values():
                if not way.isdisjoint(connected):
                    connected |= way
            if len(connected) == before:
                break
        return sorted(connected)


_BETWEEN: tuple[LinkKind, ...] = ("pcie out", "pcie in")
_SHARED: tuple[LinkKind, ...] = ("ddr", *_BETWEEN)
"""Links of which an SoC has one."""
_UPLINKS: tuple[LinkKind, ...] = ("uplink out", "uplink in")
"""Between the SoCs of a card and the host, of which a card has one in each direction."""


@dataclass(slots=True)
class _Soc:
    """The links of one SoC, and the flows that its cores have started."""

    links: list[Link]
    numbers: dict[tuple[int, LinkKind], int]
    """Numbers of the chains of flows, by core and first link."""
    chains: list[list[Current]]
    """The flows of each chain, oldest first."""
    busy: list[int]
    """Numbers of the chains that have flows, in their order."""
    moving: list[Current]
    """Those flows that have a rate."""
    ddr_samples: list[Sample]

    def chain_of(self, core: int, kind: LinkKind) -> int:
        """The number of a chain."""
        number = self.numbers.setdefault((core, kind), len(self.chains))
        if number == len(self.chains):
            self.chains.append([])
        return number

    def join(self, current: Current) -> None:
        """A flow starts."""
        chain = self.chains[current.chain]
        if not chain:
            insort(self.busy, current.chain)
        chain.append(current)

    def leave(self, current: Current) -> None:
        """A flow has ended."""
        chain = self.chains[current.chain]
        chain.remove(current)
        if not chain:
            self.busy.remove(current.chain)

    def carry(self, elapsed: float, slack: float) -> list[Current]:
        """Lets flows move for a time: those that have ended, by so much time as is rounding."""
        ended: list[Current] = []
        for current in self.moving:
            rate = current.rate
            if elapsed > 0:
                current.left -= rate * elapsed
            if current.left <= slack * rate:
                ended.append(current)
        return ended

    def sample(self, ddr: Link, now: float) -> None:
        """Notes the rate of the DDR, if it is another one now."""
        rate = sum([current.rate for current in self.moving if current.uses[0][0] is ddr])
        before = self.ddr_samples[-1].bytes_per_cycle if self.ddr_samples else 0.0
        if abs(rate - before) > _SAME_RATE * ddr.bytes_per_cycle:
            self.ddr_samples.append(Sample(now, rate))


def _number(kind: LinkKind, own: int, first: int, soc: int) -> int:
    match kind:
        case "ddr":
            return soc
        case "pcie out" | "pcie in" | "uplink out" | "uplink in":
            return own
        case _:
            return first + own
