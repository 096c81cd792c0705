"""`check-transfers`: every transfer is a chain of descriptors as the DMA engine takes them: each within the limits of
its fields, and not too many (`dialects.tile.descriptors`).

The boxes of every core and every run are counted out in closed form, so this is exact. A program must be within bounds.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.hardware import Hardware
from dialects.module import target_of
from dialects.tile.descriptors import Limits
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.history import History, history_of
from passes.checking.problems import refuse
from passes.checking.program import unroll
from passes.checking.transfers import find_long_chains, long_chain_text
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckTransfersPass(ProgramPass):
    """Refuses a program with a transfer that takes too many descriptors."""

    name = "check-transfers"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_transfers(history_of(unroll(op)), target_of(op).hardware)


def check_transfers(history: History, hardware: Hardware) -> None:
    """Raises AicError, naming instructions, nodes, cores and iterations, when a transfer takes too many descriptors."""
    limits = Limits.of(hardware)
    refuse(long_chain_text(history, found, limits) for found in find_long_chains(history, limits))
