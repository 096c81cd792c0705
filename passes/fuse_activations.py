"""`fuse-activations`: a convolution or matrix product applies the bias and the activation that follow it by itself.

So the sums are rounded once, after the activation. Only what nobody else reads is fused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.contraction import ContractionOp
from dialects.graph.elementwise import AddOp
from dialects.graph.kernels.activation import ACTIVATIONS, LIMITS
from dialects.graph.locations import location_of_both
from dialects.graph.unary import ClipOp, UnaryOp
from passes.quantization.scales import wanted_type
from passes.rewriting.constants import constant_like, constant_of, reshaped
from passes.rewriting.patterns import apply_patterns, only_user, op_type_rewrite_pattern
from passes.rewriting.program_pass import ProgramPass


def fusible_contraction(value: SSAValue) -> ContractionOp | None:
    """The contraction that makes the value, if nobody else reads it, it has no activation yet, and its result is not to
    be integers as it is.
    """
    op = value.owner
    if not isinstance(op, ContractionOp) or op.activation is not None or wanted_type(value) is not None:
        return None
    return op if only_user(value) is not None else None


class FuseBias(RewritePattern):
    """A sum with a constant row is the contraction's bias."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AddOp, rewriter: PatternRewriter) -> None:
        for value, row in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            contraction, constant = fusible_contraction(value), constant_of(row)
            if contraction is None or constant is None or len(contraction.operands) > 2:
                continue
            features = contraction.result_type.get_shape()[-1:]
            if op.output.type != value.type or not _is_row(tensor_type(row).get_shape(), features):
                continue
            bias = constant_like(row, reshaped(constant, features))
            operands = [*contraction.operands, bias.output]
            rewriter.replace(op, [bias, with_epilogue(contraction, operands, {}, op)])
            rewriter.erase(contraction)
            return


def _is_row(shape: tuple[int, ...], features: tuple[int, ...]) -> bool:
    return shape[-1:] == features and all(size == 1 for size in shape[:-1])


class FuseActivation(RewritePattern):
    """An activation that contractions know is applied by the one before it."""

    def __init__(self, activations: Collection[str]):
        self._activations = activations

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: UnaryOp, rewriter: PatternRewriter) -> None:
        contraction = fusible_contraction(op.input) if op.kernel_name() in self._activations else None
        if contraction is None:
            return
        added: dict[str, Attribute] = {"activation": StringAttr(op.kernel_name())}
        if isinstance(op, ClipOp):
            added["bounds"] = op.bounds
        rewriter.replace(op, with_epilogue(contraction, contraction.operands, added, op))
        rewriter.erase(contraction)


def with_epilogue(
    op: ContractionOp, operands: Sequence[SSAValue], added: dict[str, Attribute], last: GraphOp
) -> GraphOp:
    """The contraction with these operands and further properties. It belongs to its own node, and makes the tensor of
    the last op that it stands for.
    """
    new = type(op).create(operands=operands, result_types=[op.output.type], properties={**op.properties, **added})
    new.location = location_of_both(op, last)
    return new


@dataclass(frozen=True)
class FuseActivationsPass(ProgramPass):
    """Contractions apply the bias and the activation that follow them."""

    name = "fuse-activations"

    limits_only: bool = False
    """Of activations only those that limit the result: integers can have no others."""

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        activations = LIMITS if self.limits_only else ACTIVATIONS
        apply_patterns(op, [FuseBias(), FuseActivation(activations)])
