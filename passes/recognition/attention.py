"""Attention in pieces: softmax(q k^T scale + mask) v, as exporters write it."""

from dataclasses import dataclass

from xdsl.ir import SSAValue

from dialects.graph.base import integers, tensor_type
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import AddOp, EqualOp, SelectOp
from dialects.graph.movement import ExpandOp, ReshapeOp, TransposeOp
from dialects.graph.normalization import SoftmaxOp
from dialects.graph.reduction import ReduceMaxOp
from dialects.graph.unary import IsnanOp
from passes.rewriting.constants import uniform_value
from passes.rewriting.matching import either_way, is_number, scaled_by


@dataclass(frozen=True)
class Heads:
    """Keys or values of heads: [.., kv heads, A, B], or with these last two dimensions swapped.

    `value` has as many elements as that, perhaps in more dimensions of which some have size 1.
    """

    value: SSAValue
    count: int
    swapped: bool = False


@dataclass(frozen=True)
class Hiding:
    """A number that a value is where a condition holds, or, if `kept`, where the condition does not hold."""

    condition: SSAValue
    number: float
    kept: bool


@dataclass(frozen=True)
class Attention:
    """softmax(query key scale + mask) values, heads apart: [.., heads, S, D], [.., kv, D, T], [.., kv, T, D'].

    `instead`: what takes the place of some of the scaled scores.
    """

    query: SSAValue
    key: Heads
    values: Heads
    mask: SSAValue | None
    instead: Hiding | None
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
    scores, instead = _replacement_apart(scores)
    product, scale = scaled_by(scores)
    inner = product.owner
    if not isinstance(inner, MatmulOp) or _has_epilogue(inner):
        return None
    if guard is not None and not _tells_masked_rows(guard, weights, mask):
        return None
    (query, left), (key, right) = scaled_by(inner.lhs), scaled_by(inner.rhs)
    heads = _served(query, key, op.rhs)
    return None if heads is None else Attention(query, *heads, mask, instead, scale * left * right)


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
            return before_expand(reduced.input) is before_expand(mask)
        case _:
            return False


def _is_last(op: ReduceMaxOp) -> bool:
    return integers(op.axes) == (tensor_type(op.input).get_num_dims() - 1,)


def before_expand(value: SSAValue) -> SSAValue:
    """The value before its dimensions of size 1 were repeated."""
    return value.owner.input if isinstance(value.owner, ExpandOp) else value


def _mask_apart(scores: SSAValue) -> tuple[SSAValue, SSAValue | None]:
    """Scores and what is added to them: a product of matrices (scaled, replaced in part or not) and another value."""
    op = scores.owner
    if not isinstance(op, AddOp):
        return scores, None
    for value, mask in either_way(op):
        product, _ = scaled_by(_replacement_apart(value)[0])
        if isinstance(product.owner, MatmulOp) and value.type == scores.type:
            return value, mask
    return scores, None


def _replacement_apart(scores: SSAValue) -> tuple[SSAValue, Hiding | None]:
    """x and what hides it, if the value is x with a number in place of some elements; otherwise the value itself."""
    op = scores.owner
    if not isinstance(op, SelectOp):
        return scores, None
    hiding = hiding_of(op)
    kept = op.lhs if hiding is not None and hiding.kept else op.rhs
    return (scores, None) if hiding is None or kept.type != scores.type else (kept, hiding)


def hiding_of(op: SelectOp) -> Hiding | None:
    """The number that a selection yields at some places, if it is the same at all of them; of two, the lower one."""
    numbers = [uniform_value(value) for value in (op.lhs, op.rhs)]
    known = [float(number) for number in numbers if number is not None]
    if not known:
        return None
    kept = numbers[1] is not None and float(numbers[1]) == min(known)
    return Hiding(op.condition, min(known), kept)


def _served(query: SSAValue, key: SSAValue, values: SSAValue) -> tuple[Heads, Heads] | None:
    """Keys and values of the heads of a query, each before it was repeated for heads that share it; None when batches
    or heads do not fit.
    """
    shapes = [tensor_type(value).get_shape() for value in (query, key, values)]
    if len({shape[:-2] for shape in shapes}) != 1 or len({len(shape) for shape in shapes}) != 1:
        return None
    shared_key, shared_values = _shared(key), _shared(values)
    if shared_key is not None and shared_values is not None and shared_key.count == shared_values.count:
        return shared_key, shared_values
    heads = (1, *shapes[0])[-3]
    return Heads(key, heads), Heads(values, heads)


def _shared(value: SSAValue) -> Heads | None:
    """The heads of which each is repeated to give the value [B, heads, A, B'], if that is how it comes about: one head
    after the other, [B, kv, 1, ..] expanded to [B, kv, shared, ..] and reshaped.
    """
    op, swapped = value.owner, False
    if isinstance(op, TransposeOp) and op.order == (0, 1, 3, 2):
        op, swapped = op.input.owner, True
    if not isinstance(op, ReshapeOp) or not isinstance(op.input.owner, ExpandOp):
        return None
    source, target = op.input.owner.input, op.result_type.get_shape()
    small, large = tensor_type(source).get_shape(), tensor_type(op.input).get_shape()
    if len(target) != 4 or len(large) != 5 or (large[0], large[1] * large[2], *large[3:]) != target:
        return None
    return Heads(source, large[1], swapped) if small == (*large[:2], 1, *large[3:]) else None
