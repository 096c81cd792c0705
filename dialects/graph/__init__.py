"""The graph dialect: static-shaped tensor programs of a few dozen canonical ops, each defined by its NumPy kernel
(`kernels`).

Ops live in files by family; convolution and pooling are channels last, weights of convolutions are [rows, columns,
inputs, outputs].
"""

from xdsl.ir import Dialect

from dialects.graph.attention import ATTENTION_OPS
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import CONTRACTION_OPS
from dialects.graph.elementwise import ELEMENTWISE_OPS
from dialects.graph.model import ModelOp
from dialects.graph.movement import MOVEMENT_OPS
from dialects.graph.normalization import NORMALIZATION_OPS
from dialects.graph.pooling import POOLING_OPS
from dialects.graph.recurrence import RECURRENCE_OPS
from dialects.graph.reduction import REDUCTION_OPS
from dialects.graph.resizing import RESIZING_OPS
from dialects.graph.unary import UNARY_OPS

__all__ = ["GRAPH_OPS", "Graph", "GraphOp", "Tensor", "tensor_type"]

GRAPH_OPS: tuple[type[GraphOp], ...] = (
    *CONTRACTION_OPS,
    *ELEMENTWISE_OPS,
    *UNARY_OPS,
    *POOLING_OPS,
    *NORMALIZATION_OPS,
    *REDUCTION_OPS,
    *MOVEMENT_OPS,
    *RESIZING_OPS,
    *RECURRENCE_OPS,
    *ATTENTION_OPS,
)
"""Every op that has a kernel."""

Graph = Dialect("graph", [ConstantOp, ModelOp, ReceiveOp, SendOp, *GRAPH_OPS], [])
