"""`sink-transposes`: transposes move towards the results, until they meet others and cancel, or something stops them.

An op whose operands all come in one order of dimensions can as well compute in the order from before the transposes,
and have its result transposed. So a chain of channels-last convolutions, imported from a channels-first model, loses
the transposes between its layers. Constants are permuted to fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.base import GraphOp, integers, tensor_type
from dialects.graph.elementwise import BinaryOp, CastOp, SelectOp
from dialects.graph.movement import ConcatOp, ExpandOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.normalization import BatchNormOp, SoftmaxBase
from dialects.graph.properties import Arguments, to_attribute
from dialects.graph.reduction import CumsumOp, PositionOp, ReduceOp
from dialects.graph.resizing import ResizeOp
from dialects.graph.unary import UnaryOp
from dialects.quantized.conversion import ScaledOp
from dialects.weights import WeightStore, store_of
from passes.rewriting.constants import constant_of, moved_like
from passes.rewriting.patterns import apply_patterns, op_type_rewrite_pattern
from passes.rewriting.permutations import Order, inverse, is_identity, moves_only_units, permuted
from passes.rewriting.program_pass import ProgramPass
from passes.simplify_graph import movement_patterns

_Aligned = UnaryOp | CastOp | ScaledOp | BinaryOp | SelectOp | ConcatOp
"""Ops each of whose operands has the dimensions of the result."""

_Movable = SoftmaxBase | ReduceOp | PositionOp | CumsumOp | SliceOp | PadOp | BatchNormOp | ExpandOp | ResizeOp
"""Ops whose first operand may be permuted; what other operands they have lies along one dimension."""


@dataclass
class SinkTranspose(RewritePattern):
    """op(transpose(x)) becomes transpose(op'(x)), where op' does the same in the order of x's dimensions."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: GraphOp, rewriter: PatternRewriter) -> None:
        order = _common_order(op)
        if order is None:
            return
        added: list[Operation] = []
        operands = self._operands(op, order, added)
        if operands is None:
            return
        properties = {**op.properties, **{name: to_attribute(v) for name, v in moved_properties(op, order).items()}}
        after = result_order(op, order)
        shape = permuted(op.result_type.get_shape(), inverse(after))
        result = TensorType(op.result_type.element_type, shape)
        new = type(op).create(operands=operands, result_types=[result], properties=properties)
        new.output.name_hint = op.output.name_hint
        rewriter.replace(op, [*added, new, TransposeOp.of([new], {"permutation": after})])

    def _operands(self, op: GraphOp, order: Order, added: list[Operation]) -> list[SSAValue] | None:
        """The operands in the order from before the transposes, or None if one of them cannot be had."""
        if not isinstance(op, _Aligned):
            return [_untransposed(op.operands[0]), *op.operands[1:]]
        operands = [self._aligned(operand, order, not isinstance(op, ConcatOp), added) for operand in op.operands]
        known = [operand for operand in operands if operand is not None]
        return known if len(known) == len(operands) else None

    def _aligned(self, value: SSAValue, order: Order, broadcasts: bool, added: list[Operation]) -> SSAValue | None:
        owner, shape = value.owner, tensor_type(value).get_shape()
        if isinstance(owner, TransposeOp) and owner.order == order:
            return owner.input
        if broadcasts and all(size == 1 for size in shape):
            return value
        back = inverse(order)
        full = (1,) * (len(order) - len(shape)) + shape
        if constant_of(value) is not None:
            new = moved_like(value, back, full, self.store)
        elif moves_only_units(back, full):
            new = ReshapeOp.to(value, permuted(full, back))
        else:
            return None
        added.append(new)
        return new.output


class SinkUnitReshape(RewritePattern):
    """A function of one operand goes above a reshape that moves only dimensions of size 1: once a transpose, maybe."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: UnaryOp | CastOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if not isinstance(inner, ReshapeOp):
            return
        source, target = (tensor_type(value).get_shape() for value in (inner.input, inner.output))
        if [size for size in source if size != 1] != [size for size in target if size != 1]:
            return
        result = TensorType(op.result_type.element_type, source)
        new = type(op).create(operands=[inner.input], result_types=[result], properties=op.properties)
        rewriter.replace(op, [new, ReshapeOp.to(new, target)])


def _untransposed(value: SSAValue) -> SSAValue:
    assert isinstance(value.owner, TransposeOp)
    return value.owner.input


def _common_order(op: GraphOp) -> Order | None:
    """The order of a transpose that the op can be moved above, judging by the operands that are transposes."""
    if not isinstance(op, _Aligned):
        first = op.operands[0].owner if isinstance(op, _Movable) else None
        return first.order if isinstance(first, TransposeOp) else None
    rank = op.result_type.get_num_dims()
    orders = {operand.owner.order for operand in op.operands if isinstance(operand.owner, TransposeOp)}
    if len(orders) != 1:
        return None
    (order,) = orders
    return order if len(order) == rank and not is_identity(order) else None


def moved_properties(op: GraphOp, order: Order) -> Arguments:
    """The properties that name dimensions, for an operand from before its transpose by `order`."""
    match op:
        case SoftmaxBase() | ConcatOp() | BatchNormOp() | CumsumOp() | PositionOp() | ResizeOp():
            return {"axis": order[op.axis.value.data]}
        case ReduceOp():
            return {"axes": tuple(sorted(order[d] for d in integers(op.axes)))}
        case SliceOp():
            back = inverse(order)
            values = {"starts": op.starts, "stops": op.stops, "steps": op.steps}
            return {name: permuted(integers(value), back) for name, value in values.items()}
        case PadOp():
            back, pads, rank = inverse(order), integers(op.pads), len(order)
            return {"pads": permuted(pads[:rank], back) + permuted(pads[rank:], back)}
        case _:
            return {}


def result_order(op: GraphOp, order: Order) -> Order:
    """How the result of the op on the operand from before its transpose by `order` is transposed."""
    match op:
        case ReduceOp() if not op.kept:
            return _without(order, integers(op.axes))
        case PositionOp() if not op.keepdims.value.data:
            return _without(order, [op.axis.value.data])
        case _:
            return order


def _without(order: Order, axes: Sequence[int]) -> Order:
    """The permutation that is left when the dimensions `axes` of the result have gone."""
    kept = [order[d] for d in range(len(order)) if d not in axes]
    return tuple(sorted(kept).index(source) for source in kept)


@dataclass(frozen=True)
class SinkTransposesPass(ProgramPass):
    """Transposes move towards the results until they cancel."""

    name = "sink-transposes"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        apply_patterns(op, [*movement_patterns(store), SinkTranspose(store), SinkUnitReshape()])
