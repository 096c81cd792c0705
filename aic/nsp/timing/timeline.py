"""What happened when: the result of the timing engine as plain data.

Times are cycles of the core clock from the beginning of the inference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from aic.nsp.timing.fabric import Sample
from aic.nsp.timing.prices import Price
from aic.nsp.timing.records import Kernel, LinkKind, Moves, Plan
from dialects.channels import Link as Passage
from dialects.hardware import Hardware

Unit: TypeAlias = Literal["hmx", "hvx", "dma"]


class Interval(NamedTuple):
    """A unit of a core at work on a step of the plan. On `dma`: a transfer, from its first byte to its completion."""

    core: int
    unit: Unit
    step: int
    start: float
    end: float


class Traffic(NamedTuple):
    """Bytes that pass a link in one inference, and the link's rate."""

    kind: LinkKind
    core: int
    bytes: float
    bytes_per_cycle: float


class Crossing(NamedTuple):
    """A tensor on its way from one part of a network to another, which go by numbers: from its first byte to its last.
    By way of the host it is two of them, of which the second is `relayed`.
    """

    channel: int
    link: Passage
    sender: int
    receiver: int
    bytes: int
    relayed: bool
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """One inference of a plan. `issue[c]` are the cycles in which core c's DMA engine issued transfers."""

    plan: Plan
    hardware: Hardware
    prices: Sequence[Sequence[Price]]
    begin: float
    """When the inference begins, in the time that it shares with those of other instances."""
    cycles: float
    intervals: Sequence[Interval]
    links: Sequence[Traffic]
    ddr_samples: Sequence[Sample]
    """The rate of DDR, of all instances together, in the time that they share."""
    issue: Sequence[float]

    @property
    def seconds(self) -> float:
        """Time from the first instruction's start to the last one's completion."""
        return self.cycles / self.hardware.core_clock_hertz

    def busy(self, unit: Unit) -> list[float]:
        """Cycles in which each core's unit was at work; of DMA, in which it issued."""
        if unit == "dma":
            return list(self.issue)
        totals = [0.0] * self.plan.cores
        for interval in self.intervals:
            if interval.unit == unit:
                totals[interval.core] += interval.end - interval.start
        return totals

    def carried(self, kind: LinkKind) -> float:
        """Bytes that passed all links of a kind."""
        return sum(link.bytes for link in self.links if link.kind == kind)

    def link_utilisation(self, kind: LinkKind) -> float:
        """Bytes that passed the links of a kind, as a part of what they could have carried in the time."""
        links = [link for link in self.links if link.kind == kind]
        capacity = sum(link.bytes_per_cycle for link in links) * self.cycles
        return sum(link.bytes for link in links) / capacity if capacity else 0.0

    @property
    def ddr_read_bytes(self) -> float:
        """Bytes read from DDR, by transfers and by kernels that read their operands in place."""
        kernels = (step.work for step in self.plan.steps if isinstance(step.work, Kernel))
        return self.carried("ddr read port") + sum(sum(kernel.ddr_bytes) for kernel in kernels)

    @property
    def ddr_write_bytes(self) -> float:
        """Bytes written to DDR."""
        return self.carried("ddr write port")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all cores, without the padding of tiles."""
        return sum(price.macs for prices in self.prices for price in prices)


def traffic(plan: Plan, rates: Mapping[tuple[LinkKind, int], float]) -> tuple[Traffic, ...]:
    """What one inference of a plan moves over links of these rates (bytes per cycle)."""
    carried = dict.fromkeys(rates, 0.0)
    for step in plan.steps:
        for flow in chain.from_iterable(step.work.flows if isinstance(step.work, Moves) else ()):
            for kind, core, part in flow.uses:
                carried[kind, core] += flow.bytes * part
    return tuple(Traffic(kind, core, carried[kind, core], rate) for (kind, core), rate in rates.items())
