"""`graph.attention`: scaled dot-product attention over heads that lie side by side in the last dimension."""

from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_float, tensor_type
from dialects.indexing import Access, Along, Indexing, Whole, scaled


@irdl_op_definition
class AttentionOp(GraphOp):
    """softmax(q k^T scale + mask) v for every head. ONNX: Attention-23, and what exporters write in its place.

    q [B, S, heads D], k [B, T, kv D], v [B, T, kv D'], mask [B or 1, heads or 1, S or 1, T or 1]; result [B, S, heads
    D']. Each of the kv heads serves heads / kv consecutive heads of q.
    """

    name = "graph.attention"
    FOLDS: ClassVar[bool] = False

    query = operand_def(TensorType)
    key = operand_def(TensorType)
    values = operand_def(TensorType)
    mask = opt_operand_def(TensorType)
    """Added to the scaled scores."""
    head_dim = prop_def(IntegerAttr)
    """D: elements of q and of k per head."""
    scale = prop_def(FloatAttr)
    """Usually 1 / sqrt D."""

    @property
    def heads(self) -> int:
        """Number of heads of q."""
        return tensor_type(self.query).get_shape()[-1] // self.head_dim.value.data

    @property
    def kv_heads(self) -> int:
        """Number of heads of k and v."""
        return tensor_type(self.key).get_shape()[-1] // self.head_dim.value.data

    @property
    def value_dim(self) -> int:
        """D': elements of v and of the result per head."""
        return tensor_type(self.values).get_shape()[-1] // self.kv_heads

    def infer(self) -> Tensor:
        q, k, v = (tensor_type(operand) for operand in self.operands[:3])
        check_float(self.name, q)
        if not q.get_num_dims() == k.get_num_dims() == v.get_num_dims() == 3:
            raise VerifyException(f"graph.attention: q, k and v need 3 dimensions, got {q}, {k}, {v}")
        (batch, rows, width), (k_batch, columns, k_width) = q.get_shape(), k.get_shape()
        if batch != k_batch or v.get_shape()[:2] != k.get_shape()[:2]:
            raise VerifyException(f"graph.attention: batch or length of {q}, {k}, {v} differ")
        size = self.head_dim.value.data
        if size < 1 or width % size or k_width % size or not self.kv_heads or self.heads % self.kv_heads:
            raise VerifyException(f"graph.attention: heads of {size} elements do not fit {q} and {k}")
        if v.get_shape()[2] % self.kv_heads:
            raise VerifyException(f"graph.attention: {self.kv_heads} heads do not fit {v}")
        self._check_mask((batch, self.heads, rows, columns))
        return TensorType(q.element_type, [batch, rows, self.heads * self.value_dim])

    def _check_mask(self, scores: tuple[int, ...]) -> None:
        if self.mask is None:
            return
        mask = tensor_type(self.mask).get_shape()
        if len(mask) != 4 or any(size not in (1, full) for size, full in zip(mask, scores, strict=True)):
            raise VerifyException(f"graph.attention: mask {self.mask.type} does not broadcast to scores {scores}")

    def indexing(self) -> Indexing:
        shared = self.heads // self.kv_heads
        size, result = self.head_dim.value.data, self.value_dim
        q = (Along(0), Along(1), scaled(2, size, result))
        k = (Along(0), Whole(), scaled(2, size, shared * result))
        v = (Along(0), Whole(), scaled(2, 1, shared))
        mask = () if self.mask is None else (self._mask_access(),)
        return Indexing((1, 1, shared * result), (q, k, v, *mask))

    def _mask_access(self) -> tuple[Access, ...]:
        assert self.mask is not None
        follows = (Along(0), scaled(2, 1, self.value_dim), Along(1), Whole())
        sizes = tensor_type(self.mask).get_shape()
        return tuple(Whole() if size == 1 else access for size, access in zip(sizes, follows, strict=True))


ATTENTION_OPS: tuple[type[GraphOp], ...] = (AttentionOp,)
