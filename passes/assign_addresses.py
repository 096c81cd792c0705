"""`assign-addresses`: every buffer gets a byte address in VTCM, the same on every core. Buffers whose lives overlap lie
apart.

Tuning (`set-tuning`): for `allocator-dealloc-delay` positions after its last use a buffer's place stays its own, so
that what comes next need not wait until it is free; for fewer, with a warning, where VTCM has no room for that.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from dialects.errors import DoesNotFit
from dialects.module import main_of, target_of
from dialects.text import place as place_of
from dialects.tile.ops import AllocOp
from dialects.tuning import tuning_of
from passes.rewriting.precision import Precision
from passes.scheduling.buffers import lives_of
from passes.scheduling.placement import Life, lower_bound, place

_LOG = logging.getLogger("aic")


@dataclass(frozen=True)
class AssignAddressesPass(ModulePass):
    """Places buffers in VTCM by size and lifetime."""

    name = "assign-addresses"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        hardware, ops = target_of(op).hardware, list(main_of(op).body.block.ops)
        capacity, alignment = hardware.vtcm_usable_bytes, hardware.vtcm_alignment_bytes
        wanted = tuning_of(op).allocator_dealloc_delay or 0
        delay, lives, offsets, end = _placed(ops, wanted, capacity, alignment)
        if end > capacity:
            raise DoesNotFit(_demand(ops, lives, end, capacity))
        if delay < wanted:
            _LOG.warning("allocator-dealloc-delay: VTCM has room for a delay of %d, not of %d", delay, wanted)
        for alloc, offset in zip(lives, offsets, strict=True):
            alloc.properties["address"] = IntegerAttr(offset, i64)


def _placed(
    ops: list[Operation], wanted: int, capacity: int, alignment: int
) -> tuple[int, dict[AllocOp, Life], list[int], int]:
    """The longest delay up to `wanted` with which buffers fit, else none; with it lives, offsets and the last end."""
    for delay in range(wanted, 0, -1):
        lives = lives_of(ops, alignment, delay)
        offsets, end = place(list(lives.values()), capacity, alignment, search=False)
        if end <= capacity:
            return delay, lives, offsets, end
    lives = lives_of(ops, alignment)
    return 0, lives, *place(list(lives.values()), capacity, alignment)


def _demand(ops: list[Operation], lives: Mapping[AllocOp, Life], end: int, capacity: int) -> str:
    """What the buffers take, where most of them are live, and how much is missing."""
    least = lower_bound(list(lives.values()))
    position = next(n for n in range(len(ops)) if _live(lives, n) == least)
    return (
        f"the buffers take {end} bytes of VTCM per core, {end - capacity} more than the {capacity} there are; most are "
        f"live at {place_of(ops[position])}, {least} bytes at once"
    )


def _live(lives: Mapping[AllocOp, Life], position: int) -> int:
    return sum(life.size for life in lives.values() if life.first <= position <= life.last)
