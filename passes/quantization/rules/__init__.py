"""Rules of quantization: how an op of the graph becomes one on integers, in the file that has the name of the
file of the op.

A rule is asked for every op that may be quantized; it returns False where it leaves the op in floating point.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dialects.graph.base import GraphOp
from passes.quantization.quantizer import Quantizer
from passes.quantization.rules.contraction import CONTRACTION_RULES
from passes.quantization.rules.conversion import CONVERSION_RULES
from passes.quantization.rules.elementwise import ELEMENTWISE_RULES
from passes.quantization.rules.movement import MOVEMENT_RULES
from passes.quantization.rules.pooling import POOLING_RULES
from passes.quantization.rules.unary import UNARY_RULES

Rule: TypeAlias = Callable[[Quantizer, Any], bool]

RULES: Mapping[type[GraphOp], Rule] = {
    **CONTRACTION_RULES,
    **CONVERSION_RULES,
    **ELEMENTWISE_RULES,
    **MOVEMENT_RULES,
    **POOLING_RULES,
    **UNARY_RULES,
}
"""Rule by class of op."""
