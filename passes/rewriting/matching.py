"""Small questions about how a value is computed, that recognizing passes ask."""

from collections.abc import Iterator
from math import isclose

from xdsl.ir import SSAValue

from dialects.graph.base import integers, tensor_type
from dialects.graph.elementwise import BinaryOp, DivOp, MulOp, PowOp
from dialects.graph.reduction import ReduceMeanOp
from dialects.graph.unary import ReciprocalOp, RsqrtOp, SqrtOp
from passes.rewriting.constants import uniform_value

_TOLERANCE = 1e-6
"""Relative; constants like sqrt 2 come rounded to fp32."""


def is_number(value: SSAValue, number: float) -> bool:
    """True when every element of the value is known to be this number, up to fp32's precision."""
    known = uniform_value(value)
    return known is not None and isclose(known, number, rel_tol=_TOLERANCE)


def either_way(op: BinaryOp) -> tuple[tuple[SSAValue, SSAValue], tuple[SSAValue, SSAValue]]:
    """The operands in both orders, for ops that commute."""
    return (op.lhs, op.rhs), (op.rhs, op.lhs)


def scaled_by(value: SSAValue) -> tuple[SSAValue, float]:
    """The value as x times a number: numbers that multiply or divide it are taken off."""
    factor = 1.0
    while isinstance(value.owner, MulOp | DivOp):
        op = value.owner
        number, rest = uniform_value(op.rhs), op.lhs
        if number is None and isinstance(op, MulOp):
            number, rest = uniform_value(op.lhs), op.rhs
        if number is None or rest.type != value.type:
            break
        factor = factor * number if isinstance(op, MulOp) else factor / number
        value = rest
    return value, factor


def factors(value: SSAValue) -> Iterator[SSAValue]:
    """What is multiplied to give the value, products being taken apart."""
    if isinstance(value.owner, MulOp):
        yield from factors(value.owner.lhs)
        yield from factors(value.owner.rhs)
    else:
        yield value


def square_of(value: SSAValue) -> SSAValue | None:
    """x, if the value is x squared."""
    match value.owner:
        case MulOp(lhs=x, rhs=y) if x is y:
            return x
        case PowOp(lhs=x, rhs=y) if is_number(y, 2.0):
            return x
        case _:
            return None


def mean_of_last(value: SSAValue) -> SSAValue | None:
    """x, if the value is the mean of x over its last dimension, which stays."""
    op = value.owner
    if not isinstance(op, ReduceMeanOp) or not op.kept:
        return None
    return op.input if integers(op.axes) == (tensor_type(op.input).get_num_dims() - 1,) else None


def quotient_by_root(value: SSAValue) -> tuple[SSAValue, SSAValue] | None:
    """(x, y), if the value is x / sqrt(y)."""
    match value.owner:
        case DivOp(lhs=x, rhs=root) if isinstance(root.owner, SqrtOp):
            return x, root.owner.input
        case MulOp() as op:
            for x, inverse in either_way(op):
                radicand = _radicand_of_inverse(inverse)
                if radicand is not None:
                    return x, radicand
            return None
        case _:
            return None


def _radicand_of_inverse(value: SSAValue) -> SSAValue | None:
    """y, if the value is 1 / sqrt(y)."""
    match value.owner:
        case RsqrtOp(input=y):
            return y
        case ReciprocalOp(input=root) if isinstance(root.owner, SqrtOp):
            return root.owner.input
        case DivOp(lhs=one, rhs=root) if isinstance(root.owner, SqrtOp) and is_number(one, 1.0):
            return root.owner.input
        case _:
            return None
