"""Choice of a sharding for every value of a network, by dynamic programming over costs.

Forwards, every candidate of every value gets the least cost of reaching it; backwards, from the results to the inputs,
each value takes the candidate that is cheapest for itself and for the consumers already settled. On a chain this is
optimal; where values fork, a value's cost is shared among its consumers, which keeps the sum honest but not provably
least.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialects.hardware import Hardware
from dialects.indexing import Indexing
from dialects.tile.sharding import DDR, Sharding
from passes.sharding.candidates import candidates
from passes.sharding.costs import reshard_cycles
from passes.sharding.requirements import required_sharding


@dataclass(frozen=True)
class Operand:
    """An operand of a node: the node that makes it (None: it lies in DDR), its shape and element size."""

    producer: int | None
    shape: tuple[int, ...]
    element_bytes: int


@dataclass(frozen=True)
class Node:
    """One op as the search sees it: nodes are numbered in program order. `compute` gives the busiest core's cycles."""

    operands: tuple[Operand, ...]
    shape: tuple[int, ...]
    indexing: Indexing
    compute: Callable[[Sharding], float]

    def requires(self, operand: int, sharding: Sharding) -> Sharding:
        """Sharding that an operand must have."""
        return required_sharding(self.indexing.operands[operand], self.operands[operand].shape, self.shape, sharding)


def choose_shardings(nodes: Sequence[Node], cores: int, hardware: Hardware) -> list[Sharding]:
    """A sharding per node for that many cores."""
    options = [candidates(node.shape, node.indexing.granularity, cores, hardware.hmx_columns) for node in nodes]
    uses = [0] * len(nodes)
    for node in nodes:
        for operand in node.operands:
            if operand.producer is not None:
                uses[operand.producer] += 1
    own: list[list[float]] = []
    for node, shardings in zip(nodes, options, strict=True):
        own.append([_cost(node, sharding, nodes, options, own, uses, hardware) for sharding in shardings])
    return _settled(nodes, options, own, hardware)


def _cost(
    node: Node,
    sharding: Sharding,
    nodes: Sequence[Node],
    options: Sequence[Sequence[Sharding]],
    own: Sequence[Sequence[float]],
    uses: Sequence[int],
    hardware: Hardware,
) -> float:
    """Least cost of making a node's result with that sharding, operands included."""
    total = node.compute(sharding)
    for index, operand in enumerate(node.operands):
        need = node.requires(index, sharding)
        if need.home == "ddr":
            continue
        if operand.producer is None:
            total += reshard_cycles(operand.shape, operand.element_bytes, DDR, need, hardware)
            continue
        total += min(
            cost / uses[operand.producer] + reshard_cycles(operand.shape, operand.element_bytes, source, need, hardware)
            for source, cost in zip(options[operand.producer], own[operand.producer], strict=True)
        )
    return total


def _settled(
    nodes: Sequence[Node],
    options: Sequence[Sequence[Sharding]],
    own: Sequence[Sequence[float]],
    hardware: Hardware,
) -> list[Sharding]:
    chosen: list[Sharding | None] = [None] * len(nodes)
    wanted: list[list[tuple[Operand, Sharding]]] = [[] for _ in nodes]
    for index in reversed(range(len(nodes))):
        best = min(
            range(len(options[index])),
            key=lambda c: (
                own[index][c]
                + sum(
                    reshard_cycles(operand.shape, operand.element_bytes, options[index][c], need, hardware)
                    for operand, need in wanted[index]
                )
            ),
        )
        sharding = chosen[index] = options[index][best]
        for position, operand in enumerate(nodes[index].operands):
            need = nodes[index].requires(position, sharding)
            if operand.producer is not None and need.home != "ddr":
                wanted[operand.producer].append((operand, need))
    return [sharding for sharding in chosen if sharding is not None]
