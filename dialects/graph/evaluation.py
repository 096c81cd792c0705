"""Computing the result of a graph op: as an inference does, and as the compiler folds constants."""

from collections.abc import Sequence

import numpy as np

from dialects.element_types import stored_dtype
from dialects.graph.base import GraphOp
from dialects.graph.kernels import Array
from dialects.graph.properties import Arguments
from dialects.rounding import round_to


def kernel_arguments(op: GraphOp) -> Arguments:
    """Keyword arguments with which the op's kernel makes the whole result."""
    if not op.NEEDS_SHAPE:
        return op.arguments()
    return {**op.arguments(), "shape": op.result_type.get_shape()}


def evaluate(op: GraphOp, operands: Sequence[Array]) -> Array:
    """The op's result, rounded to its element type; operands and result as interpreters hold them (f16 in float32)."""
    result = np.asarray(op.kernel()(*operands, **kernel_arguments(op)))
    return result if op.EXACT else round_to(result, op.result_type.element_type)


def fold(op: GraphOp, operands: Sequence[Array]) -> Array:
    """The op's result for constant operands, in the dtype in which memory holds it.

    Floating-point values are computed in float64 and rounded once, so that every machine folds to the same bits. Not
    for ops that say they do not fold (`FOLDS`).
    """
    wide = [operand.astype(np.float64) if operand.dtype.kind == "f" else operand for operand in operands]
    result = np.asarray(op.kernel()(*wide, **kernel_arguments(op)))
    with np.errstate(over="ignore", invalid="ignore"):
        return result.astype(stored_dtype(op.result_type.element_type), copy=False)
