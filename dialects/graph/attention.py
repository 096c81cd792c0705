"""Ops on heads that lie side by side in the last dimension: scaled dot-product attention, rotary embedding."""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, i64
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_float, check_positions, check_same_element, like, tensor_type
from dialects.indexing import Access, Along, Indexing, Whole, scaled


class HeadsOp(GraphOp):
    """Attention of the queries of every head to the keys of one. The first operands are queries, keys and values."""

    FOLDS: ClassVar[bool] = False

    head_dim = prop_def(IntegerAttr.constr(i64))
    """D: elements of q and of k per head."""
    scale = prop_def(FloatAttr)
    """Usually 1 / sqrt D."""
    absorbing = opt_prop_def(FloatAttr)
    """A mask at or below this number takes the place of the score: the lowest number of a type, in which a sum with a
    score is rounded to it. None: masks are added, whatever they are.
    """

    @property
    def heads(self) -> int:
        """Number of heads of q."""
        return self.operand_types[0].get_shape()[-1] // self.head_dim.value.data

    @property
    def kv_heads(self) -> int:
        """Number of heads of k and v."""
        return self.operand_types[1].get_shape()[-1] // self.head_dim.value.data

    @property
    def value_dim(self) -> int:
        """D': elements of v and of the result per head."""
        return self.operand_types[2].get_shape()[-1] // self.kv_heads

    @property
    def is_masked(self) -> bool:
        """True when something hides keys."""
        return len(self.operands) > 3

    @property
    def scores(self) -> tuple[int, ...]:
        """Shape of the scores: [B, heads, S, T]."""
        batch, rows, _ = self.operand_types[0].get_shape()
        return batch, self.heads, rows, self.operand_types[1].get_shape()[1]

    def infer(self) -> Tensor:
        q, k, v = self.operand_types[:3]
        check_float(self.name, q)
        check_same_element(self.name, q, k, v)
        if not q.get_num_dims() == k.get_num_dims() == v.get_num_dims() == 3:
            raise VerifyException(f"{self.name}: q, k and v need 3 dimensions, got {q}, {k}, {v}")
        (batch, rows, width), (k_batch, _, k_width) = q.get_shape(), k.get_shape()
        if batch != k_batch or v.get_shape()[:2] != k.get_shape()[:2] or not k.get_shape()[1]:
            raise VerifyException(f"{self.name}: batch or length of {q}, {k}, {v} differ, or there are no keys")
        size = self.head_dim.value.data
        if size < 1 or width % size or k_width % size or not self.kv_heads or self.heads % self.kv_heads:
            raise VerifyException(f"{self.name}: heads of {size} elements do not fit {q} and {k}")
        if v.get_shape()[2] % self.kv_heads:
            raise VerifyException(f"{self.name}: {self.kv_heads} heads do not fit {v}")
        return TensorType(q.element_type, [batch, rows, self.heads * self.value_dim])

    def workspace(self) -> int:
        """The keys, or one query's scores, of every head."""
        batch, heads, _, keys = self.scores
        return batch * heads * keys * self.head_dim.value.data

    def check_mask(self, value: SSAValue | None) -> None:
        """Raises VerifyException for a mask that does not broadcast to the scores."""
        if value is None:
            return
        check_same_element(self.name, self.operand_types[0], tensor_type(value))
        mask = tensor_type(value).get_shape()
        if len(mask) != 4 or any(size not in (1, full) for size, full in zip(mask, self.scores, strict=True)):
            raise VerifyException(f"{self.name}: mask {value.type} does not broadcast to scores {self.scores}")

    def indexing_with(self, others: Sequence[tuple[Access, ...]], mask: SSAValue | None) -> Indexing:
        """The table of q, k, v, of other operands and of a mask."""
        shared = self.heads // self.kv_heads
        size, result = self.head_dim.value.data, self.value_dim
        q = (Along(0), Along(1), scaled(2, size, result))
        k = (Along(0), Whole(), scaled(2, size, shared * result))
        v = (Along(0), Whole(), scaled(2, 1, shared))
        last = () if mask is None else (self._mask_access(mask),)
        return Indexing((1, 1, shared * result), (q, k, v, *others, *last))

    def _mask_access(self, mask: SSAValue) -> tuple[Access, ...]:
        follows = (Along(0), scaled(2, 1, self.value_dim), Along(1), Whole())
        sizes = tensor_type(mask).get_shape()
        return tuple(Whole() if size == 1 else access for size, access in zip(sizes, follows, strict=True))


