"""`check-buffers`: buffers lie inside VTCM at aligned addresses, and those that share addresses do so one after the
other: nothing is read, in the order of the text, that was overwritten through another buffer or slot.

Exact, byte by byte where that matters.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from passes.checking.buffers import find_misplaced, find_overwritten
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.findings import told
from passes.checking.history import History, history_of
from passes.checking.problems import refuse
from passes.checking.program import unroll
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckBuffersPass(ProgramPass):
    """Refuses a program whose buffers are misplaced or overwrite each other."""

    name = "check-buffers"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_buffers(history_of(unroll(op)))


def check_buffers(history: History) -> None:
    """Raises AicError, naming buffers, or instructions, nodes, cores, iterations and positions, when buffers are
    misplaced, or when something is read that was overwritten.
    """
    refuse(find_misplaced(history.program))
    refuse(told(history.program, finding) for finding in find_overwritten(history))
