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
    """All links of the SoCs of a system, numbered one after the other with their cores, and the flows on them.

    `chains`: flows by core and first link, oldest first. `moving`: those of them that have a rate.
    """

    links: dict[tuple[LinkKind, int], Link]
    chains: dict[tuple[int, LinkKind], list[Current]] = field(default_factory=dict[tuple[int, LinkKind], list[Current]])
    moving: list[Current] = field(default_factory=list[Current])
    ddr_samples: list[list[Sample]] = field(default_factory=list[list[Sample]])
    """Of each SoC."""
    cores: int = 1
    """Of an SoC."""
    _settled: bool = True
    _now: float = 0.0

    @staticmethod
    def of(hardware: Hardware, cores: int, socs: int = 1) -> "Fabric":
        """The links of SoCs of so many cores, with rates per cycle of the core clock."""
        clock = hardware.core_clock_hertz
        rates: dict[LinkKind, float] = {
            "ddr read port": hardware.ddr_port_bytes_per_second / clock,
            "ddr write port": hardware.ddr_port_bytes_per_second / clock,
            "noc out port": hardware.noc_port_bytes_per_cycle,
            "noc in port": hardware.noc_port_bytes_per_cycle,
            "copy": hardware.dma_copy_bytes_per_cycle,
        }
        links: dict[tuple[LinkKind, int], Link] = {
            (kind, core): Link(kind, core, rate) for kind, rate in rates.items() for core in range(cores * socs)
        }
        shared: dict[LinkKind, float] = {
            "ddr": hardware.ddr_bytes_per_second / clock,
            "pcie out": hardware.p2p_bytes_per_second / clock,
            "pcie in": hardware.p2p_bytes_per_second / clock,
        }
        links |= {(kind, soc): Link(kind, soc, rate) for kind, rate in shared.items() for soc in range(socs)}
        return Fabric(links, ddr_samples=[[] for _ in range(socs)], cores=cores)

    def start(self, step: int, core: int, flow: Flow, first: int = 0) -> None:
        """A flow of a core joins now; the flow's own numbers of cores count from `first`. DDR is that of the core's
        SoC, ends of PCIe have the numbers of their SoCs.
        """
        soc = first // self.cores
        uses = [(self.links[kind, _number(kind, own, first, soc)], part) for kind, own, part in flow.uses]
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
        for soc, samples in enumerate(self.ddr_samples):
            ddr = self.links["ddr", soc]
            rate = sum([current.rate for current in self.moving if current.uses[0][0] is ddr])
            before = samples[-1].bytes_per_cycle if samples else 0.0
            if abs(rate - before) > _SAME_RATE * ddr.bytes_per_cycle:
                samples.append(Sample(self._now, rate))


def _number(kind: LinkKind, own: int, first: int, soc: int) -> int:
    match kind:
        case "ddr":
            return soc
        case "pcie out" | "pcie in":
            return own
        case _:
            return first + own
