"""The constants of a program as one segment: where each lies, its bytes, and how the program names them.

Constants lie in the order in which the program declares them, each once however often it is used, in the dtype in which
memory holds them. A program in a QPC names a constant by its place: `#aic.weight<"constants.bin@<offset>+<bytes>" ..>`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute

from aic.qpc.container import CONSTANTS
from aic.qpc.errors import QpcError
from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import element_bytes, tensor_bytes
from dialects.weights import Array, WeightStore, as_stored
from dialects.workers import in_order

Constant: TypeAlias = WeightAttr | DenseAttr

ALIGNMENT = 2048
"""Alignment in bytes of each constant in the segment: that of VTCM, which constants are copied to."""

_KEY = re.compile(rf"{re.escape(CONSTANTS)}@(0|[1-9][0-9]{{0,14}})\+(0|[1-9][0-9]{{0,14}})")


@dataclass(frozen=True)
class Place:
    """Where a constant lies in the segment, in bytes."""

    offset: int
    size: int

    @property
    def key(self) -> str:
        """How a program names it."""
        return f"{CONSTANTS}@{self.offset}+{self.size}"

    @staticmethod
    def named(key: str) -> "Place":
        """The place that a key of a program in a QPC names. Raises QpcError for any other key."""
        match = _KEY.fullmatch(key)
        if match is None:
            raise QpcError(f"program: constant {key[:64]!r} does not name a place in {CONSTANTS}")
        return Place(int(match[1]), int(match[2]))


@dataclass
class ConstantsLayout:
    """The segment: its size and what lies where."""

    size: int = 0
    _places: dict[tuple[object, ...], tuple[Place, Constant]] = field(
        default_factory=dict[tuple[object, ...], tuple[Place, Constant]]
    )

    @staticmethod
    def of(constants: Iterable[Constant]) -> "ConstantsLayout":
        """Layout of constants in their order."""
        layout = ConstantsLayout()
        for constant in constants:
            layout._add(constant)
        return layout

    def _add(self, constant: Constant) -> None:
        identity = _identity(constant)
        if identity in self._places:
            return
        offset = -(-self.size // ALIGNMENT) * ALIGNMENT
        place = Place(offset, tensor_bytes(constant.type))
        self._places[identity] = (place, constant)
        self.size = offset + place.size

    def handle(self, constant: Constant) -> WeightAttr:
        """The handle by which a program in a QPC names a constant of the layout."""
        place, _ = self._places[_identity(constant)]
        return WeightAttr.of(place.key, TensorType(constant.type.element_type, constant.type.get_shape()))

    def chunks(self, store: WeightStore) -> Iterator[memoryview | bytes]:
        """The bytes of the segment, converted part by part by the threads that there are for it."""
        position = 0
        for offset, data in in_order("constants", _Part.converted, self._parts(store)):
            yield bytes(offset - position)
            yield data
            position = offset + data.nbytes

    def _parts(self, store: WeightStore) -> Iterator["_Part"]:
        for place, constant in self._places.values():
            element, offset = constant.type.element_type, place.offset
            for values in store.parts(constant):
                yield _Part(offset, values, element)
                offset += values.size * element_bytes(element)


@dataclass(frozen=True)
class _Part:
    """Some values of a constant as the store has them, the type that they are to have, and where they lie then."""

    offset: int
    values: Array
    element: Attribute

    def converted(self) -> tuple[int, memoryview]:
        """Where they lie, and their bytes."""
        return self.offset, as_stored(self.values, self.element).reshape(-1).view(np.uint8).data


def _identity(constant: Constant) -> tuple[object, ...]:
    """The same for constants of the same bytes: shapes are views."""
    element: Attribute = constant.type.element_type
    if isinstance(constant, DenseAttr):
        return (constant.payload.data, element)
    return (constant.key.data, constant.order, element)
