"""What is decided about the ops of a program before it is sharded: shardings, padding, and what lives in DDR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.func import ReturnOp

from dialects.graph.base import GraphOp
from dialects.graph.channels import SendOp
from dialects.hardware import Hardware
from dialects.tile.sharding import Sharding
from dialects.tuning import Tuning
from passes.sharding.demands import demands_of
from passes.sharding.homes import homes_in_ddr
from passes.sharding.nodes import nodes_of
from passes.sharding.requirements import required_box
from passes.sharding.search import Node, choose_shardings


@dataclass(frozen=True)
class Plan:
    """What was decided about one op: its sharding, the padding that cores read around its operands, where it lives."""

    node: Node
    sharding: Sharding
    fills: tuple[float | None, ...]
    spilled: bool


def plans_of(ops: Sequence[GraphOp], cores: int, hardware: Hardware, tuning: Tuning) -> list[Plan]:
    """All decisions for so many cores; values live in DDR where they do not fit. What is only returned or sent is never
    held anyway.
    """
    nodes = nodes_of(ops, hardware)
    multicast = tuning.multicast_weights is not False
    shardings = choose_shardings(nodes, cores, hardware, channel_cores=tuning.mos, multicast=multicast)
    fills = [_fills(op, node, sharding, cores) for op, node, sharding in zip(ops, nodes, shardings, strict=True)]
    unheld = {n for n, op in enumerate(ops) if all(isinstance(u.operation, ReturnOp | SendOp) for u in op.output.uses)}
    spilled = homes_in_ddr(demands_of(nodes, shardings, fills), hardware.vtcm_usable_bytes, sorted(unheld)) - unheld
    return [
        Plan(node, sharding, padding, n in spilled)
        for n, (node, sharding, padding) in enumerate(zip(nodes, shardings, fills, strict=True))
    ]


def _fills(op: GraphOp, node: Node, sharding: Sharding, cores: int) -> tuple[float | None, ...]:
    """Value of the padding that cores read around each operand; None where none does."""
    owned = sharding.owned(node.shape)
    busy = owned.volume(cores) > 0
    fills: list[float | None] = []
    for operand, accesses in zip(node.operands, node.indexing.operands, strict=True):
        low, high = required_box(accesses, operand.shape, owned).bounds(cores)
        padded = ((low < 0) | (high > np.array(operand.shape, np.int64))).any(axis=1)
        fills.append(op.padding if (padded & busy).any() else None)
    return tuple(fills)
