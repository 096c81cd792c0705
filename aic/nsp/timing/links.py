"""Links that carry bytes, and how the flows on them share their rates.

A core's DMA engine works through what it was issued in order: of its flows on one first link (DDR, its NoC port, or its
VTCM) an older one takes what it can, a younger one what that leaves. Between these chains the share is max-min fair:
the rates of the oldest flows grow together until a link is full; the flows on it keep their rate and the others grow
on; then the second oldest follow with what is left. A flow passes all its links at the same time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from aic.nsp.timing.records import LinkKind


@dataclass(eq=False, slots=True)
class Link:
    """The DDR, or a port of a core. `busy` are the cycles in which it carried something."""

    kind: LinkKind
    core: int
    bytes_per_cycle: float
    busy: float = 0.0
    free: float = 0.0
    """While rates are shared out: what no flow has yet."""
    demand: float = 0.0
    """While rates are shared out: the sum of the parts of growing flows."""
    least: float = field(init=False)
    """A free rate up to which the link counts as full: the rounding of sums."""

    def __post_init__(self) -> None:
        self.least = 0.0 if self.bytes_per_cycle == inf else _FULL * self.bytes_per_cycle


_FULL = 1e-12
"""Part of a link's rate that counts as nothing left."""


@dataclass(eq=False, slots=True)
class Current:
    """A flow on its way: what is left of it, its rate in bytes per cycle, and when its first byte moved.

    `uses`: its links, each with the part of its bytes that passes.
    """

    step: int
    core: int
    left: float
    uses: list[tuple[Link, float]]
    rate: float = 0.0
    begun: float = inf


def share(chains: Iterable[Sequence[Current]], links: Iterable[Link]) -> list[Current]:
    """Sets the rates of the flows that get one, and returns these. A chain's flows have their first link in common."""
    for link in links:
        link.free = link.bytes_per_cycle
    moving: list[Current] = []
    waiting = [chain for chain in chains if chain]
    age = 0
    while waiting:
        moving += _fill([chain[age] for chain in waiting])
        age += 1
        waiting = [chain for chain in waiting if len(chain) > age and _has_room(chain[0].uses[0][0])]
    return moving


def _has_room(link: Link) -> bool:
    return link.free > link.least


def _fill(group: Iterable[Current]) -> list[Current]:
    """Shares what is free of the links among some flows, and takes it from what is free: the flows that get some."""
    moving = growing = [current for current in group if all(_has_room(link) for link, _ in current.uses)]
    rate = 0.0
    while growing:
        links = _add_up_demand(growing)
        growth = min(link.free / link.demand for link in links)
        rate += growth
        for current in growing:
            current.rate = rate
        if rate == inf:  # links without a limit, in a description without its assumed numbers
            break
        for link in links:
            link.free -= growth * link.demand
        growing = [current for current in growing if all(_has_room(link) for link, _ in current.uses)]
    return moving


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
