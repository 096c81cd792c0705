"""Simplifications of ops that move values: transposes, reshapes, slices, pads, gathers, expands, conversions."""

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.element_types import stored_dtype
from dialects.graph.base import GraphOp, broadcast_shape, integers, tensor_type
from dialects.graph.contraction import ConvOp
from dialects.graph.elementwise import BinaryOp, CastOp, SelectOp
from dialects.graph.movement import ConcatOp, ExpandOp, GatherOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.properties import to_attribute
from dialects.graph.unary import UnaryOp
from dialects.weights import WeightStore
from passes.quantization.scales import AS
from passes.rewriting.constants import constant_of, element_count, moved_like
from passes.rewriting.patterns import op_type_rewrite_pattern
from passes.rewriting.permutations import is_identity, moves_only_units, permuted, transpose_below_reshape


def moves_nothing(op: GraphOp) -> bool:
    """True when the result is the first operand as it stands."""
    if not op.operands or tensor_type(op.operands[0]) != op.result_type:
        return False
    match op:
        case TransposeOp():
            return is_identity(op.order)
        case ReshapeOp() | ExpandOp() | CastOp():
            return True
        case SliceOp():
            return all(taken.step == 1 for taken in op.ranges())
        case PadOp():
            return not any(integers(op.pads))
        case ConcatOp():
            return len(op.operands) == 1
        case _:
            return False


class RemoveIdleMovement(RewritePattern):
    """An op that moves nothing gives way to its operand."""

    @op_type_rewrite_pattern
    def match_and_rewrite(
        self,
        op: TransposeOp | ReshapeOp | ExpandOp | CastOp | SliceOp | PadOp | ConcatOp,
        rewriter: PatternRewriter,
    ) -> None:
        if moves_nothing(op) and AS not in op.attributes:
            rewriter.replace(op, [], [op.operands[0]])


@dataclass
class MoveConstant(RewritePattern):
    """A transposed or reshaped constant is a constant: a handle with another permutation or shape."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: TransposeOp | ReshapeOp, rewriter: PatternRewriter) -> None:
        constant = constant_of(op.input)
        if constant is None:
            return
        if isinstance(op, TransposeOp):
            rewriter.replace(op, moved_like(op.input, op.order, constant.type.get_shape(), self.store))
        else:
            rewriter.replace(op, moved_like(op.input, None, op.result_type.get_shape(), self.store))


class ComposeTransposes(RewritePattern):
    """A transpose of a transpose is one transpose."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: TransposeOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if isinstance(inner, TransposeOp):
            order = permuted(inner.order, op.order)
            rewriter.replace(op, TransposeOp.of([inner.input], {"permutation": order}))


class ReshapeForTranspose(RewritePattern):
    """A transpose that moves only dimensions of size 1 is a reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: TransposeOp, rewriter: PatternRewriter) -> None:
        if moves_only_units(op.order, tensor_type(op.input).get_shape()):
            rewriter.replace(op, ReshapeOp.to(op.input, op.result_type.get_shape()))


class ComposeReshapes(RewritePattern):
    """A reshape of a reshape is one reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if isinstance(inner, ReshapeOp):
            rewriter.replace(op, ReshapeOp.to(inner.input, op.result_type.get_shape()))


class ReshapeBeforeTranspose(RewritePattern):
    """Transposes go below reshapes that neither split nor merge what they move apart, where they meet others."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if not isinstance(inner, TransposeOp):
            return
        source = tensor_type(inner.input).get_shape()
        exchange = transpose_below_reshape(source, inner.order, op.result_type.get_shape())
        if exchange is None:
            return
        before = TransposeOp.of([inner.input], {"permutation": exchange.before})
        reshape = ReshapeOp.to(before, exchange.shape)
        rewriter.replace(op, [before, reshape, TransposeOp.of([reshape], {"permutation": exchange.after})])


class PadByWindow(RewritePattern):
    """A convolution pads its rows and columns by itself, with zeros; also where a transpose stands between."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ConvOp, rewriter: PatternRewriter) -> None:
        transpose = op.input.owner if isinstance(op.input.owner, TransposeOp) else None
        pad = (op.input if transpose is None else transpose.input).owner
        if not isinstance(pad, PadOp) or pad.mode.data != "constant" or pad.value.value.data != 0:
            return
        order = (0, 1, 2, 3) if transpose is None else transpose.order
        low, high = (permuted(half, order) for half in (integers(pad.pads)[:4], integers(pad.pads)[4:]))
        if any((low[0], low[3], high[0], high[3])):
            return
        total = tuple(a + b for a, b in zip(integers(op.pads), (*low[1:3], *high[1:3]), strict=True))
        source = TransposeOp.of([pad.input], {"permutation": order})
        properties = {**op.properties, "pads": to_attribute(total)}
        operands = [source.output, *op.operands[1:]]
        new = ConvOp.create(operands=operands, result_types=[op.output.type], properties=properties)
        rewriter.replace(op, [source, new])


class ComposeCasts(RewritePattern):
    """A conversion after one that loses nothing is one conversion."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: CastOp, rewriter: PatternRewriter) -> None:
        inner = op.input.owner
        if not isinstance(inner, CastOp):
            return
        source, between = (stored_dtype(tensor_type(value).element_type) for value in (inner.input, inner.output))
        if np.can_cast(source, between, "safe"):
            rewriter.replace(
                op, CastOp.create(operands=[inner.input], result_types=[op.output.type], properties=op.properties)
            )


class ExpandAfterElementwise(RewritePattern):
    """Element-wise ops broadcast by themselves: they read what was expanded, and the result is expanded if need be."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: UnaryOp | CastOp | BinaryOp | SelectOp, rewriter: PatternRewriter) -> None:
        if not any(isinstance(operand.owner, ExpandOp) for operand in op.operands):
            return
        operands = [_before_expand(operand) for operand in op.operands]
        shape = broadcast_shape(op.name, *(tensor_type(operand).get_shape() for operand in operands))
        given = op.result_type.get_shape()
        if len(shape) != len(given):
            return
        result = TensorType(op.result_type.element_type, shape)
        small = type(op).create(operands=operands, result_types=[result], properties=op.properties)
        rewriter.replace(op, small if shape == given else [small, ExpandOp.to(small, given)])


def _before_expand(value: SSAValue) -> SSAValue:
    return value.owner.input if isinstance(value.owner, ExpandOp) else value


_LONGEST_RANGE = 1 << 16
"""Constants of indices with more elements are not read."""


@dataclass
class SliceForGather(RewritePattern):
    """A gather of positions that follow one another is a slice."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: GatherOp, rewriter: PatternRewriter) -> None:
        indices = constant_of(op.indices)
        if indices is None or not 0 < element_count(indices) <= _LONGEST_RANGE:
            return
        data, axis = tensor_type(op.data).get_shape(), op.axis.value.data
        positions = self.store.held(indices).reshape(-1).astype(np.int64)
        positions = np.where(positions < 0, positions + data[axis], positions)
        start, stop = int(positions[0]), int(positions[0]) + positions.size
        if not (start >= 0 and stop <= data[axis]) or (positions != np.arange(start, stop)).any():
            return
        starts = [start if d == axis else 0 for d in range(len(data))]
        stops = [stop if d == axis else size for d, size in enumerate(data)]
        taken = SliceOp.of([op.data], {"starts": starts, "stops": stops, "steps": [1] * len(data)})
        rewriter.replace(op, [taken, ReshapeOp.to(taken, op.result_type.get_shape())])
