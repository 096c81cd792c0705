"""`check-races`: no two accesses to the same memory, one of which writes, can overlap in time or come in another order
than in the text; neither those of cores, nor of engines, nor of transfers.

Which run ends before which other starts, in every execution, follows from queues, signals and waits alone
(`checking/order.py`). Accesses are compared by element, and by byte where buffers share addresses. So this is exact. A
wait for a signal that several instructions raise in no order is not decided, and refused.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.findings import told
from passes.checking.history import History, history_of
from passes.checking.order import order_of
from passes.checking.problems import refuse
from passes.checking.program import unroll
from passes.checking.races import find_races, undecided_text
from passes.checking.steps import steps_of
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckRacesPass(ProgramPass):
    """Refuses a program with races."""

    name = "check-races"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_races(history_of(unroll(op)))


def check_races(history: History) -> None:
    """Raises AicError, naming both instructions with nodes, cores, iterations and boxes, when a program has a race, or
    a wait of which cannot be said for what it waits.
    """
    program = history.program
    order, undecided = order_of(steps_of(program), program.cores)
    refuse((undecided_text(history, wait) for wait in undecided), "the program cannot be checked")
    if len(order.starts) < len(program.runs):
        raise AicError("the program stops before its end; check-signals tells where")
    refuse((told(program, finding) for finding in find_races(history, order)), "the program has races")
