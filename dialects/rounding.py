"""Rounding of computed values to the element type of a result.

Kernels compute in float32; a result of type f16 is rounded once, to nearest even, and stays in a float32 array. Two
`astype` calls would do the same at ten times the price, hence the split of Dekker/Veltkamp: with c = (2^13 + 1) x, the
value c - (c - x) is x rounded to 11 significant bits, which is f16 for every normal f16 magnitude. Subnormals and
overflow take the slow path, only where they occur.
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float16Type
from xdsl.ir import Attribute

from dialects.element_types import held_dtype

_SPLIT = np.float32(8193.0)
_SMALLEST_NORMAL = np.float32(2.0**-14)
_LARGEST_EXACT = np.float32(65504.0)


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
    if values.size == 0:
        return values
    magnitude = np.abs(values)
    largest = magnitude.max()
    if not largest <= _LARGEST_EXACT:
        return _by_conversion(values, out)
    small = magnitude < _SMALLEST_NORMAL
    tiny = values[small] if small.any() else None
    split = np.multiply(values, _SPLIT, out=magnitude)
    difference = split - values
    result = np.subtract(split, difference, out=difference if out is None else out)
    if tiny is not None:
        result[small] = tiny.astype(np.float16).astype(np.float32)
    return result


def _by_conversion(values: npt.NDArray[np.float32], out: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float16).astype(np.float32)
    if out is None:
        return rounded
    np.copyto(out, rounded)
    return out
