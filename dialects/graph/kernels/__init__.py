"""The kernels: one pure NumPy function per graph op, in the file that has the name of the op's file in
`dialects/graph`.

The graph interpreter, constant folding, the sharded interpreter and the NSP's units all call these functions and no
others. Conventions:

- Operands and result are arrays as interpreters hold them: f16 values in float32. A kernel computes in float32 (or
float64 where that is the type) and does not round its result; the caller rounds once to the result's element type.
- Operands may carry further leading dimensions (the cores): kernels take axes from the end and treat what stands before
as a stack.
- Kernels never change their operands; the result may be a view of one.
"""

from dialects.graph.kernels import (
    attention,
    contraction,
    elementwise,
    movement,
    normalization,
    pooling,
    recurrence,
    reduction,
    resizing,
    unary,
)
from dialects.graph.kernels.registry import KERNELS, Array, Kernel

__all__ = [
    "KERNELS",
    "Array",
    "Kernel",
    "attention",
    "contraction",
    "elementwise",
    "movement",
    "normalization",
    "pooling",
    "recurrence",
    "reduction",
    "resizing",
    "unary",
]
