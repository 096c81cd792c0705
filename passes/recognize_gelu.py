"""`recognize-gelu`: products that are a GELU, in its erf or its tanh form, or a SiLU, become that op.

x (1 + erf(x / sqrt 2)) / 2, x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, x sigmoid(x), with factors in any order.
"""

from dataclasses import dataclass
from math import isclose, pi, sqrt

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.elementwise import AddOp, DivOp, MulOp, PowOp
from dialects.graph.unary import ErfOp, GeluOp, GeluTanhOp, SigmoidOp, SiluOp, TanhOp, UnaryOp
from passes.rewriting.constants import uniform_value
from passes.rewriting.matching import either_way, factors, is_number, scaled_by
from passes.rewriting.patterns import apply_patterns, op_type_rewrite_pattern
from passes.rewriting.program_pass import ProgramPass

_CUBIC = 0.044715


@dataclass(frozen=True)
class Activation:
    """An activation and what it is applied to."""

    op: type[UnaryOp]
    input: SSAValue


def match_activation(value: SSAValue) -> Activation | None:
    """The activation that the product `value` is, if it is one."""
    parts, number = _numbers_apart(value)
    if len(parts) != 2:
        return None
    for x, gate in (parts, parts[::-1]):
        if isclose(number, 1.0) and isinstance(gate.owner, SigmoidOp) and gate.owner.input is x:
            return Activation(SiluOp, x)
        inner = _less_one(gate)
        if inner is None or not isclose(number, 0.5):
            continue
        if isinstance(inner.owner, ErfOp) and _is_scaled(inner.owner.input, x, sqrt(0.5)):
            return Activation(GeluOp, x)
        if isinstance(inner.owner, TanhOp) and _is_cubic(inner.owner.input, x):
            return Activation(GeluTanhOp, x)
    return None


def _numbers_apart(value: SSAValue) -> tuple[list[SSAValue], float]:
    """The factors of a product that are no numbers, and the product of those that are."""
    number = 1.0
    if isinstance(value.owner, DivOp):
        divisor = uniform_value(value.owner.rhs)
        if divisor is None:
            return [value], 1.0
        value, number = value.owner.lhs, 1 / divisor
    parts: list[SSAValue] = []
    for factor in factors(value):
        known = uniform_value(factor)
        base, scale = scaled_by(factor)
        if known is not None:
            number *= known
        elif base is not factor and isinstance(factor.owner, DivOp):
            parts.append(base)
            number *= scale
        else:
            parts.append(factor)
    return parts, number


def _less_one(value: SSAValue) -> SSAValue | None:
    """y, if the value is 1 + y."""
    op = value.owner
    if not isinstance(op, AddOp):
        return None
    return next((y for y, one in either_way(op) if is_number(one, 1.0)), None)


def _is_scaled(value: SSAValue, x: SSAValue, factor: float) -> bool:
    base, scale = scaled_by(value)
    return base is x and isclose(scale, factor, rel_tol=1e-6)


def _is_cubic(value: SSAValue, x: SSAValue) -> bool:
    """True for sqrt(2 / pi) (x + 0.044715 x^3), also with x taken out of the bracket."""
    parts, number = _numbers_apart(value)
    if not isclose(number, sqrt(2 / pi), rel_tol=1e-6):
        return False
    match parts:
        case [bracket]:
            op = bracket.owner
            return isinstance(op, AddOp) and any(a is x and _is_power(b, x, 3, _CUBIC) for a, b in either_way(op))
        case [a, b]:
            bracket = b if a is x else a
            inner = _less_one(bracket)
            return (a is x or b is x) and inner is not None and _is_power(inner, x, 2, _CUBIC)
        case _:
            return False


def _is_power(value: SSAValue, x: SSAValue, exponent: int, factor: float) -> bool:
    """True for factor x^exponent."""
    parts, number = _numbers_apart(value)
    if not isclose(number, factor, rel_tol=1e-6):
        return False
    powers = [_exponent(part, x) for part in parts]
    return all(powers) and sum(powers) == exponent


def _exponent(value: SSAValue, x: SSAValue) -> int:
    """n, if the value is x^n for n of 1 to 3; else 0."""
    if value is x:
        return 1
    op = value.owner
    if not isinstance(op, PowOp) or op.lhs is not x:
        return 0
    return next((n for n in (2, 3) if is_number(op.rhs, n)), 0)


class RecognizeActivation(RewritePattern):
    """A product that is an activation becomes one op."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MulOp | DivOp, rewriter: PatternRewriter) -> None:
        found = match_activation(op.output)
        if found is not None and found.input.type == op.output.type:
            rewriter.replace(op, found.op.of([found.input]))


@dataclass(frozen=True)
class RecognizeGeluPass(ProgramPass):
    """GELU and SiLU in pieces become one op each."""

    name = "recognize-gelu"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [RecognizeActivation()])