@irdl_op_definition
class AttentionOp(HeadsOp):
    """softmax(q k^T scale + mask) v for every head. ONNX: Attention-23, and what exporters write in its place.

    q [B, S, heads D], k [B, T, kv D], v [B, T, kv D'], mask [B or 1, heads or 1, S or 1, T or 1]; result [B, S, heads
    D']. Each of the kv heads serves heads / kv consecutive heads of q.
    """

    name = "graph.attention"

    query = operand_def(TensorType)
    key = operand_def(TensorType)
    values = operand_def(TensorType)
    mask = opt_operand_def(TensorType)
    """Added to the scaled scores."""

    def infer(self) -> Tensor:
        result = super().infer()
        self.check_mask(self.mask)
        return result

    def indexing(self) -> Indexing:
        return self.indexing_with((), self.mask)


@irdl_op_definition
class CausalAttentionOp(HeadsOp):
    """Attention in which query i looks at the keys before horizon[i].

    As `graph.attention`, with horizon [S] of integers, each at least 1. At the keys from horizon[i] on the mask is
    `beyond`, or what is given where that is lower: so no mask [S, T] is needed for what follows from positions.
    """

    name = "graph.causal_attention"

    query = operand_def(TensorType)
    key = operand_def(TensorType)
    values = operand_def(TensorType)
    horizon = operand_def(TensorType)
    """Number of keys that each query looks at: 1, 2, .. S in a decoder."""
    mask = opt_operand_def(TensorType)
    """Added to the scaled scores."""
    beyond = prop_def(FloatAttr)
    """Mask of the keys from the horizon on: minus infinity, or a number that leaves them no weight unless all keys of
    the query are masked.
    """

    def infer(self) -> Tensor:
        result, horizon = super().infer(), tensor_type(self.horizon)
        check_positions(self.name, horizon)
        if horizon.get_shape() != self.scores[2:3]:
            raise VerifyException(f"{self.name}: horizon {horizon} for {self.scores[2]} queries")
        self.check_mask(self.mask)
        return result

    def indexing(self) -> Indexing:
        return self.indexing_with([(Along(1),)], self.mask)


@irdl_op_definition
class RotaryOp(GraphOp):
    """Every head x turned by its position: x cos + (-x2, x1) sin, where x1 and x2 are its halves.

    x [B, S, heads D], cos and sin [B or 1, S, D]. ONNX: RotaryEmbedding-23, and what exporters write in its place.
    """

    name = "graph.rotary"

    input = operand_def(TensorType)
    cos = operand_def(TensorType)
    sin = operand_def(TensorType)
    head_dim = prop_def(IntegerAttr.constr(i64))
    """D: elements per head, an even number."""

    def infer(self) -> Tensor:
        x, size = tensor_type(self.input), self.head_dim.value.data
        check_float(self.name, x)
        check_same_element(self.name, *self.operand_types)
        if x.get_num_dims() != 3 or size < 2 or size % 2 or x.get_shape()[2] % size:
            raise VerifyException(f"graph.rotary: {x} does not hold heads of {size} elements, an even number")
        batch, length, _ = x.get_shape()
        for factor in (tensor_type(self.cos), tensor_type(self.sin)):
            if factor.get_shape() not in ((batch, length, size), (1, length, size)):
                raise VerifyException(f"graph.rotary: {factor} does not fit {x} with heads of {size} elements")
        return like(x)

    def indexing(self) -> Indexing:
        factors = [
            (Whole() if factor.get_shape()[0] == 1 else Along(0), Along(1), Whole())
            for factor in self.operand_types[1:]
        ]
        return Indexing((1, 1, self.head_dim.value.data), ((Along(0), Along(1), Along(2)), *factors))


ATTENTION_OPS: tuple[type[GraphOp], ...] = (AttentionOp, CausalAttentionOp, RotaryOp)
