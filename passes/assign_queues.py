"""`assign-queues`: which engine's queue takes each transfer.

A thread of its own starts the DMA's transfers, in the order of the program: one that waits for a kernel holds up all
behind it. The thread of an engine can start a transfer of what its kernel made right behind the kernel: it needs no
signal for that, and holds nothing up but, while it issues, its engine.

Tuning (`set-tuning`): with `use-producer-dma` all that kernels made is sent on so; with `use-producer-dma=false`
nothing is. Where it is not given, stores are in loops that also fetch: there the fetches of the next parts would wait
for the kernel of this one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from dialects.module import main_of
from dialects.tile.instructions import ForOp, InstructionOp
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp
from dialects.tuning import tuning_of
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class AssignQueuesPass(ProgramPass):
    """Gives transfers of what kernels made to the queues of the kernels' engines."""

    name = "assign-queues"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        wanted = tuning_of(op).use_producer_dma
        if wanted is False:
            return
        instructions = [o for o in main_of(op).body.walk() if isinstance(o, InstructionOp)]
        for transfer, producer in _produced(instructions):
            if not producer.is_asynchronous and (wanted or _holds_up_fetches(transfer)):
                transfer.properties["queue"] = StringAttr(producer.engine)


def _produced(instructions: list[InstructionOp]) -> Iterator[tuple[StoreOp | ExchangeOp, InstructionOp]]:
    """Transfers out of buffers, each with the last instruction before it that wrote its source."""
    writers: dict[SSAValue, InstructionOp] = {}
    for op in instructions:
        if isinstance(op, StoreOp | ExchangeOp) and op.source in writers:
            yield op, writers[op.source]
        writers[op.target] = op


def _holds_up_fetches(transfer: StoreOp | ExchangeOp) -> bool:
    """Whether a transfer is a store in a loop that fetches."""
    loop = transfer.parent_op()
    return (
        isinstance(transfer, StoreOp)
        and isinstance(loop, ForOp)
        and any(isinstance(op, LoadOp | MulticastOp) for op in loop.body.block.ops)
    )
