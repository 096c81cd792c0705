"""Converters of ONNX operators, in files by family as the ops of the graph dialect."""

from aic.importer.operators import (
    constants,
    contraction,
    elementwise,
    movement,
    normalization,
    pooling,
    reduction,
    unary,
)

__all__ = ["constants", "contraction", "elementwise", "movement", "normalization", "pooling", "reduction", "unary"]
