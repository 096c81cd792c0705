"""`recognize-attention`: softmax(q k^T scale + mask) v, written in pieces, is one attention op.

The op keeps heads side by side in the last dimension. Transposes and reshapes that bring operands and result there are
put around it; those that exporters write to take the heads apart cancel against them. Scales may stand before or after
q k^T, on either side. Keys and values that are repeated for heads that share them are taken from before that, and what
a mask hides because it is later than the query is said by a horizon: then no mask of queries by keys is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dialects.graph.attention import AttentionOp, CausalAttentionOp
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import SelectOp
from dialects.graph.movement import ReshapeOp, TransposeOp
from dialects.weights import WeightStore, store_of
from passes.recognition.attention import Attention, Heads, Hiding, before_expand, match_attention
from passes.recognition.masks import Causal, CausalMasks
from passes.rewriting.constants import constant_of, element_count
from passes.rewriting.patterns import apply_patterns, op_type_rewrite_pattern
from passes.rewriting.program_pass import ProgramPass
from passes.simplify_graph import movement_patterns

_ABSORBING = -1e30
"""A number that is the same in fp32 whatever score is added to it."""


@dataclass
class RecognizeAttention(RewritePattern):
    """An attention in pieces becomes one op."""

    store: WeightStore
    masks: CausalMasks

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MatmulOp, rewriter: PatternRewriter) -> None:
        found = match_attention(op)
        if found is None:
            return
        *lead, rows, size = tensor_type(found.query).get_shape()
        batch, heads = (1, *lead)[-2:]
        columns, width = tensor_type(op.rhs).get_shape()[-2:]
        new = _Steps()
        causal = self._causal_part(found)
        if not self._may_add(found, causal, heads):
            return
        mask = self._mask(found, causal, new)
        masks = [] if mask is None or self._is_zero(mask, batch * heads * rows * columns) else [new.of_rank_4(mask)]
        query = new.joined(new.reshaped(found.query, (batch, heads, rows, size)), (0, 2, 1, 3))
        key = new.heads(found.key, (batch, found.key.count, size, columns), (0, 3, 1, 2))
        values = new.heads(found.values, (batch, found.values.count, columns, width), (0, 2, 1, 3))
        properties = {"head_dim": size, "scale": found.scale}
        if causal is None:
            joined = new.add(AttentionOp.of([query, key, values, *masks], properties))
        else:
            horizon = new.add(ConstantOp(self.store.constant(np.arange(1, rows + 1, dtype=np.int32))))
            operands = [query, key, values, horizon, *masks]
            joined = new.add(CausalAttentionOp.of(operands, {**properties, "beyond": causal.beyond}))
        apart = new.reshaped(joined, (batch, rows, heads, width))
        result = new.reshaped(new.transposed(apart, (0, 2, 1, 3)), op.result_type.get_shape())
        rewriter.replace(op, new.ops, [result])

    def _causal_part(self, found: Attention) -> Causal | None:
        if found.instead is not None:
            return self.masks.of_hiding(found.instead) if found.mask is None else None
        return None if found.mask is None else self.masks.of_mask(before_expand(found.mask))

    def _mask(self, found: Attention, causal: Causal | None, new: "_Steps") -> SSAValue | None:
        """What is added to the scores, before it is expanded, beside what is causal; None if nothing is."""
        hiding = found.instead if causal is None else causal.others
        if hiding is not None:
            return new.hidden(hiding, found.query, self.store)
        return None if found.mask is None or causal is not None else before_expand(found.mask)

    def _may_add(self, found: Attention, causal: Causal | None, heads: int) -> bool:
        """True when what is masked can be said by a mask that is added."""
        if causal is None and found.instead is not None:
            return found.mask is None and found.instead.number <= _ABSORBING
        shape = () if found.mask is None else tensor_type(before_expand(found.mask)).get_shape()
        return len(shape) != 3 or shape[0] in (1, heads)

    def _is_zero(self, mask: SSAValue, scores: int) -> bool:
        constant = constant_of(mask)
        return constant is not None and element_count(constant) <= scores and not self.store.held(constant).any()


class _Steps:
    """Ops in the order in which they are made."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []

    def add(self, op: GraphOp | ConstantOp) -> SSAValue:
        self.ops.append(op)
        return op.output

    def hidden(self, hiding: Hiding, like: SSAValue, store: WeightStore) -> SSAValue:
        """A mask of what is hidden, in the element type of another value."""
        scalar = TensorType(tensor_type(like).element_type, [])
        zero, number = (
            self.add(ConstantOp(store.constant(np.array(n, np.float32), scalar))) for n in (0.0, hiding.number)
        )
        choices = (zero, number) if hiding.kept else (number, zero)
        return self.add(SelectOp.of([before_expand(hiding.condition), *choices]))

    def of_rank_4(self, mask: SSAValue) -> SSAValue:
        shape = tensor_type(mask).get_shape()
        return self.reshaped(mask, (1,) * (4 - len(shape)) + shape)

    def reshaped(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        return value if tensor_type(value).get_shape() == tuple(shape) else self.add(ReshapeOp.to(value, shape))

    def transposed(self, value: SSAValue, order: Sequence[int]) -> SSAValue:
        return self.add(TransposeOp.of([value], {"permutation": order}))

    def joined(self, value: SSAValue, order: Sequence[int]) -> SSAValue:
        """Four dimensions brought into an order, and the last two joined."""
        batch, length, heads, size = (tensor_type(value).get_shape()[d] for d in order)
        return self.reshaped(self.transposed(value, order), (batch, length, heads * size))

    def heads(self, heads: Heads, shape: tuple[int, int, int, int], order: Sequence[int]) -> SSAValue:
        """Keys or values of this shape, heads apart, joined as for `joined`."""
        if not heads.swapped:
            return self.joined(self.reshaped(heads.value, shape), order)
        batch, count, a, b = shape
        swapped = self.reshaped(heads.value, (batch, count, b, a))
        return self.joined(swapped, [(0, 1, 3, 2)[d] for d in order])


@dataclass(frozen=True)
class RecognizeAttentionPass(ProgramPass):
    """Attention in pieces becomes one op each."""

    name = "recognize-attention"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        apply_patterns(op, [*movement_patterns(store), RecognizeAttention(store, CausalMasks(store))])
