"""`eliminate-common-subexpressions`: of ops that compute the same from the same, one stays."""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination

from passes.rewriting.patterns import erase_dead
from passes.rewriting.precision import Precision


@dataclass(frozen=True)
class EliminateCommonSubexpressionsPass(ModulePass):
    """Of ops that compute the same from the same, one stays; ops that nobody reads go. The work is xDSL's `cse`."""

    name = "eliminate-common-subexpressions"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        CommonSubexpressionElimination().apply(ctx, op)
        erase_dead(op)
