"""Boxes of all cores as numbers: shapes that kernels see, bytes that move, who sends what to whom."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from aic.nsp.timing.records import Flow, Shapes, Use
from dialects.tile.boxes import Box, Integers
from dialects.tile.senders import Bounds, Parts


class Geometry:
    """Evaluates boxes for a number of cores; a box that does not depend on a loop is evaluated once."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self._bounds: dict[tuple[int, tuple[int, ...]], tuple[Box, Bounds]] = {}

    def bounds(self, box: Box, iteration: tuple[int, ...]) -> Bounds:
        """Lower and upper positions [cores, rank]."""
        key = (id(box), iteration)
        found = self._bounds.get(key)
        if found is None:
            # The box is kept beside its bounds, so that its id stays taken.
            found = self._bounds[key] = (box, box.bounds(self.cores, iteration))
        return found[1]

    def extents(self, box: Box, iteration: tuple[int, ...]) -> Integers:
        """Positions per dimension [cores, rank], 0 where a box is empty."""
        low, high = self.bounds(box, iteration)
        return np.maximum(high - low, 0)

    def volumes(self, box: Box, iteration: tuple[int, ...]) -> list[int]:
        """Positions in each core's box."""
        return self.extents(box, iteration).prod(axis=1).tolist()


def distinct_shapes(extents: Sequence[Integers]) -> tuple[tuple[Shapes, ...], tuple[int, ...]]:
    """The different shapes among all cores, and which of them each core has: negative where the last one is empty."""
    ranks = [e.shape[1] for e in extents]
    ends = np.cumsum([0, *ranks]).tolist()
    index: dict[Shapes, int] = {}
    which: list[int] = []
    for row in np.concatenate(extents, axis=1).tolist():
        shapes = tuple(tuple(row[a:b]) for a, b in pairwise(ends))
        which.append(-1 if 0 in shapes[-1] else index.setdefault(shapes, len(index)))
    return tuple(index), tuple(which)


def groups_of_equals(bounds: Bounds) -> list[list[int]]:
    """Cores grouped by equal boxes, empty boxes left out, in order of the first core."""
    low, high = bounds
    groups: dict[tuple[int, ...], list[int]] = {}
    full: list[bool] = np.all(high > low, axis=1).tolist()
    for core, row in enumerate(np.concatenate((low, high), axis=1).tolist()):
        if full[core]:
            groups.setdefault(tuple(row), []).append(core)
    return list(groups.values())


def received(parts: Parts, cores: int) -> list[dict[int, int]]:
    """For each receiving core, the positions that it gets from each core in an exchange."""
    found: list[dict[int, int]] = [{} for _ in range(cores)]
    volumes = (parts.high - parts.low).prod(axis=1)
    for receiver, sender, volume in zip(parts.receiver.tolist(), parts.sender.tolist(), volumes.tolist(), strict=True):
        positions = found[receiver]
        positions[sender] = positions.get(sender, 0) + volume
    return found


def between_cores(receiver: int, positions: dict[int, int], size: int) -> tuple[Flow, ...]:
    """Flows of one core's part of an exchange: from its peers over the NoC, and from itself."""
    remote = {sender: count * size for sender, count in positions.items() if sender != receiver}
    flows: list[Flow] = []
    total = sum(remote.values())
    if total:
        senders = (Use("noc out port", sender, amount / total) for sender, amount in remote.items())
        flows.append(Flow(total, (Use("noc in port", receiver), *senders)))
    if receiver in positions:
        flows.append(Flow(positions[receiver] * size, (Use("copy", receiver),)))
    return tuple(flows)


def multicast(reader: int, members: Sequence[int], amount: int) -> Flow:
    """One read of DDR by `reader` that reaches the VTCM of all members."""
    peers = [core for core in members if core != reader]
    out = [Use("noc out port", reader)] if peers else []
    receivers = (Use("noc in port", core) for core in peers)
    return Flow(amount, (Use("ddr", 0), Use("ddr read port", reader), *out, *receivers))
