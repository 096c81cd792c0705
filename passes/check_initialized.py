"""`check-initialized`: whatever a program reads was written before it, in the order of the text, and whoever reads
outputs finds them complete.

What is written and read is known for every element of every slot of every buffer on every core, and of every tensor in
DDR, so this is exact. A program must be within bounds: what is not there is not looked at.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from passes.checking.ceilings import exceeded_ceilings
from passes.checking.findings import told
from passes.checking.history import History, history_of
from passes.checking.initialized import find_uninitialized
from passes.checking.problems import refuse
from passes.checking.program import unroll
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckInitializedPass(ProgramPass):
    """Refuses a program that reads what nobody wrote, or leaves outputs unwritten."""

    name = "check-initialized"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_initialized(history_of(unroll(op)))


def check_initialized(history: History) -> None:
    """Raises AicError, naming instructions, nodes, cores, iterations and positions, when something is read that was
    never written, or was written for another window.
    """
    refuse(told(history.program, finding) for finding in find_uninitialized(history))
