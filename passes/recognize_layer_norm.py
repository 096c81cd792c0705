"""`recognize-layer-norm`: (x - mean x) / sqrt(mean (x - mean x)^2 + epsilon), in pieces, is one layer normalization.

Likewise x / sqrt(mean x^2 + epsilon) is an RMS normalization. Products and sums with a row of constants that follow
become scale and bias.
"""

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.element_types import stored_dtype
from dialects.graph.base import tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import AddOp, DivOp, MulOp, SubOp
from dialects.graph.movement import ReshapeOp
from dialects.graph.normalization import LayerNormOp, RmsNormOp
from dialects.weights import WeightStore, store_of
from passes.rewriting.constants import constant_of, uniform_value
from passes.rewriting.matching import either_way, mean_of_last, quotient_by_root, square_of
from passes.rewriting.patterns import apply_patterns, only_user, op_type_rewrite_pattern
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class Normalization:
    """The last dimension of `input`, less its mean if `centred`, over the root of mean square plus epsilon."""

    input: SSAValue
    centred: bool
    epsilon: float


def match_normalization(value: SSAValue) -> Normalization | None:
    """How the value normalizes the last dimension of another, if it does."""
    quotient = quotient_by_root(value)
    if quotient is None or not isinstance(quotient[1].owner, AddOp):
        return None
    x = quotient[0]
    for mean_square, added in either_way(quotient[1].owner):
        epsilon = uniform_value(added)
        square = mean_of_last(mean_square)
        squared = square_of(square) if square is not None else None
        if epsilon is None or squared is None or not _same(squared, x):
            continue
        centred = _centred(x)
        return Normalization(x, False, epsilon) if centred is None else Normalization(centred, True, epsilon)
    return None


def _same(a: SSAValue, b: SSAValue) -> bool:
    """True for one value, and for two differences of the same values (exporters write x - mean twice)."""
    if a is b:
        return True
    return isinstance(a.owner, SubOp) and isinstance(b.owner, SubOp) and a.owner.operands == b.owner.operands


def _centred(value: SSAValue) -> SSAValue | None:
    """x, if the value is x less the mean of its last dimension."""
    op = value.owner
    return op.lhs if isinstance(op, SubOp) and mean_of_last(op.rhs) is op.lhs else None


@dataclass
class RecognizeNormalization(RewritePattern):
    """A normalization in pieces becomes one op whose scale is 1."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DivOp | MulOp, rewriter: PatternRewriter) -> None:
        found = match_normalization(op.output)
        if found is None or tensor_type(found.input) != op.result_type:
            return
        element = op.result_type.element_type
        scale = ConstantOp(self.store.constant(np.ones(op.result_type.get_shape()[-1], stored_dtype(element))))
        kind = LayerNormOp if found.centred else RmsNormOp
        rewriter.replace(op, [scale, kind.of([found.input, scale], {"epsilon": found.epsilon})])


@dataclass
class ScaleNormalization(RewritePattern):
    """A product with a row, after a normalization whose scale is 1, is its scale; a sum with a row is its bias."""

    store: WeightStore

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MulOp | AddOp, rewriter: PatternRewriter) -> None:
        for value, row in either_way(op):
            norm = value.owner
            if (
                not isinstance(norm, LayerNormOp | RmsNormOp)
                or only_user(value) is None
                or op.output.type != value.type
            ):
                continue
            width = norm.result_type.get_shape()[-1]
            shape = tensor_type(row).get_shape()
            if constant_of(row) is None or shape[-1:] != (width,) or any(size != 1 for size in shape[:-1]):
                continue
            if not self._takes(norm, op):
                continue
            vector = ReshapeOp.to(row, (width,))
            operands = [norm.input, vector.output] if isinstance(op, MulOp) else [norm.input, norm.scale, vector.output]
            new = type(norm).create(operands=operands, result_types=[op.output.type], properties=norm.properties)
            new.location = norm.location
            rewriter.replace(op, [vector, new])
            rewriter.erase(norm)
            return

    def _takes(self, norm: LayerNormOp | RmsNormOp, op: MulOp | AddOp) -> bool:
        if isinstance(norm, LayerNormOp) and norm.bias is not None:
            return False
        if isinstance(op, AddOp):
            return isinstance(norm, LayerNormOp)
        scale = constant_of(norm.scale)
        return scale is not None and bool((self.store.held(scale) == 1).all())


@dataclass(frozen=True)
class RecognizeLayerNormPass(ProgramPass):
    """Layer and RMS normalizations in pieces become one op each."""

    name = "recognize-layer-norm"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        apply_patterns(op, [RecognizeNormalization(store), ScaleNormalization(store)])
