"""Where new ops go, outside of patterns."""

from typing import cast

from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter


def place_behind(value: SSAValue, op: Operation) -> None:
    """Inserts an op right behind what makes a value, with its location."""
    if isinstance(value, BlockArgument):
        op.location = value.location
        Rewriter.insert_op(op, InsertPoint.at_start(value.owner))
        return
    owner = cast(Operation, value.owner)
    op.location = owner.location
    Rewriter.insert_op(op, InsertPoint.after(owner))
