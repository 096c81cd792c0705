"""Rounding of computed values to the element type of a result.

Kernels compute in float32; a result of type f16 is rounded once, to nearest even, and stays in a float32 array. Two
`astype` calls would do the same at ten times the price, hence another way: a number of magnitude 2^e to 2^(e+1) plus
1.5 * 2^(e+13) has no bits left below 2^(e-10), the last of f16, and the addition has rounded it; taking the same off
again leaves f16's value. Subnormals of f16 are rounded as if e were -14. What may overflow is converted.
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float16Type
from xdsl.ir import Attribute

from dialects.element_types import held_dtype

_BLOCK = 1 << 15
"""Elements that are rounded at a time: they and what is computed of them fit a core's second-level cache."""
_EXPONENT = np.int32(0x7F800000)
_SIGN = np.int32(-0x80000000)
_FINEST = np.full(_BLOCK, (127 - 14) << 23, np.int32)
"""The exponent of f16's least normal value; NumPy is faster with an array here than with a number."""
_LARGEST = np.int32((127 + 15) << 23)
"""The exponent of f16's largest values."""
_TO_MAGIC = np.int32((13 << 23) | (1 << 22))
"""Makes 1.5 * 2^(e+13) of 2^e, as bits."""


def round_to(values: npt.NDArray[np.generic], element: Attribute) -> npt.NDArray[np.generic]:
    """Values rounded to `element`, in the dtype that interpreters hold. May reuse no memory of `values`; never changes
    it.
    """
    if not isinstance(element, Float16Type):
        return values.astype(held_dtype(element), copy=False)
    return round_to_f16(values.astype(np.float32, copy=False))


def round_to_f16(
    values: npt.NDArray[np.float32], out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """float32 array rounded to the nearest f16 value (ties to even, overflow to infinity), kept as float32.

    `out` may be `values` itself.
    """
    result = np.empty_like(values) if out is None else out
    if values.size == 0:
        return result
    scratch = np.empty((2, min(values.size, _BLOCK)), np.int32)
    blocks = np.nditer(
        [values, result],
        ["external_loop", "buffered"],
        [["readonly"], ["writeonly"]],
        order="K",
        buffersize=_BLOCK,
    )
    with blocks:
        for source, target in blocks:
            _round_block(source, target, scratch[:, : source.size])
    return result


def _round_block(values: npt.NDArray[np.float32], out: npt.NDArray[np.float32], scratch: npt.NDArray[np.int32]) -> None:
    magic, rounded = scratch
    bits = values.view(np.int32)
    np.bitwise_and(bits, _EXPONENT, out=magic)
    if magic.max() >= _LARGEST:
        with np.errstate(over="ignore"):
            out[...] = values.astype(np.float16)
        return
    np.maximum(magic, _FINEST[: magic.size], out=magic)
    magic += _TO_MAGIC
    number = rounded.view(np.float32)
    np.add(values, magic.view(np.float32), out=number)
    number -= magic.view(np.float32)
    # The sign again, as a negative number may have become zero.
    sign = np.bitwise_and(bits, _SIGN, out=magic)
    np.bitwise_or(rounded, sign, out=out.view(np.int32))
