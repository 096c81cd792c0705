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
    """The DDR, or a port of a core."""

    kind: LinkKind
    core: int
    bytes_per_cycle: float
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

    `uses`: its links, each with the part of its bytes that passes. `chain`: the number of the chain that it is in.
    """

    step: int
    core: int
    left: float
    uses: list[tuple[Link, float]]
    chain: int = 0
    rate: float = 0.0
    begun: float = inf


class Sharing:
    """Shares out rates, and remembers them: programs repeat themselves, and flows on the same links in the same order
    have the same rates. Flows on the same links must have the same object as their `uses`.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], list[tuple[int, int, float]]] = {}
        """By the chains' flows: which flow of which chain has which rate."""

    def share(self, chains: Sequence[Sequence[Current]], links: Iterable[Link]) -> list[Current]:
        """Sets the rates of the flows that get one, and returns these. A chain has a flow at least, and its flows have
        their first link in common.
        """
        key = _key(chains)
        known = self._known.get(key)
        if known is None:
            moving, depth = _shared(chains, links)
            if depth <= _DEPTH:
                self._remember(key, chains, moving)
            return moving
        moving: list[Current] = []
        for number, age, rate in known:
            current = chains[number][age]
            current.rate = rate
            moving.append(current)
        return moving

    def _remember(self, key: tuple[int, ...], chains: Sequence[Sequence[Current]], moving: Sequence[Current]) -> None:
        if len(self._known) == _MOST_KNOWN:
            self._known.clear()
        places = {id(each): (n, age) for n, chain in enumerate(chains) for age, each in enumerate(chain[:_DEPTH])}
        self._known[key] = [(*places[id(current)], current.rate) for current in moving]


_DEPTH = 2
"""Flows of each chain by which rates are remembered. Those behind the second one nearly never get anything."""
_MOST_KNOWN = 1 << 14


def _key(chains: Iterable[Sequence[Current]]) -> tuple[int, ...]:
    """What rates follow from: the links of the first flows of each chain, and whether there are more."""
    key: list[int] = []
    for chain in chains:
        key.append(id(chain[0].uses))
        if len(chain) > 1:
            key += (-len(chain) if len(chain) < _DEPTH else -_DEPTH - (len(chain) > _DEPTH), id(chain[1].uses))
    return tuple(key)


def share(chains: Sequence[Sequence[Current]], links: Iterable[Link]) -> list[Current]:
    """As `Sharing.share`, with nothing remembered."""
    return _shared(chains, links)[0]


def _shared(chains: Sequence[Sequence[Current]], links: Iterable[Link]) -> tuple[list[Current], int]:
    """The flows that get a rate, and how many of a chain were looked at."""
    for link in links:
        link.free = link.bytes_per_cycle
    moving: list[Current] = []
    waiting, age = chains, 0
    while waiting:
        moving += _fill([chain[age] for chain in waiting])
        age += 1
        waiting = [chain for chain in waiting if len(chain) > age and _has_room(chain[0].uses[0][0])]
    return moving, age


def _has_room(link: Link) -> bool:
    return link.free > link.least


def _fill(group: Iterable[Current]) -> list[Current]:
    """Shares what is free of the links among some flows, and takes it from what is free: the flows that get some."""
    moving = growing = _with_room(group)
    rate = 0.0
    while growing:
        links = _add_up_demand(growing)
        growth = min([link.free / link.demand for link in links])
        rate += growth
        for current in growing:
            current.rate = rate
        if rate == inf:  # links without a limit, in a description without its assumed numbers
            break
        for link in links:
            link.free -= growth * link.demand
        growing = _with_room(growing)
    return moving


def _with_room(currents: Iterable[Current]) -> list[Current]:
    """The flows of which no link is full."""
    found: list[Current] = []
    for current in currents:
        for link, _ in current.uses:
            if link.free <= link.least:
                break
        else:
            found.append(current)
    return found


def _add_up_demand(currents: Iterable[Current]) -> list[Link]:
    """The links that some flows use, each with the sum of the flows' parts on it."""
    links: dict[Link, float] = {}
    for current in currents:
        for link, part in current.uses:
            links[link] = links.get(link, 0.0) + part
    for link, demand in links.items():
        link.demand = demand
    return [*links]
