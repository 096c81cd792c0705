"""Normalization: softmax, layer and batch normalization, local response normalization."""

from collections.abc import Sequence

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, i64
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_axes, check_float, check_same_element, like, tensor_type
from dialects.indexing import Access, Along, Indexing, Whole


def whole_along(axis: int, rank: int, others: Sequence[tuple[Access, ...]] = ()) -> Indexing:
    """Table of an op that mixes the positions of one dimension of its first operand and treats others one by one."""
    granularity = tuple(0 if d == axis else 1 for d in range(rank))
    return Indexing(granularity, (tuple(Whole() if d == axis else Along(d) for d in range(rank)), *others))


class SoftmaxBase(GraphOp):
    """A softmax along the dimension `axis`."""

    input = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        check_float(self.name, x)
        check_axes(self.name, [self.axis.value.data], x)
        return like(x)

    def indexing(self) -> Indexing:
        return whole_along(self.axis.value.data, self.result_type.get_num_dims())


@irdl_op_definition
class SoftmaxOp(SoftmaxBase):
    """exp(x - max x) / sum exp(x - max x) along `axis`. ONNX: Softmax-13."""

    name = "graph.softmax"


@irdl_op_definition
class LogSoftmaxOp(SoftmaxBase):
    """x - max x - log sum exp(x - max x) along `axis`. ONNX: LogSoftmax-13."""

    name = "graph.log_softmax"


class LastAxisOp(GraphOp):
    """A normalization of the last dimension, whose factors are vectors as long as it."""

    epsilon = prop_def(FloatAttr)
    """Added to the mean square before the root."""

    def infer(self) -> Tensor:
        x, *vectors = self.operand_types
        check_float(self.name, x)
        check_same_element(self.name, x, *vectors)
        for vector in vectors:
            if not x.get_num_dims() or vector.get_shape() != x.get_shape()[-1:]:
                raise VerifyException(f"{self.name}: {vector} does not fit the last dimension of {x}")
        return like(x)

    def indexing(self) -> Indexing:
        rank = self.result_type.get_num_dims()
        return whole_along(rank - 1, rank, [(Whole(),)] * (len(self.operands) - 1))


@irdl_op_definition
class LayerNormOp(LastAxisOp):
    """(x - mean) / sqrt(variance + epsilon) scale + bias over the last dimension.

    ONNX: LayerNormalization with axis = -1.
    """

    name = "graph.layer_norm"

    input = operand_def(TensorType)
    scale = operand_def(TensorType)
    bias = opt_operand_def(TensorType)


@irdl_op_definition
class RmsNormOp(LastAxisOp):
    """x / sqrt(mean x^2 + epsilon) scale over the last dimension. ONNX: RMSNormalization with axis = -1."""

    name = "graph.rms_norm"

    input = operand_def(TensorType)
    scale = operand_def(TensorType)


@irdl_op_definition
class BatchNormOp(GraphOp):
    """(x - mean) / sqrt(variance + epsilon) scale + bias, each a vector along the dimension `axis`.

    ONNX: BatchNormalization, inference.
    """

    name = "graph.batch_norm"

    input = operand_def(TensorType)
    scale = operand_def(TensorType)
    bias = operand_def(TensorType)
    mean = operand_def(TensorType)
    variance = operand_def(TensorType)
    axis = prop_def(IntegerAttr.constr(i64))
    """The dimension of the channels."""
    epsilon = prop_def(FloatAttr)

    def infer(self) -> Tensor:
        x, *vectors = self.operand_types
        check_float(self.name, x)
        check_same_element(self.name, x, *vectors)
        check_axes(self.name, [self.axis.value.data], x)
        channels = x.get_shape()[self.axis.value.data]
        for vector in vectors:
            if vector.get_shape() != (channels,):
                raise VerifyException(f"graph.batch_norm: {vector} for the {channels} channels of {x}")
        return like(x)

    def indexing(self) -> Indexing:
        rank = self.result_type.get_num_dims()
        channel = Along(self.axis.value.data)
        return Indexing((1,) * rank, (tuple(Along(d) for d in range(rank)), *[(channel,)] * 4))


@irdl_op_definition
class LrnOp(GraphOp):
    """x (bias + alpha / size sum x^2)^-beta; the sum runs over `size` channels around each, channels last.

    ONNX: LRN.
    """

    name = "graph.lrn"

    input = operand_def(TensorType)
    size = prop_def(IntegerAttr.constr(i64))
    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)
    bias = prop_def(FloatAttr)

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        check_float(self.name, x)
        if x.get_num_dims() == 0 or self.size.value.data < 1:
            raise VerifyException(f"graph.lrn: size {self.size.value.data} on {x}")
        return like(x)

    def numpy_calls(self) -> int:
        return min(self.size.value.data, 2 * tensor_type(self.input).get_shape()[-1])

    def indexing(self) -> Indexing:
        rank = self.result_type.get_num_dims()
        return whole_along(rank - 1, rank)


NORMALIZATION_OPS: tuple[type[GraphOp], ...] = (SoftmaxOp, LogSoftmaxOp, LayerNormOp, RmsNormOp, BatchNormOp, LrnOp)
