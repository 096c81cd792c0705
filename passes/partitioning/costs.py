"""What the ops of a program cost a cluster of cores: estimates from the shardings that they would get there."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import NamedTuple

from xdsl.ir import Operation

from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp
from dialects.hardware import Hardware
from dialects.tuning import Tuning
from passes.sharding.costs import reshard_cycles
from passes.sharding.plans import Plan, plans_of


class OpCost(NamedTuple):
    """What an op takes on a cluster: seconds in which its busiest core computes and gets what others hold, and bytes
    that pass DDR meanwhile: constants, inputs, and what does not fit into VTCM. `streams` of them pass side by side:
    one where cores get something together, one per core where each gets or stores something by itself.
    """

    seconds: float
    ddr_bytes: int
    streams: int = 1


class ClusterCosts(NamedTuple):
    """What a program costs a cluster: each op, and `held[n]`, the bytes of what ops before op n make for those from n
    on that lie in VTCM in a program that is not cut; the rest of what crosses passes DDR anyway.
    """

    ops: list[OpCost]
    held: list[int]


def costs_on(ops: Sequence[GraphOp], cores: int, hardware: Hardware, tuning: Tuning) -> ClusterCosts:
    """What a program costs on so many cores."""
    plans = plans_of(ops, cores, hardware, tuning)
    clock = hardware.core_clock_hertz
    costs = [
        OpCost(_cycles(plan, plans, hardware) / clock, _ddr_bytes(plan, plans), _streams(plan, plans, cores))
        for plan in plans
    ]
    return ClusterCosts(costs, _crossing(ops, [not plan.spilled for plan in plans]))


def crossing_bytes(ops: Sequence[GraphOp]) -> list[int]:
    """Bytes of what ops make for others on the far side of each cut: before the first, between two, behind the last."""
    return _crossing(ops, [True] * len(ops))


def _crossing(ops: Sequence[GraphOp], counts: Sequence[bool]) -> list[int]:
    """The same of the results that count."""
    places: dict[Operation, int] = {op: n for n, op in enumerate(ops)}
    changes = [0] * (len(ops) + 2)
    for n in (n for n, count in enumerate(counts) if count):
        op = ops[n]
        users = [places[use.operation] for use in op.output.uses if use.operation in places]
        size = op.result_type.element_count() * element_bytes(op.result_type.element_type)
        changes[n + 1] += size
        changes[max(users, default=n) + 1] -= size
    return list(accumulate(changes))[:-1]


def _cycles(plan: Plan, plans: Sequence[Plan], hardware: Hardware) -> float:
    """Cycles in which the busiest core gets what other cores hold, and computes an op."""
    total = plan.node.compute(plan.sharding)
    for index, operand in enumerate(plan.node.operands):
        need = plan.node.requires(index, plan.sharding)
        if operand.producer is not None and not plans[operand.producer].spilled and need.home != "ddr":
            source = plans[operand.producer].sharding
            total += reshard_cycles(operand.shape, operand.element_bytes, source, need, hardware)
    return total


def _ddr_bytes(plan: Plan, plans: Sequence[Plan]) -> int:
    """Bytes that pass DDR for an op: constants, inputs, and what lives there."""
    read = sum(
        _read_bytes(plan, index)
        for index, operand in enumerate(plan.node.operands)
        if operand.producer is None or plans[operand.producer].spilled
    )
    return read + plan.spilled * prod(plan.node.shape) * plan.node.element_bytes


def _read_bytes(plan: Plan, index: int) -> int:
    """Bytes of an operand that an op reads: all, but of a table that stays in DDR what it picks."""
    operand = plan.node.operands[index]
    size = prod(operand.shape)
    if plan.node.requires(index, plan.sharding).home == "ddr":
        size = min(size, prod(plan.node.shape))
    return size * operand.element_bytes


def _streams(plan: Plan, plans: Sequence[Plan], cores: int) -> int:
    """Streams of bytes that pass DDR for an op. What a core gets and stores passes one after the other."""
    others = (operand for operand in plan.node.operands if not operand.is_constant)
    alone = any(operand.producer is None or plans[operand.producer].spilled for operand in others)
    return cores if alone or plan.spilled else 1
