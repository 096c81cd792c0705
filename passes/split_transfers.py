"""`split-transfers`: transfers that take more descriptors than a chain may have are cut into several.

A box whose rows lie further apart than a stride can say takes a descriptor for each row (`dialects.tile.descriptors`).
It is cut along as few dimensions and into as few parts as descriptors allow, the parts in the place of the whole.
Boxes are looked at as numbers only where a bound on their descriptors leaves doubt.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block

from dialects.errors import AicError
from dialects.module import cores_of, main_of, target_of
from dialects.text import place
from dialects.tile.attributes import BoxAttr
from dialects.tile.descriptors import Limits, Route
from dialects.tile.instructions import ForOp
from dialects.tile.transfers import TransferOp
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass
from passes.scheduling.chains import chains_of, longest, may_be_long
from passes.scheduling.cuts import MAX_PARTS, cut_box, cut_sizes


@dataclass(frozen=True)
class SplitTransfersPass(ProgramPass):
    """Cuts transfers until the DMA engine can take each as one chain of descriptors."""

    name = "split-transfers"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        cores, limits = cores_of(op), Limits.of(target_of(op).hardware)
        problems = [
            problem
            for transfer, trips in list(_transfers(main_of(op).body.block, ()))
            if (problem := _split(transfer, trips, cores, limits)) is not None
        ]
        if problems:
            raise AicError("DMA transfers take too many descriptors:\n  " + "\n  ".join(problems))


def _transfers(block: Block, trips: tuple[int, ...]) -> Iterator[tuple[TransferOp, tuple[int, ...]]]:
    """Transfers with the iterations of the loops around each."""
    for op in block.ops:
        if isinstance(op, ForOp):
            yield from _transfers(op.body.block, (*trips, op.count))
        elif isinstance(op, TransferOp):
            yield op, trips


def _split(op: TransferOp, trips: tuple[int, ...], cores: int, limits: Limits) -> str | None:
    """Puts parts in the place of a transfer, if it is too long; why that cannot be."""
    if not may_be_long(op, cores, limits):
        return None
    route, chains = Route.of(op), chains_of(op, cores, trips)
    most = longest(chains, route, limits)
    if most <= limits.chain:
        return None
    largest = op.box.data.extents(cores, trips)
    parts, boxes = cut_box(op, cut_sizes(chains, largest, route, limits), largest)
    if parts > MAX_PARTS:
        return (
            f"{place(op)}: {op.source.type} to {op.destination.type} takes {most} descriptors (rows of one lie at most "
            f"{limits.stride_bytes} bytes apart); a transfer may have {limits.chain}, and is cut into at most "
            f"{MAX_PARTS} parts, here {parts}; split the operation into smaller tiles (size-split-granularity), "
            "or its tensor in the model"
        )
    block = op.parent_block()
    assert block is not None
    for box in boxes:
        part = op.clone()
        part.properties["box"] = BoxAttr(box)
        block.insert_op_before(part, op)
    op.detach()
    op.erase()
    return None
