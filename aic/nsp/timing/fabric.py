"""The memories and networks of an SoC as links, and the flows on their way over them as time passes."""

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
    """All links of an SoC and the flows on them.

    `chains`: flows by core and first link, oldest first. `moving`: those of them that have a rate.
    """

    links: dict[tuple[LinkKind, int], Link]
    chains: dict[tuple[int, LinkKind], list[Current]] = field(default_factory=dict[tuple[int, LinkKind], list[Current]])
    moving: list[Current] = field(default_factory=list[Current])
    ddr_samples: list[Sample] = field(default_factory=list[Sample])
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

    def start(self, step: int, core: int, flow: Flow, first: int = 0) -> None:
        """A flow of a core of the SoC joins now; the flow's own numbers of cores count from `first`."""
        uses = [(self.links[kind, 0 if kind == "ddr" else first + own], part) for kind, own, part in flow.uses]
        current = Current(step, core, float(flow.bytes), uses)
        self.chains.setdefault((core, uses[0][0].kind), []).append(current)
        self._settled = False

    def next_end(self) -> float:
        """When the next flow ends, if none joins before; infinity when there is none."""
        self.settle()
        if not self.moving:
            return inf
        return self._now + min([current.left / current.rate for current in self.moving])

    def advance(self, now: float) -> list[Current]:
        """Moves time on, no further than the next end: the flows that have ended."""
        elapsed, self._now = now - self._now, now
        if elapsed > 0:
            self._carry(elapsed)
        slack = max(_ROUNDING, now * _PRECISION)
        ended = [current for current in self.moving if current.left <= slack * current.rate]
        for current in ended:
            self.chains[current.core, current.uses[0][0].kind].remove(current)
            self._settled = False
        return ended

    def _carry(self, elapsed: float) -> None:
        carrying: dict[int, Link] = {}
        for current in self.moving:
            current.left -= current.rate * elapsed
            for link, _ in current.uses:
                carrying[id(link)] = link
        for link in carrying.values():
            link.busy += elapsed

    def settle(self) -> None:
        """Shares out the rates of the links anew, where flows have joined or ended."""
        if self._settled:
            return
        self.moving = share(self.chains.values(), self.links.values())
        self._settled = True
        for current in self.moving:
            if current.begun == inf:
                current.begun = self._now
        ddr = self.links["ddr", 0]
        rate = sum([current.rate for current in self.moving if current.uses[0][0] is ddr])
        before = self.ddr_samples[-1].bytes_per_cycle if self.ddr_samples else 0.0
        if abs(rate - before) > _SAME_RATE * ddr.bytes_per_cycle:
            self.ddr_samples.append(Sample(self._now, rate))
