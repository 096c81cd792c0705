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
    one of what all cores get together, one per core of what each gets or stores by itself.
    """

    seconds: float
    ddr_bytes: int
    streams: int = 1


def costs_on(ops: Sequence[GraphOp], cores: int, hardware: Hardware, tuning: Tuning) -> list[OpCost]:
    """What the ops of a program cost on so many cores."""
    plans = plans_of(ops, cores, hardware, tuning)
    clock = hardware.core_clock_hertz
    return [
        OpCost(_cycles(plan, plans, hardware) / clock, _ddr_bytes(plan, plans), _streams(plan, plans, cores))
        for plan in plans
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
        prod(operand.shape) * operand.element_bytes
        for operand in plan.node.operands
        if operand.producer is None or plans[operand.producer].spilled
    )
    return read + plan.spilled * prod(plan.node.shape) * plan.node.element_bytes


def _streams(plan: Plan, plans: Sequence[Plan], cores: int) -> int:
    """Streams of bytes that pass DDR for an op."""
    operands = plan.node.operands
    constants = any(operand.is_constant for operand in operands)
    others = [o.producer is None or plans[o.producer].spilled for o in operands if not o.is_constant]
    return max(constants + cores * (any(others) + plan.spilled), 1)
