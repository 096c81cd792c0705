"""Links that carry bytes, and how the flows on them share their rates.

A core has one DMA engine, which works through its transfers in the order of their issue: an older flow of a core takes
what it can of its links, a younger one what that leaves. Between cores the share is max-min fair: the rates of the
cores' oldest flows grow together until a link is full; the flows on it keep their rate and the others grow on; then
the second oldest follow with what is left. A flow passes all its links at the same time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from aic.nsp.timing.records import Flow, LinkKind
from dialects.hardware import Hardware


@dataclass(eq=False, slots=True)
class Link:
    """The DDR, or a port of a core. `busy` are the cycles in which it carried something, `bytes` what it carried."""

    kind: LinkKind
    core: int
    bytes_per_cycle: float
    bytes: float = 0.0
    busy: float = 0.0
    free: float = 0.0
    """While rates are shared out: what no flow has yet."""
    demand: float = 0.0
    """While rates are shared out: the sum of the parts of growing flows."""
    least: float = field(init=False)
    """A free rate up to which the link counts as full: the rounding of sums."""

    def __post_init__(self) -> None:
        self.least = 0.0 if self.bytes_per_cycle == inf else _FULL * self.bytes_per_cycle


@dataclass(eq=False, slots=True)
class Current:
    """A flow on its way: what is left of it, its rate in bytes per cycle, and when its first byte moved."""

    step: int
    core: int
    left: float
    uses: list[tuple[Link, float]]
    rate: float = 0.0
    begun: float = inf


@dataclass(slots=True)
class Sample:
    """From `time` on, DDR carries `bytes_per_cycle`."""

    time: float
    bytes_per_cycle: float


@dataclass(slots=True)
class Fabric:
    """All links of a card and the flows on them."""

    links: dict[tuple[LinkKind, int], Link]
    currents: list[Current] = field(default_factory=list["Current"])
    ddr_samples: list[Sample] = field(default_factory=list["Sample"])
    _settled: bool = True
    _now: float = 0.0

    @staticmethod
    def of(hardware: Hardware, cores: int) -> "Fabric":
        """The links of one SoC, with rates per cycle of the core clock."""
        clock = hardware.core_clock_hertz
        rates: dict[LinkKind, float] = {
            "ddr read port": hardware.ddr_port_bytes_per_second / clock,
            "ddr write port": hardware.ddr_port_bytes_per_second / clock,
            "noc out port": hardware.noc_port_bytes_per_cycle,
            "noc in port": hardware.noc_port_bytes_per_cycle,
            "copy": hardware.dma_copy_bytes_per_cycle,
        }
        links: dict[tuple[LinkKind, int], Link] = {
            (kind, core): Link(kind, core, rate) for kind, rate in rates.items() for core in range(cores)
        }
        links["ddr", 0] = Link("ddr", 0, hardware.ddr_bytes_per_second / clock)
        return Fabric(links)

    def start(self, step: int, core: int, flow: Flow) -> None:
        """A flow joins now."""
        uses = [(self.links[kind, index], part) for kind, index, part in flow.uses]
        for link, part in uses:
            link.bytes += flow.bytes * part
        self.currents.append(Current(step, core, float(flow.bytes), uses))
        self._settled = False

    def next_end(self) -> float:
        """When the next flow ends, if none joins before; infinity when there is none."""
        if not self.currents:
            return inf
        if not self._settled:
            self._settle()
        return self._now + min(current.left / current.rate for current in self.currents if current.rate)

    def advance(self, now: float) -> list[Current]:
        """Moves time on, no further than the next end: the flows that have ended."""
        elapsed, self._now = now - self._now, now
        if not self.currents:
            return []
        if elapsed > 0:
            self._carry(elapsed)
        slack = max(_ROUNDING, now * _PRECISION)
        ended = [current for current in self.currents if current.left <= slack * current.rate]
        if ended:
            self.currents = [current for current in self.currents if current.left > slack * current.rate]
            self._settled = False
            if not self.currents:
                self._settle()
        return ended

    def _carry(self, elapsed: float) -> None:
        carrying: set[int] = set()
        for current in self.currents:
            if not current.rate:
                continue
            current.left -= current.rate * elapsed
            for link, _ in current.uses:
                if id(link) not in carrying:
                    carrying.add(id(link))
                    link.busy += elapsed

    def _settle(self) -> None:
        share(self.currents)
        self._settled = True
        for current in self.currents:
            if current.rate and current.begun == inf:
                current.begun = self._now
        ddr = self.links["ddr", 0]
        rate = sum(current.rate for current in self.currents if current.uses[0][0] is ddr)
        before = self.ddr_samples[-1].bytes_per_cycle if self.ddr_samples else 0.0
        if abs(rate - before) > _SAME_RATE * ddr.bytes_per_cycle:
            self.ddr_samples.append(Sample(self._now, rate))


_ROUNDING = 1e-6
_PRECISION = 1e-14
"""Cycles, absolute and per cycle of time, within which a flow that is due has ended: the rounding of sums of times."""
_SAME_RATE = 1e-9
"""Part of a link's rate below which a change is rounding."""


def share(currents: Iterable[Current]) -> None:
    """Sets the rates of flows: by age within their cores, max-min fair among flows of the same rank."""
    ranks: list[list[Current]] = []
    ages: dict[int, int] = {}
    for current in currents:
        rank = ages.get(current.core, 0)
        ages[current.core] = rank + 1
        if rank == len(ranks):
            ranks.append([])
        ranks[rank].append(current)
        for link, _ in current.uses:
            link.free = link.bytes_per_cycle
    for group in ranks:
        _fill(group)


def _fill(group: Iterable[Current]) -> None:
    """Shares what is free of the links among some flows, and takes it from what is free."""
    growing: list[Current] = []
    for current in group:
        current.rate = 0.0
        if all(link.free > link.least for link, _ in current.uses):
            growing.append(current)
    rate = 0.0
    while growing:
        links = _add_up_demand(growing)
        growth = min(link.free / link.demand for link in links)
        rate += growth
        for current in growing:
            current.rate = rate
        if rate == inf:  # links without a limit, in a description without its assumed numbers
            return
        for link in links:
            link.free -= growth * link.demand
        growing = [c for c in growing if all(link.free > link.least for link, _ in c.uses)]


def _add_up_demand(currents: Iterable[Current]) -> list[Link]:
    """The links that some flows use, each with the sum of the flows' parts on it."""
    for current in currents:
        for link, _ in current.uses:
            link.demand = 0.0
    links: list[Link] = []
    for current in currents:
        for link, part in current.uses:
            if not link.demand:
                links.append(link)
            link.demand += part
    return links


_FULL = 1e-12
"""Part of a link's rate that counts as nothing left."""
