"""Converters of ONNX operators, in files by family as the ops of the graph dialect.

The registry is offered here too: who takes it from here finds it filled.
"""

from aic.importer.operators import (
    constants,
    contraction,
    einsum,
    elementwise,
    movement,
    normalization,
    pooling,
    quantized,
    recurrence,
    reduction,
    resize,
    scatter,
    unary,
)
from aic.importer.registry import entries, find

__all__ = [
    "constants",
    "contraction",
    "einsum",
    "elementwise",
    "entries",
    "find",
    "movement",
    "normalization",
    "pooling",
    "quantized",
    "recurrence",
    "reduction",
    "resize",
    "scatter",
    "unary",
]
