"""The one mapping between xDSL element types, NumPy dtypes and sizes in memory.

f16 values are *held* in float32 arrays by every interpreter (`held_dtype`) and stored as 2 bytes (`stored_dtype`); see
`round_to`.
"""

from abc import ABC, abstractmethod
from math import isnan

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    Signedness,
    TensorType,
)
from xdsl.ir import Attribute

from dialects.errors import AicError

F16_MAX = 65504.0


class StoredElement(ABC):
    """An element type whose values are kept as those of another: integers that mean numbers."""

    @property
    @abstractmethod
    def stored_as(self) -> Attribute:
        """The type of what memory holds."""


def storage_type(element: Attribute | StoredElement) -> Attribute:
    """The element type of what memory holds of values of a type."""
    return element.stored_as if isinstance(element, StoredElement) else element


_STORED: dict[Attribute, np.dtype[np.generic]] = {
    Float16Type(): np.dtype(np.float16),
    Float32Type(): np.dtype(np.float32),
    Float64Type(): np.dtype(np.float64),
    IntegerType(1): np.dtype(np.bool_),
    IntegerType(8): np.dtype(np.int8),
    IntegerType(16): np.dtype(np.int16),
    IntegerType(32): np.dtype(np.int32),
    IntegerType(64): np.dtype(np.int64),
    IntegerType(8, Signedness.UNSIGNED): np.dtype(np.uint8),
    IntegerType(16, Signedness.UNSIGNED): np.dtype(np.uint16),
    IntegerType(32, Signedness.UNSIGNED): np.dtype(np.uint32),
    IntegerType(64, Signedness.UNSIGNED): np.dtype(np.uint64),
}
_ELEMENT = {dtype: element for element, dtype in _STORED.items()}


def stored_dtype(element: Attribute) -> np.dtype[np.generic]:
    """NumPy dtype of the bytes of one element in memory and in files. Raises AicError for a type without one."""
    dtype = _STORED.get(storage_type(element))
    if dtype is None:
        raise AicError(f"element type {element} has no representation in memory")
    return dtype


def held_dtype(element: Attribute) -> np.dtype[np.generic]:
    """NumPy dtype in which interpreters hold values of this type: float32 for f16, else the stored one."""
    return np.dtype(np.float32) if isinstance(element, Float16Type) else stored_dtype(element)


def element_type(dtype: npt.DTypeLike) -> Attribute:
    """Element type of a NumPy dtype. Raises AicError when there is none."""
    element = _ELEMENT.get(np.dtype(dtype))
    if element is None:
        raise AicError(f"NumPy dtype {np.dtype(dtype)} has no element type")
    return element


def element_bytes(element: Attribute) -> int:
    """Bytes of one element in memory."""
    return stored_dtype(element).itemsize


def nearest_value(value: float, element: Attribute) -> np.generic:
    """The value of an element type, as it is stored, that is nearest to a number; 0 where NaN is none."""
    dtype = stored_dtype(element)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype.str)
        return dtype.type(0 if isnan(value) else int(min(max(value, limits.min), limits.max)))
    with np.errstate(over="ignore"):
        return dtype.type(value)


def tensor_bytes(tensor: TensorType[Attribute]) -> int:
    """Bytes of a dense tensor in memory."""
    return int(np.prod(tensor.get_shape(), dtype=np.int64)) * element_bytes(tensor.element_type)


def is_float(element: Attribute) -> bool:
    """True for floating-point element types."""
    return isinstance(element, Float16Type | BFloat16Type | Float32Type | Float64Type)
