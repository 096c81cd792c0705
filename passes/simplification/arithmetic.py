"""Simplifications of arithmetic, logic and selection with constants."""

from math import inf

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.element_types import is_float
from dialects.graph.base import numbers, tensor_type
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
from dialects.graph.unary import ClipOp, ReluOp
from passes.quantization.scales import AS, attach, wanted_type
from passes.rewriting.constants import constant_of, uniform_value
from passes.rewriting.patterns import only_user, op_type_rewrite_pattern

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
        if neutral is None or uniform_value(op.rhs) != neutral or AS in op.attributes:
            return
        if isinstance(op, AndOp) and op.result_type.element_type != i1:  # bit by bit, 1 is not neutral
            return
        _replace_with(op, op.lhs, rewriter)


class SelectByConstant(RewritePattern):
    """A selection whose condition is known everywhere is one of its operands."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SelectOp, rewriter: PatternRewriter) -> None:
        condition = uniform_value(op.condition)
        if condition is not None and AS not in op.attributes:
            _replace_with(op, op.lhs if condition else op.rhs, rewriter)


class ComposeLimits(RewritePattern):
    """A limit of limited numbers is one limit, unless they are to be integers between, of another scale."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReluOp | ClipOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if not isinstance(inner, ReluOp | ClipOp) or only_user(op.input) is None:
            return
        if not is_float(op.result_type.element_type):
            return
        between, wanted = wanted_type(op.input), wanted_type(op.output)
        if between is not None and wanted not in (None, between):
            return
        low, high = _bounds(op)
        bounds = [min(max(bound, low), high) for bound in _bounds(inner)]
        only_below = bounds == [0.0, inf]
        new = ReluOp.of([inner.input]) if only_below else ClipOp.of([inner.input], {"bounds": bounds})
        if between is not None:
            attach(new.output, between)
        rewriter.replace(op, new)


def _bounds(op: ReluOp | ClipOp) -> tuple[float, float]:
    low, high = (0.0, inf) if isinstance(op, ReluOp) else numbers(op.bounds)
    return low, high


def _replace_with(op: BinaryOp | SelectOp, value: SSAValue, rewriter: PatternRewriter) -> None:
    """Replaces an element-wise op by one of its operands, broadcast to the shape of the result."""
    shape, given = op.result_type.get_shape(), tensor_type(value).get_shape()
    if given == shape:
        rewriter.replace(op, [], [value])
        return
    ranked = ReshapeOp.to(value, (1,) * (len(shape) - len(given)) + given)
    rewriter.replace(op, [ranked, ExpandOp.to(ranked, shape)])
