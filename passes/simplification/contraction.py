"""Simplifications of matrix products: of what is reshaped around them, and of what only parts are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.base import tensor_type
from dialects.graph.contraction import MatmulOp
from dialects.graph.movement import ReshapeOp, SliceOp
from dialects.weights import WeightStore
from passes.rewriting.constants import columns_like, constant_of
from passes.rewriting.patterns import carry_scale, only_user, op_type_rewrite_pattern


class ReshapeBeforeMatmul(RewritePattern):
    """Rows of a product with a matrix are regrouped before it, where they meet the reshape that grouped them as they
    are: exporters write linear layers as products of two dimensions.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter) -> None:
        product = op.input.owner
        if not isinstance(product, MatmulOp) or not _rows_come_reshaped(op.input):
            return
        shape = op.result_type.get_shape()
        if len(shape) < 2 or shape[-1] != product.result_type.get_shape()[-1]:
            return
        rows = ReshapeOp.to(product.lhs, (*shape[:-1], tensor_type(product.lhs).get_shape()[-1]))
        operands = [rows.output, *product.operands[1:]]
        new = _with_operands(product, operands, op)
        rewriter.replace(op, [rows, new])
        rewriter.erase(product)


def _rows_come_reshaped(value: SSAValue) -> bool:
    """True for a product with a matrix, read once, whose rows come from a reshape, or from another such product."""
    while isinstance(value.owner, MatmulOp) and only_user(value) is not None:
        product = value.owner
        if tensor_type(product.rhs).get_num_dims() != 2:
            return False
        value = product.lhs
        if isinstance(value.owner, ReshapeOp):
            source, rows = (tensor_type(v).get_shape() for v in (value.owner.input, value))
            return source[-1:] == rows[-1:]
    return False


_LEAST_COLUMNS = 64
"""A part with fewer columns would cost more as a product of its own than it costs to take out."""


@dataclass
class PartOfMatmul(RewritePattern):
    """Where only parts of a product's columns are read, apart from each other, each is a product of its own: queries,
    keys and values that are made with one matrix.
    """

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SliceOp, rewriter: PatternRewriter) -> None:
        product = op.input.owner
        if not isinstance(product, MatmulOp):
            return
        columns = _columns_of(op)
        factors = [constant_of(operand) for operand in product.operands[1:]]
        if columns is None or not _reads_parts_only(product):
            return
        if None in factors:
            return
        narrow = [columns_like(operand, columns, self.store) for operand in product.operands[1:]]
        operands = [product.lhs, *(constant.output for constant in narrow)]
        rewriter.replace(op, [*narrow, _with_operands(product, operands, op)])


def _with_operands(product: MatmulOp, operands: Sequence[SSAValue], op: ReshapeOp | SliceOp) -> MatmulOp:
    """The product on other operands, in the place of an op that moves its result, whose scale as integers it has."""
    new = MatmulOp.create(operands=operands, result_types=[op.output.type], properties=product.properties)
    new.location = product.location
    carry_scale(product, [new.output])
    return new


def _reads_parts_only(product: MatmulOp) -> bool:
    """True when all that is read of a product are parts of its columns that have none in common."""
    parts: list[range] = []
    for use in product.output.uses:
        columns = _columns_of(use.operation)
        if columns is None or len(columns) < _LEAST_COLUMNS:
            return False
        parts.append(columns)
    parts.sort(key=lambda part: part.start)
    return all(one.stop <= other.start for one, other in pairwise(parts))


def _columns_of(op: Operation) -> range | None:
    """The columns that a slice takes, if it takes all else."""
    if not isinstance(op, SliceOp):
        return None
    *others, columns = op.ranges()
    whole = [range(size) for size in tensor_type(op.input).get_shape()[:-1]]
    return columns if others == whole and columns.step == 1 else None
