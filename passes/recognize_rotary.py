"""`recognize-rotary`: x cos + (-x2, x1) sin, written in pieces, is one rotary embedding of all heads.

Heads may stand before or after the positions. The op keeps them side by side in the last dimension; transposes and
reshapes that bring x there are put around it, and cancel against those that exporters write to take the heads apart.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.attention import RotaryOp
from dialects.graph.base import tensor_type
from dialects.graph.elementwise import AddOp, MulOp
from dialects.graph.movement import ConcatOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.unary import NegOp
from dialects.weights import store_of
from passes.rewriting.matching import either_way
from passes.rewriting.patterns import apply_patterns, op_type_rewrite_pattern
from passes.rewriting.program_pass import ProgramPass
from passes.simplify_graph import movement_patterns


@dataclass(frozen=True)
class Rotation:
    """x cos + (-x2, x1) sin for x of four dimensions: batch, heads and positions, elements."""

    input: SSAValue
    cos: SSAValue
    sin: SSAValue


def match_rotation(op: AddOp) -> Rotation | None:
    """How a sum turns heads by their positions, if it does."""
    for plain, turned in either_way(op):
        if not (isinstance(plain.owner, MulOp) and isinstance(turned.owner, MulOp)):
            continue
        for half_turned, sin in either_way(turned.owner):
            x = _turned_by_quarter(half_turned)
            for same, cos in either_way(plain.owner):
                if x is not None and same is x and tensor_type(x).get_shape() == op.result_type.get_shape():
                    return Rotation(x, cos, sin)
    return None


def _turned_by_quarter(value: SSAValue) -> SSAValue | None:
    """x of four dimensions, if the value is (-x2, x1), the halves of its last dimension."""
    joined = value.owner
    if not isinstance(joined, ConcatOp) or joined.axis.value.data != 3 or len(joined.operands) != 2:
        return None
    negative, first = (operand.owner for operand in joined.operands)
    second = negative.input.owner if isinstance(negative, NegOp) else None
    if not (isinstance(first, SliceOp) and isinstance(second, SliceOp)) or first.input is not second.input:
        return None
    x = tensor_type(first.input).get_shape()
    halves = (range(x[-1] // 2), range(x[-1] // 2, x[-1]))
    taken = [part.ranges() for part in (first, second)]
    others = {ranges[:3] for ranges in taken}
    if x[-1] % 2 or tuple(ranges[3] for ranges in taken) != halves or others != {tuple(map(range, x[:3]))}:
        return None
    return first.input


class RecognizeRotary(RewritePattern):
    """A rotary embedding in pieces becomes one op."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AddOp, rewriter: PatternRewriter) -> None:
        found = match_rotation(op)
        if found is None:
            return
        shape = tensor_type(found.input).get_shape()
        factors = [(1,) * (4 - len(s)) + s for s in (tensor_type(v).get_shape() for v in (found.cos, found.sin))]
        heads = next((d for d in (1, 2) if all(_fits(f, shape, d) for f in factors)), None)
        if heads is None:
            return
        order = (0, 1, 2, 3) if heads == 2 else (0, 2, 1, 3)
        batch, length, count, size = (shape[d] for d in order)
        x = TransposeOp.of([found.input], {"permutation": order})
        joined = ReshapeOp.to(x, (batch, length, count * size))
        cos, sin = (
            ReshapeOp.to(value, (factor[0], length, size))
            for value, factor in zip((found.cos, found.sin), factors, strict=True)
        )
        rotary = RotaryOp.of([joined, cos, sin], {"head_dim": size})
        apart = ReshapeOp.to(rotary, (batch, length, count, size))
        back = TransposeOp.of([apart], {"permutation": order})
        rewriter.replace(op, [x, joined, cos, sin, rotary, apart, back])


def _fits(factor: tuple[int, ...], shape: tuple[int, ...], heads: int) -> bool:
    """True when a factor is the same for all heads, which lie in that dimension, and given for the rest."""
    return (
        factor[heads] == 1
        and factor[0] in (1, shape[0])
        and (factor[3 - heads], factor[3])
        == (
            shape[3 - heads],
            shape[3],
        )
    )


@dataclass(frozen=True)
class RecognizeRotaryPass(ProgramPass):
    """Rotary embeddings in pieces become one op each."""

    name = "recognize-rotary"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [*movement_patterns(store_of(op)), RecognizeRotary()])
