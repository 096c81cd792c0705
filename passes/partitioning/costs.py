"""What the ops of a program cost a cluster of cores: estimates from the shardings that they would get there."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from xdsl.ir import Operation

from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp
from dialects.hardware import Hardware
from dialects.tile.sharding import DDR, Sharding
from passes.sharding.costs import reshard_cycles
from passes.sharding.nodes import nodes_of
from passes.sharding.search import Node, choose_shardings


def seconds_on(
    ops: Sequence[GraphOp], cores: int, hardware: Hardware, *, mos: int | None = None, share: float = 1.0
) -> list[float]:
    """Seconds that each op of a program takes on so many cores: it computes and gets its operands from other cores,
    while its constants come from DDR, of whose rate the cores have a share.
    """
    nodes = nodes_of(ops, hardware)
    shardings = choose_shardings(nodes, cores, hardware, channel_cores=mos)
    clock, rate = hardware.core_clock_hertz, hardware.ddr_bytes_per_second * share
    return [
        max(_cycles(node, sharding, shardings, hardware) / clock, _constants(node) / rate)
        for node, sharding in zip(nodes, shardings, strict=True)
    ]


def crossing_bytes(ops: Sequence[GraphOp]) -> list[int]:
    """Bytes of what ops make for others on the far side of each cut: before the first, between two, behind the last."""
    places: dict[Operation, int] = {op: n for n, op in enumerate(ops)}
    changes = [0] * (len(ops) + 2)
    for n, op in enumerate(ops):
        users = [places[use.operation] for use in op.output.uses if use.operation in places]
        size = op.result_type.element_count() * element_bytes(op.result_type.element_type)
        changes[n + 1] += size
        changes[max(users, default=n) + 1] -= size
    return list(accumulate(changes))[:-1]


def _cycles(node: Node, sharding: Sharding, shardings: Sequence[Sharding], hardware: Hardware) -> float:
    """Cycles in which the busiest core computes an op and gets what other ops have made."""
    total = node.compute(sharding)
    for index, operand in enumerate(node.operands):
        if operand.is_constant:
            continue
        source = DDR if operand.producer is None else shardings[operand.producer]
        need = node.requires(index, sharding)
        if need.home != "ddr":
            total += reshard_cycles(operand.shape, operand.element_bytes, source, need, hardware)
    return total


def _constants(node: Node) -> int:
    """Bytes of an op's constants."""
    return sum(prod(operand.shape) * operand.element_bytes for operand in node.operands if operand.is_constant)
