"""The memories and networks of an SoC as links, and the flows on their way over them as time passes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from aic.nsp.timing.links import Current, Link, share
from aic.nsp.timing.records import Flow, LinkKind
from dialects.hardware import Hardware

_ROUNDING = 1e-6
_PRECISION = 1e-14
"""Cycles, absolute and per cycle of time, within which a flow that is due has ended: the rounding of sums of times."""
_SAME_RATE = 1e-9
"""Part of a link's rate below which a change is rounding."""


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
    between: list[Current] = field(default_factory=list[Current])
    """Flows that pass PCIe."""
    _changed: set[int] = field(default_factory=set[int])
    """SoCs on which flows have joined or ended since rates were shared out."""
    _now: float = 0.0

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
        found = [_Soc([], {}, [], []) for _ in range(socs)]
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
        soc = first // self.cores
        uses = [(self.links[kind, _number(kind, own, first, soc)], part) for kind, own, part in flow.uses]
        current = Current(step, core, float(flow.bytes), uses)
        self.socs[soc].chains.setdefault((core, uses[0][0].kind), []).append(current)
        self._changed.add(soc)
        if uses[0][0].kind in _BETWEEN:
            self.between.append(current)

    def next_end(self) -> float:
        """When the next flow ends, if none joins before; infinity when there is none."""
        self.settle()
        ends = [min([current.left / current.rate for current in soc.moving]) for soc in self.socs if soc.moving]
        return self._now + min(ends) if ends else inf

    def advance(self, now: float) -> list[Current]:
        """Moves time on, no further than the next end: the flows that have ended."""
        elapsed, self._now = now - self._now, now
        if elapsed > 0:
            for soc in self.socs:
                soc.carry(elapsed)
        slack = max(_ROUNDING, now * _PRECISION)
        ended: list[Current] = []
        for number, soc in enumerate(self.socs):
            here = [current for current in soc.moving if current.left <= slack * current.rate]
            for current in here:
                soc.chains[current.core, current.uses[0][0].kind].remove(current)
                if current.uses[0][0].kind in _BETWEEN:
                    self.between.remove(current)
                    self._changed.update(self._reached(current))
                self._changed.add(number)
            ended += here
        return ended

    def settle(self) -> None:
        """Shares out the rates of the links anew, where flows have joined or ended, and wherever that matters."""
        if not self._changed:
            return
        connected, grown = set[int](), self._changed
        while grown - connected:
            connected |= grown
            ways = (self._reached(current) for current in self.between)
            grown = connected.union(*(way for way in ways if way & connected))
        socs = [self.socs[number] for number in sorted(connected)]
        chains = [chain for soc in socs for chain in soc.chains.values()]
        for soc in socs:
            soc.moving = []
        for current in share(chains, [link for soc in socs for link in soc.links]):
            self.socs[current.core // self.cores].moving.append(current)
            if current.begun == inf:
                current.begun = self._now
        self._changed = set()
        for number in sorted(connected):
            self.socs[number].sample(self.links["ddr", number], self._now)

    def _reached(self, current: Current) -> set[int]:
        """The SoCs that a flow over PCIe is on: of a card whose uplink it passes all, as they share that."""
        return {soc for link, _ in current.uses for soc in self._on(link)}

    def _on(self, link: Link) -> Iterable[int]:
        if link.kind in _UPLINKS:
            return [soc for soc, card in enumerate(self.cards) if card == link.core]
        return [link.core if link.kind in _SHARED else link.core // self.cores]


_BETWEEN: tuple[LinkKind, ...] = ("pcie out", "pcie in")
_SHARED: tuple[LinkKind, ...] = ("ddr", *_BETWEEN)
"""Links of which an SoC has one."""
_UPLINKS: tuple[LinkKind, ...] = ("uplink out", "uplink in")
"""Between the SoCs of a card and the host, of which a card has one in each direction."""


@dataclass(slots=True)
class _Soc:
    """The links of one SoC, and the flows that its cores have started: by core and first link, oldest first."""

    links: list[Link]
    chains: dict[tuple[int, LinkKind], list[Current]]
    moving: list[Current]
    """Those flows that have a rate."""
    ddr_samples: list[Sample]

    def carry(self, elapsed: float) -> None:
        """Lets flows move for a time."""
        carrying: dict[int, Link] = {}
        for current in self.moving:
            current.left -= current.rate * elapsed
            for link, _ in current.uses:
                carrying[id(link)] = link
        for link in carrying.values():
            link.busy += elapsed

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
