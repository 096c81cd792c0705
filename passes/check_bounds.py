"""`check-bounds`: every access lies in its tensor, or in the window and the room of its buffer.

Every box that an instruction touches is evaluated, for every core and every iteration, so this is exact. Boxes that are
equal are evaluated once.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from passes.checking.bounds import find_out_of_bounds
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.findings import told
from passes.checking.problems import refuse
from passes.checking.program import Program, unroll
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckBoundsPass(ProgramPass):
    """Refuses a program that leaves bounds."""

    name = "check-bounds"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_bounds(unroll(op))


def check_bounds(program: Program) -> None:
    """Raises AicError, naming instructions, nodes, cores, iterations and boxes, when a program leaves bounds."""
    refuse(told(program, finding) for finding in find_out_of_bounds(program))
