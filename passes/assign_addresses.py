"""`assign-addresses`: every buffer gets a byte address in VTCM, the same on every core, and every scratch tensor one in
the region of DDR that they share. Those whose lives overlap lie apart.

Tuning (`set-tuning`): for `allocator-dealloc-delay` positions after its last use a buffer's place stays its own, so
that what comes next need not wait until it is free; for fewer, with a warning, where VTCM has no room for that.
Where it is not given the delay is 1 if there is room.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation

from dialects.errors import DoesNotFit
from dialects.module import main_of, set_dealloc_delay, target_of
from dialects.tile.buffers import TensorOp
from dialects.tile.scratch import ALIGNMENT
from dialects.tuning import tuning_of
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass
from passes.scheduling.buffers import lives_of, scratch_lives_of
from passes.scheduling.ddr import ddr_excess
from passes.scheduling.demand import does_not_fit
from passes.scheduling.placement import fits, place

_LOG = logging.getLogger("aic")

CHOSEN_DELAY = 1
"""Delay where none is given: what comes next on another engine need not wait. Longer ones leave less room to fetch."""


@dataclass(frozen=True)
class AssignAddressesPass(ProgramPass):
    """Places buffers in VTCM, and scratch tensors in DDR, by size and lifetime."""

    name = "assign-addresses"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        hardware, ops = target_of(op).hardware, list(main_of(op).body.block.ops)
        capacity, alignment = hardware.vtcm_usable_bytes, hardware.vtcm_alignment_bytes
        given = tuning_of(op).allocator_dealloc_delay
        if given is None:
            delay = _longest_delay(ops, CHOSEN_DELAY, capacity, alignment, tightly=True)
        else:
            delay = _longest_delay(ops, given, capacity, alignment)
        lives = lives_of(ops, alignment, delay)
        found = place(list(lives.values()), capacity, alignment)
        if found.end > capacity:
            raise DoesNotFit(does_not_fit(op, ops, lives, found))
        if given is not None and delay < given:
            _LOG.warning("allocator-dealloc-delay: VTCM has room for a delay of %d, not of %d", delay, given)
        set_dealloc_delay(op, delay)
        for alloc, offset in zip(lives, found.offsets, strict=True):
            alloc.properties["address"] = IntegerAttr(offset, i64)
        scratch = scratch_lives_of(ops)
        offsets = place(list(scratch.values()), hardware.ddr_bytes, ALIGNMENT).offsets
        for tensor, offset in zip(scratch, offsets, strict=True):
            tensor.properties["address"] = IntegerAttr(offset, i64)
        excess = ddr_excess([tensor for tensor in ops if isinstance(tensor, TensorOp)], hardware.ddr_bytes)
        if excess is not None:
            raise DoesNotFit(excess)


def _longest_delay(
    ops: Sequence[Operation], wanted: int, capacity: int, alignment: int, *, tightly: bool = False
) -> int:
    """The longest delay up to `wanted` with which buffers fit; 0 if there is none."""
    for delay in range(wanted, 0, -1):
        if fits(list(lives_of(ops, alignment, delay).values()), capacity, alignment, tightly=tightly):
            return delay
    return 0
