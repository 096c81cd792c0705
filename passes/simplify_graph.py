"""`simplify-graph`: local simplifications to a fixed point.

Transposes and reshapes compose, cancel, and become permutations of constants; limits compose; what moves nothing or
computes nothing goes; element-wise ops read operands before they are expanded; products with a matrix have rows in the
shape in which they are used, and only the columns that are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.pattern_rewriter import RewritePattern

from dialects.weights import WeightStore, store_of
from passes.rewriting.patterns import apply_patterns
from passes.rewriting.program_pass import ProgramPass
from passes.simplification.arithmetic import ComposeLimits, ConstantsOnTheRight, RemoveNeutralOperand, SelectByConstant
from passes.simplification.contraction import PartOfMatmul, ReshapeBeforeMatmul
from passes.simplification.movement import (
    ComposeCasts,
    ComposeReshapes,
    ComposeTransposes,
    ExpandAfterElementwise,
    MoveConstant,
    PadByWindow,
    RemoveIdleMovement,
    ReshapeBeforeTranspose,
    ReshapeForTranspose,
    SliceForGather,
)


def movement_patterns(store: WeightStore) -> Sequence[RewritePattern]:
    """Patterns after which transposes and reshapes are few: what passes that make some apply along with their own."""
    return (
        RemoveIdleMovement(),
        MoveConstant(store),
        ComposeTransposes(),
        ReshapeForTranspose(),
        ComposeReshapes(),
        ReshapeBeforeTranspose(),
    )


@dataclass(frozen=True)
class SimplifyGraphPass(ProgramPass):
    """Local simplifications to a fixed point."""

    name = "simplify-graph"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        apply_patterns(
            op,
            [
                *movement_patterns(store),
                PadByWindow(),
                ComposeCasts(),
                SliceForGather(store),
                ConstantsOnTheRight(),
                RemoveNeutralOperand(),
                SelectByConstant(),
                ComposeLimits(),
                ExpandAfterElementwise(),
                ReshapeBeforeMatmul(),
                PartOfMatmul(store),
            ],
        )
