"""The kernels of quantized ops: pure NumPy functions on integers, exact, in the file that has the name of the file of
their op.

Sums of products run in BLAS all the same, in floating point that holds every sum exactly.
"""

from dialects.quantized.kernels import contraction, conversion, elementwise, pooling

__all__ = ["contraction", "conversion", "elementwise", "pooling"]
