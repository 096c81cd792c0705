"""Choice of a sharding for every value of a network, by dynamic programming over costs.

Forwards, every candidate of every value gets the least cost of reaching it; backwards, from the results to the inputs,
each value takes the candidate that is cheapest for itself and for the consumers already settled. On a chain this is
optimal; where values fork, a value's cost is shared among its consumers, which keeps the sum honest but not provably
least.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add

from dialects.hardware import Hardware
from dialects.indexing import Indexing
from dialects.tile.sharding import DDR, Sharding
from passes.sharding.candidates import candidates, candidates_by_channels
from passes.sharding.costs import constant_cycles, own_reads_cycles, reshard_cycles
from passes.sharding.requirements import required_sharding


@dataclass(frozen=True)
class Operand:
    """An operand of a node: the node that makes it (None: it lies in DDR), its shape and element size."""

    producer: int | None
    shape: tuple[int, ...]
    element_bytes: int
    is_constant: bool = False


@dataclass(frozen=True)
class Node:
    """One op as the search sees it: nodes are numbered in program order. `compute` gives the busiest core's cycles."""

    operands: tuple[Operand, ...]
    shape: tuple[int, ...]
    indexing: Indexing
    compute: Callable[[Sharding], float]
    element_bytes: int
    """Of the result."""
    has_weights: bool = False
    """Whether some of the operands are weights: constants that differ from one position of the last dimension to the
    next.
    """

    def requires(self, operand: int, sharding: Sharding) -> Sharding:
        """Sharding that an operand must have."""
        return required_sharding(self.indexing.operands[operand], self.operands[operand].shape, self.shape, sharding)


def choose_shardings(
    nodes: Sequence[Node], cores: int, hardware: Hardware, *, channel_cores: int | None = None, multicast: bool = True
) -> list[Sharding]:
    """A sharding per node for that many cores.

    `channel_cores`: cores over which to split output channels and weights, at most and if possible; None: as is
    cheapest. `multicast`: whether cores that need the same constant get it by one read of DDR.
    """
    options = [_options(node, cores, hardware.hmx_columns, channel_cores) for node in nodes]
    return _Search(nodes, options, _Reshards(hardware, multicast)).run()


def _options(node: Node, cores: int, columns: int, channel_cores: int | None) -> tuple[Sharding, ...]:
    granularity = node.indexing.granularity
    if channel_cores is None or not node.has_weights:
        return candidates(node.shape, granularity, cores, columns)
    return candidates_by_channels(node.shape, granularity, cores, columns, channel_cores)


class _Reshards:
    """Costs of reshards; each is worked out once for all candidates of a value."""

    def __init__(self, hardware: Hardware, multicast: bool) -> None:
        self._hardware = hardware
        self._multicast = multicast
        self._found: dict[tuple[int, int, tuple[int, ...], Sharding, bool], list[float]] = {}

    def cycles(self, sources: tuple[Sharding, ...], operand: Operand, need: Sharding) -> list[float]:
        """Cycles to bring an operand from each of some shardings to the one that is needed.

        `sources` is known by its identity: it must stay alive.
        """
        key = (id(sources), operand.element_bytes, operand.shape, need, operand.is_constant)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = [self._one(source, operand, need) for source in sources]
        return found

    def _one(self, source: Sharding, operand: Operand, need: Sharding) -> float:
        if operand.is_constant and not self._multicast:
            return own_reads_cycles(operand.shape, operand.element_bytes, need, self._hardware)
        if operand.is_constant:
            return constant_cycles(operand.shape, operand.element_bytes, need, self._hardware)
        return reshard_cycles(operand.shape, operand.element_bytes, source, need, self._hardware)


_FROM_DDR = (DDR,)


class _Search:
    """One run of the dynamic programming."""

    def __init__(self, nodes: Sequence[Node], options: Sequence[tuple[Sharding, ...]], reshards: _Reshards) -> None:
        self._nodes, self._options, self._reshards = nodes, options, reshards
        self._uses = Counter(operand.producer for node in nodes for operand in node.operands)
        self._own: list[list[float]] = []
        """Least cost of each candidate of the nodes looked at so far."""
        self._shares: list[list[float]] = []
        """The part of it that falls on each use."""

    def run(self) -> list[Sharding]:
        """The sharding of every node."""
        for index, (node, shardings) in enumerate(zip(self._nodes, self._options, strict=True)):
            costs = [self._cost(node, sharding) for sharding in shardings]
            self._own.append(costs)
            self._shares.append([cost / max(self._uses[index], 1) for cost in costs])
        return self._settled()

    def _cost(self, node: Node, sharding: Sharding) -> float:
        """Least cost of making a node's result with that sharding, operands included."""
        total = node.compute(sharding)
        for index, operand in enumerate(node.operands):
            need = node.requires(index, sharding)
            if need.home == "ddr":
                continue
            if operand.producer is None:
                total += self._reshards.cycles(_FROM_DDR, operand, need)[0]
            else:
                cycles = self._reshards.cycles(self._options[operand.producer], operand, need)
                total += min(map(add, self._shares[operand.producer], cycles))
        return total

    def _settled(self) -> list[Sharding]:
        """Backwards: the cheapest candidate for the value itself and the consumers that are settled."""
        chosen: list[Sharding] = []
        wanted: list[list[tuple[Operand, Sharding]]] = [[] for _ in self._nodes]
        for node, options, own, wants in reversed(
            list(zip(self._nodes, self._options, self._own, wanted, strict=True))
        ):
            brought = [self._reshards.cycles(options, operand, need) for operand, need in wants]
            totals = [cost + sum(cycles) for cost, *cycles in zip(own, *brought, strict=True)]
            sharding = options[totals.index(min(totals))]
            chosen.append(sharding)
            for position, operand in enumerate(node.operands):
                need = node.requires(position, sharding)
                if operand.producer is not None and need.home != "ddr":
                    wanted[operand.producer].append((operand, need))
        return chosen[::-1]
