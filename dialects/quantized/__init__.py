"""The quantized dialect: integers that mean numbers, and the ops that compute on them exactly.

Data movement and comparison are the ops of `graph` on tensors of quantized types; what has no integer form stays in
floating point, between `quantized.dequantize` and `quantized.quantize`.
"""

from xdsl.ir import Dialect

from dialects.graph.base import GraphOp
from dialects.quantized import kernels
from dialects.quantized.contraction import CONTRACTION_OPS
from dialects.quantized.conversion import CONVERSION_OPS
from dialects.quantized.elementwise import ELEMENTWISE_OPS
from dialects.quantized.pooling import POOLING_OPS
from dialects.quantized.types import UniformType

__all__ = ["QUANTIZED_OPS", "Quantized", "UniformType", "kernels"]

QUANTIZED_OPS: tuple[type[GraphOp], ...] = (*CONVERSION_OPS, *CONTRACTION_OPS, *ELEMENTWISE_OPS, *POOLING_OPS)
"""Every op of the dialect."""

Quantized = Dialect("quantized", [*QUANTIZED_OPS], [UniformType])
