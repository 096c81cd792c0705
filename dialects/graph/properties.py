"""Properties of graph ops as plain Python values and back.

Kernels take plain keyword arguments; ops and `tile.compute` keep the same arguments as attributes. This is the one
conversion.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects.builtin import (
    BoolAttr,
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    f64,
    i1,
    i64,
)
from xdsl.ir import Attribute, TypeAttribute

Plain: TypeAlias = int | float | bool | str | tuple[int, ...] | tuple[float, ...] | TypeAttribute
"""What a kernel argument may be; a type attribute is an element type."""

Arguments: TypeAlias = dict[str, Plain]
"""Keyword arguments of a kernel."""


def to_attribute(value: Plain | Sequence[int] | Sequence[float]) -> Attribute:
    """Attribute of a plain value: i64, f64, i1, string, a dense array of i64 or f64, or the element type itself."""
    match value:
        case TypeAttribute():
            return value
        case bool():
            return BoolAttr.from_bool(value)
        case int():
            return IntegerAttr(value, i64)
        case float():
            return FloatAttr(value, f64)
        case str():
            return StringAttr(value)
        case _ if all(isinstance(item, int) for item in value):
            return DenseArrayBase.from_list(i64, [int(item) for item in value])
        case _:
            return DenseArrayBase.from_list(f64, [float(item) for item in value])


def to_plain(attribute: Attribute) -> Plain:
    """Plain value of an attribute made by `to_attribute`; raises TypeError for any other."""
    match attribute:
        case IntegerAttr():
            integer: int = attribute.value.data
            return bool(integer) if attribute.type == IntegerType(1) else integer
        case FloatAttr():
            return attribute.value.data
        case StringAttr():
            return attribute.data
        case DenseArrayBase():
            values: tuple[int, ...] | tuple[float, ...] = attribute.get_values()  # pyright: ignore[reportAttributeAccessIssue]
            return values
        case TypeAttribute():
            return attribute
        case _:
            raise TypeError(f"{attribute} is no kernel argument")


def is_argument(attribute: Attribute) -> bool:
    """Whether the attribute is one that `to_attribute` makes."""
    match attribute:
        case IntegerAttr():
            return attribute.type in (i1, i64)
        case DenseArrayBase():
            return attribute.elt_type in (i64, f64)
        case _:
            return isinstance(attribute, FloatAttr | StringAttr | TypeAttribute)


def to_dictionary(arguments: Mapping[str, Plain]) -> DictionaryAttr:
    """Arguments as one attribute, in the order of their names."""
    return DictionaryAttr({name: to_attribute(arguments[name]) for name in sorted(arguments)})


def from_dictionary(dictionary: DictionaryAttr) -> Arguments:
    """Arguments of a dictionary made by `to_dictionary`."""
    return {name: to_plain(value) for name, value in dictionary.data.items()}
