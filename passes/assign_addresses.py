"""`assign-addresses`: every buffer gets a byte address in VTCM, the same on every core. Buffers whose lives overlap lie
apart.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.passes import ModulePass

from dialects.errors import AicError
from dialects.module import main_of, target_of
from passes.scheduling.buffers import lives_of
from passes.scheduling.placement import lower_bound, place


@dataclass(frozen=True)
class AssignAddressesPass(ModulePass):
    """Places buffers in VTCM by size and lifetime."""

    name = "assign-addresses"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        hardware = target_of(op).hardware
        lives = lives_of(main_of(op).body.block.ops, hardware.vtcm_alignment_bytes)
        capacity = hardware.vtcm_usable_bytes
        offsets, end = place(list(lives.values()), capacity, hardware.vtcm_alignment_bytes)
        if end > capacity:
            raise AicError(
                f"assign-addresses: the buffers take {end} bytes of VTCM, {end - capacity} more than the {capacity} "
                f"there are (at least {lower_bound(list(lives.values()))} are live at once); more cores or fp16 would "
                "help"
            )
        for alloc, offset in zip(lives, offsets, strict=True):
            alloc.properties["address"] = IntegerAttr(offset, i64)
