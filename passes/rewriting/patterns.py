"""Applying rewrite patterns to a module so that every new op keeps the location of what it replaces, and its scale."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import TypeVar, get_args

from xdsl import pattern_rewriter
from xdsl.dialects.builtin import ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriterListener, PatternRewriteWalker, RewritePattern
from xdsl.rewriter import Rewriter

from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.graph.movement import ExpandOp, ReshapeOp, TransposeOp
from dialects.quantized.types import UniformType
from passes.quantization.scales import AS, attach, wanted_type

PatternT = TypeVar("PatternT", bound=RewritePattern)
OpT = TypeVar("OpT", bound=Operation)
Match = Callable[[PatternT, Operation, PatternRewriter], None]

_OP_TYPES: dict[object, tuple[type[Operation], ...]] = {}
"""The classes of ops that a method of a pattern takes, by the method."""


def op_type_rewrite_pattern(match: Callable[[PatternT, OpT, PatternRewriter], None]) -> Match[PatternT]:
    """Makes a method that matches ops of one class, or of a union, match any op: xDSL's decorator, whose classes
    `apply_patterns` knows, so that other ops are not even shown to the pattern.
    """
    checked = pattern_rewriter.op_type_rewrite_pattern(match)
    taken = list(signature(match, eval_str=True).parameters.values())[-2].annotation
    _OP_TYPES[checked] = get_args(taken) or (taken,)
    return checked


@dataclass
class _ByOpType(RewritePattern):
    """The first of some patterns that matches an op rewrites it; the class of the op decides which are asked."""

    patterns: Sequence[RewritePattern]
    _for: dict[type[Operation], Sequence[RewritePattern]] = field(
        default_factory=dict[type[Operation], Sequence[RewritePattern]]
    )

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        kind = type(op)
        patterns = self._for.get(kind)
        if patterns is None:
            patterns = self._for[kind] = [pattern for pattern in self.patterns if _takes(pattern, kind)]
        for pattern in patterns:
            pattern.match_and_rewrite(op, rewriter)
            if rewriter.has_done_action:
                return


def _takes(pattern: RewritePattern, kind: type[Operation]) -> bool:
    return issubclass(kind, _OP_TYPES.get(type(pattern).match_and_rewrite, (Operation,)))


def apply_patterns(module: ModuleOp, patterns: Sequence[RewritePattern]) -> None:
    """Applies the patterns until none matches, earlier ones first; removes ops that nothing needs.

    The patterns must end: xDSL's walker has no limit.
    """
    listener = PatternRewriterListener(operation_replacement_handler=[carry_location, carry_scale])
    PatternRewriteWalker(_ByOpType(patterns), listener=listener).rewrite_module(module)
    erase_dead(module)


def carry_location(op: Operation, results: Sequence[SSAValue | None]) -> None:
    """Gives the location of `op` to the ops that replace it and have none, and to those that were made for them."""
    if isinstance(op.location, UnknownLoc):
        return
    unlocated = [value.owner for value in results if value is not None]
    while unlocated:
        new = unlocated.pop()
        if isinstance(new, Operation) and new is not op and isinstance(new.location, UnknownLoc):
            new.location = op.location
            unlocated.extend(operand.owner for operand in new.operands)


def carry_scale(op: Operation, results: Sequence[SSAValue | None]) -> None:
    """Gives the scale that the result of `op` is to have as integers to what replaces it: where that is only moved, to
    what is moved, as others may move it differently.
    """
    wanted = op.attributes.get(AS)
    if not isinstance(wanted, UniformType) or wanted.channel_axis is not None:
        return
    for value in results:
        while value is not None and isinstance(value.owner, ReshapeOp | TransposeOp | ExpandOp):
            value = value.owner.operands[0]
        if value is not None and wanted_type(value) is None:
            attach(value, wanted)


def replace(op: GraphOp, new: Sequence[Operation], result: SSAValue) -> None:
    """Puts the ops `new` in the place of `op`, whose users then read `result`. Outside of patterns."""
    carry_location(op, [result])
    carry_scale(op, [result])
    if result.name_hint is None:
        result.name_hint = op.output.name_hint
    Rewriter.replace_op(op, list(new), [result])


def erase_dead(module: ModuleOp) -> None:
    """Removes ops of the graph dialect whose result nobody reads."""
    for function in module.body.block.ops:
        if not isinstance(function, FuncOp) or not function.body.blocks:
            continue
        for op in reversed(list(function.body.block.ops)):
            if isinstance(op, GraphOp | ConstantOp) and op.output.first_use is None:
                Rewriter.erase_op(op)


def only_user(value: SSAValue) -> Operation | None:
    """The op that reads the value, if there is exactly one use of it."""
    return value.get_user_of_unique_use()
