"""Weights of integer contractions that never change: brought to the form of their kernel once, when a plan is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from xdsl.dialects.builtin import DictionaryAttr

from dialects.graph.kernels import Array
from dialects.graph.properties import from_dictionary
from dialects.quantized.kernels.weights import OWN_DIMENSIONS, Weights, prepared
from dialects.tile.instructions import ComputeOp

WEIGHT, TABLE = 1, 2
"""Numbers of the operands that hold them."""

_Place: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...]]


@dataclass
class ConstantWeights:
    """What was prepared, by the call's arguments and the places of its operands."""

    _prepared: dict[tuple[DictionaryAttr, _Place, _Place], tuple[Array, Array, Weights]] = field(
        default_factory=dict[tuple[DictionaryAttr, _Place, _Place], tuple[Array, Array, Weights]]
    )
    """With the operands, so that their places stay theirs."""

    @staticmethod
    def has(op: ComputeOp) -> bool:
        """Whether a kernel takes weights in such a form."""
        return op.kernel.data in OWN_DIMENSIONS

    def operands(self, op: ComputeOp, operands: Sequence[Array]) -> list[Array | Weights]:
        """Operands of a call of the kernel, the weights among them prepared."""
        x, w, table = operands
        key = (op.arguments, _place(w), _place(table))
        if key not in self._prepared:
            given: Mapping[str, Any] = dict(from_dictionary(op.arguments))
            names = ("input_offset", "output_offset", "limits", "to")
            weights = prepared(op.kernel.data, x.dtype, w, table, *(given[name] for name in names))
            self._prepared[key] = (w, table, weights)
        return [x, self._prepared[key][-1], table]


def _place(array: Array) -> _Place:
    return array.__array_interface__["data"][0], array.shape, array.strides
