"""`recognize-attention`: softmax(q k^T scale + mask) v, written in pieces, is one attention op.

The op keeps heads side by side in the last dimension. Transposes and reshapes that bring operands and result there are
put around it; those that exporters write to take the heads apart cancel against them. Scales may stand before or after
q k^T, on either side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from dialects.graph.attention import AttentionOp
from dialects.graph.base import integers, tensor_type
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import AddOp, EqualOp, SelectOp
from dialects.graph.movement import ExpandOp, ReshapeOp, TransposeOp
from dialects.graph.normalization import SoftmaxOp
from dialects.graph.reduction import ReduceMaxOp
from dialects.graph.unary import IsnanOp
from dialects.weights import WeightStore, store_of
from passes.rewriting.constants import constant_of, element_count, uniform_value
from passes.rewriting.matching import either_way, is_number, scaled_by
from passes.rewriting.patterns import apply_patterns
from passes.simplify_graph import movement_patterns


@dataclass(frozen=True)
class Attention:
    """softmax(query key scale + mask) values, heads apart: [.., heads, S, D], [.., heads, D, T], [.., heads, T, D']."""

    query: SSAValue
    key: SSAValue
    values: SSAValue
    mask: SSAValue | None
    scale: float


def match_attention(op: MatmulOp) -> Attention | None:
    """The attention whose last product `op` is, if it is one."""
    weights, guard = _unguarded(op.lhs)
    softmax, rank = weights.owner, op.result_type.get_num_dims()
    if (
        rank not in (3, 4)
        or not isinstance(softmax, SoftmaxOp)
        or softmax.axis.value.data != rank - 1
        or _has_epilogue(op)
    ):
        return None
    scores, mask = _mask_apart(softmax.input)
    product, scale = scaled_by(scores)
    inner = product.owner
    if not isinstance(inner, MatmulOp) or _has_epilogue(inner):
        return None
    (query, left), (key, right) = scaled_by(inner.lhs), scaled_by(inner.rhs)
    found = Attention(query, key, op.rhs, mask, scale * left * right)
    return found if _heads_agree(found) and (guard is None or _tells_masked_rows(guard, weights, mask)) else None


def _has_epilogue(op: MatmulOp) -> bool:
    return op.bias is not None or op.activation is not None


def _unguarded(value: SSAValue) -> tuple[SSAValue, SSAValue | None]:
    """x and a condition, if the value is 0 where the condition holds, and x elsewhere; otherwise the value itself."""
    op = value.owner
    if isinstance(op, SelectOp) and is_number(op.lhs, 0.0):
        return op.rhs, op.condition
    return value, None


def _tells_masked_rows(guard: SSAValue, weights: SSAValue, mask: SSAValue | None) -> bool:
    """True when the condition holds for rows that are masked whole; for these the attention op yields zeros itself."""
    match guard.owner:
        case IsnanOp(input=x):
            return x is weights
        case EqualOp(lhs=peak, rhs=lowest) if uniform_value(lowest) == float("-inf"):
            reduced = peak.owner
            if mask is None or not isinstance(reduced, ReduceMaxOp) or not (reduced.kept and _is_last(reduced)):
                return False
            return _before_expand(reduced.input) is _before_expand(mask)
        case _:
            return False


def _is_last(op: ReduceMaxOp) -> bool:
    return integers(op.axes) == (tensor_type(op.input).get_num_dims() - 1,)


def _before_expand(value: SSAValue) -> SSAValue:
    return value.owner.input if isinstance(value.owner, ExpandOp) else value


def _mask_apart(scores: SSAValue) -> tuple[SSAValue, SSAValue | None]:
    """Scores and what is added to them: a product of matrices (scaled or not) and another value."""
    op = scores.owner
    if not isinstance(op, AddOp):
        return scores, None
    for value, mask in either_way(op):
        if isinstance(scaled_by(value)[0].owner, MatmulOp) and value.type == scores.type:
            return value, mask
    return scores, None


def _heads_agree(found: Attention) -> bool:
    """True when batch and heads of all three are the same, nothing being broadcast."""
    shapes = [tensor_type(value).get_shape() for value in (found.query, found.key, found.values)]
    return len({shape[:-2] for shape in shapes}) == 1 and len({len(shape) for shape in shapes}) == 1


@dataclass
class RecognizeAttention(RewritePattern):
    """An attention in pieces becomes one op."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MatmulOp, rewriter: PatternRewriter) -> None:
        found = match_attention(op)
        if found is None:
            return
        *lead, rows, size = tensor_type(found.query).get_shape()
        columns, width = tensor_type(found.values).get_shape()[-2:]
        batch, heads = (1, *lead)[-2:]
        new = _Steps()
        query = new.joined(new.reshaped(found.query, (batch, heads, rows, size)), (0, 2, 1, 3))
        key = new.joined(new.reshaped(found.key, (batch, heads, size, columns)), (0, 3, 1, 2))
        values = new.joined(new.reshaped(found.values, (batch, heads, columns, width)), (0, 2, 1, 3))
        operands = [query, key, values]
        mask = self._mask(found.mask, (batch, heads, rows, columns), new)
        if mask is not None:
            operands.append(mask)
        joined = new.add(AttentionOp.of(operands, {"head_dim": size, "scale": found.scale}))
        apart = new.reshaped(joined, (batch, rows, heads, width))
        result = new.reshaped(new.transposed(apart, (0, 2, 1, 3)), op.result_type.get_shape())
        rewriter.replace(op, new.ops, [result])

    def _mask(self, mask: SSAValue | None, scores: tuple[int, ...], new: "_Steps") -> SSAValue | None:
        """The mask in four dimensions, before it is expanded; None if it is known to be zero."""
        if mask is None:
            return None
        mask = _before_expand(mask)
        constant = constant_of(mask)
        if constant is not None and element_count(constant) <= prod(scores) and not self.store.held(constant).any():
            return None
        shape = tensor_type(mask).get_shape()
        if len(shape) == 3 and shape[0] not in (1, scores[1]):
            return None
        return new.reshaped(mask, (1,) * (4 - len(shape)) + shape)


class _Steps:
    """Ops in the order in which they are made."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []

    def add(self, op: AttentionOp | ReshapeOp | TransposeOp) -> SSAValue:
        self.ops.append(op)
        return op.output

    def reshaped(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        return value if tensor_type(value).get_shape() == tuple(shape) else self.add(ReshapeOp.to(value, shape))

    def transposed(self, value: SSAValue, order: Sequence[int]) -> SSAValue:
        return self.add(TransposeOp.of([value], {"permutation": order}))

    def joined(self, value: SSAValue, order: Sequence[int]) -> SSAValue:
        """Four dimensions brought into an order, and the last two joined."""
        batch, length, heads, size = (tensor_type(value).get_shape()[d] for d in order)
        return self.reshaped(self.transposed(value, order), (batch, length, heads * size))


@dataclass(frozen=True)
class RecognizeAttentionPass(ModulePass):
    """Attention in pieces becomes one op each."""

    name = "recognize-attention"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        apply_patterns(op, [*movement_patterns(store), RecognizeAttention(store)])
