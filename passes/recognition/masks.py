"""Causal masks: what hides later keys from a query, told apart from what else a mask hides."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf, prod

import numpy as np
from xdsl.ir import SSAValue

from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import AndOp, OrOp, SelectOp
from dialects.graph.evaluation import evaluate
from dialects.graph.kernels import Array
from dialects.weights import WeightStore
from passes.recognition.attention import Hiding, before_expand, hiding_of
from passes.rewriting.constants import uniform_value

_WEIGHTLESS = -1e4
"""A number that, added to a score, leaves it no weight beside scores that it is not added to. Exporters write this one,
the lowest of a type, or minus infinity.
"""
_LARGEST = 1 << 26
"""Elements up to which a mask is worked out."""


@dataclass(frozen=True)
class Causal:
    """A mask apart: `beyond` at the keys after the query's own, and what hides others by the same number, if anything
    does.
    """

    beyond: float
    others: Hiding | None = None


class CausalMasks:
    """Recognizes causal masks made of constants in a store. What a value is found to be is remembered: all layers of a
    network share one mask.
    """

    def __init__(self, store: WeightStore) -> None:
        self._store = store
        self._later: dict[SSAValue, tuple[float, float] | None] = {}

    def of_hiding(self, hiding: Hiding) -> Causal | None:
        """The causal part of a mask that is 0 where nothing is hidden.

        None when it has none, or when what is left depends on the query.
        """
        if hiding.number > _WEIGHTLESS:
            return None
        parts = list(_parts(hiding.condition, AndOp if hiding.kept else OrOp))
        causal = (1.0, 0.0) if hiding.kept else (0.0, 1.0)
        others = [part for part in parts if self._around_diagonal(part) != causal]
        if len(others) == len(parts) or len(others) > 1:
            return None
        if not others:
            return Causal(-inf)  # every query has its own key, beside which later ones have no weight
        same_for_all_queries = (1, *tensor_type(others[0]).get_shape())[-2] == 1
        return Causal(hiding.number, replace(hiding, condition=others[0])) if same_for_all_queries else None

    def of_mask(self, mask: SSAValue) -> Causal | None:
        """The causal part of a mask that is added to scores."""
        around = self._around_diagonal(mask)
        if around is not None and around[0] == 0 and around[1] <= _WEIGHTLESS:
            return Causal(-inf)
        op = mask.owner
        hiding = hiding_of(op) if isinstance(op, SelectOp) else None
        if hiding is None or not isinstance(op, SelectOp) or uniform_value(op.lhs if hiding.kept else op.rhs) != 0:
            return None
        return self.of_hiding(hiding)

    def _around_diagonal(self, value: SSAValue) -> tuple[float, float] | None:
        """What a matrix that is known at compile time is on its diagonal and below, and above it, if it is two numbers
        (of conditions 0 and 1).
        """
        if value not in self._later:
            size = prod(tensor_type(value).get_shape())
            self._later[value] = _two_numbers(self._known(value)) if size <= _LARGEST else None
        return self._later[value]

    def _known(self, value: SSAValue) -> Array | None:
        """The value, if it is a constant or computed from constants alone."""
        op = value.owner
        if isinstance(op, ConstantOp):
            return self._store.held(op.value)
        if not isinstance(op, GraphOp) or not op.FOLDS:
            return None
        operands: list[Array] = []
        for operand in op.operands:
            known = self._known(operand)
            if known is None:
                return None
            operands.append(known)
        return evaluate(op, operands)


def _parts(condition: SSAValue, joined_by: type[AndOp] | type[OrOp]) -> Iterator[SSAValue]:
    """The conditions that are joined to give one."""
    condition = before_expand(condition)
    if isinstance(condition.owner, joined_by):
        for operand in condition.owner.operands:
            yield from _parts(operand, joined_by)
    else:
        yield condition


def _two_numbers(values: Array | None) -> tuple[float, float] | None:
    if values is None or values.ndim < 2 or prod(values.shape[:-2]) != 1:
        return None
    rows, columns = values.shape[-2:]
    if rows != columns or rows < 2:
        return None
    square = values.reshape(rows, columns)
    first, last = square[0, 0], square[0, -1]
    matches = np.array_equal(square, np.where(np.tri(rows, dtype=np.bool_), first, last))
    return (float(first), float(last)) if matches else None
