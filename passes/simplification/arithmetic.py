"""Simplifications of arithmetic, logic and selection with constants."""

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.base import tensor_type
from dialects.graph.elementwise import (
    AddOp,
    AndOp,
    BinaryOp,
    DivOp,
    EqualOp,
    MaxOp,
    MinOp,
    MulOp,
    OrOp,
    PowOp,
    SelectOp,
    SubOp,
    XorOp,
)
from dialects.graph.movement import ExpandOp, ReshapeOp
from passes.rewriting.constants import constant_of, uniform_value
from passes.rewriting.patterns import op_type_rewrite_pattern

COMMUTATIVE: tuple[type[BinaryOp], ...] = (AddOp, MulOp, MinOp, MaxOp, AndOp, OrOp, XorOp, EqualOp)

_NEUTRAL: dict[type[BinaryOp], int] = {AddOp: 0, SubOp: 0, MulOp: 1, DivOp: 1, PowOp: 1, AndOp: 1, OrOp: 0}
"""The right operand with which an op yields its left one."""


class ConstantsOnTheRight(RewritePattern):
    """Operands of commutative ops are ordered: a constant is the right one."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BinaryOp, rewriter: PatternRewriter) -> None:
        if isinstance(op, COMMUTATIVE) and constant_of(op.lhs) is not None and constant_of(op.rhs) is None:
            swapped = type(op).create(
                operands=[op.rhs, op.lhs], result_types=[op.output.type], properties=op.properties
            )
            rewriter.replace(op, swapped)


class RemoveNeutralOperand(RewritePattern):
    """x + 0, x - 0, x 1, x / 1, x^1, x and true, x or false are x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BinaryOp, rewriter: PatternRewriter) -> None:
        neutral = _NEUTRAL.get(type(op))
        if neutral is None or uniform_value(op.rhs) != neutral:
            return
        if isinstance(op, AndOp) and op.result_type.element_type != i1:  # bit by bit, 1 is not neutral
            return
        _replace_with(op, op.lhs, rewriter)


class SelectByConstant(RewritePattern):
    """A selection whose condition is known everywhere is one of its operands."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SelectOp, rewriter: PatternRewriter) -> None:
        condition = uniform_value(op.condition)
        if condition is not None:
            _replace_with(op, op.lhs if condition else op.rhs, rewriter)


def _replace_with(op: BinaryOp | SelectOp, value: SSAValue, rewriter: PatternRewriter) -> None:
    """Replaces an element-wise op by one of its operands, broadcast to the shape of the result."""
    shape, given = op.result_type.get_shape(), tensor_type(value).get_shape()
    if given == shape:
        rewriter.replace(op, [], [value])
        return
    ranked = ReshapeOp.to(value, (1,) * (len(shape) - len(given)) + given)
    rewriter.replace(op, [ranked, ExpandOp.to(ranked, shape)])
