"""`eliminate-common-subexpressions`: of ops that compute the same from the same, one stays."""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination

from passes.rewriting.patterns import erase_dead
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class EliminateCommonSubexpressionsPass(ProgramPass):
    """Of ops that compute the same from the same, one stays; ops that nobody reads go. The work is xDSL's `cse`."""

    name = "eliminate-common-subexpressions"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        CommonSubexpressionElimination().apply(ctx, op)
        erase_dead(op)
