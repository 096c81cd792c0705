"""Where the values of a module first go wrong.

Passes rename, reorder, fuse and split operations, so that an operation has no fixed counterpart before the pass. Its
value has: what a right operation computes stands somewhere among the values before, in another order of dimensions
maybe; or is a step on the way to such a value. So from an output that drifts the search goes back through the values
that are not found before the pass. The first operation whose own is not, while all it reads is, is where it begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from xdsl.ir import Operation

from aic.validation.comparison import Difference, difference
from aic.validation.levels import Trace, TracedValue
from dialects.graph.kernels import Array
from dialects.graph.locations import node_name, tensor_name

_MOST_DIMENSIONS = 5
"""Beyond these the orders of dimensions are too many to try."""


@dataclass(frozen=True)
class Reference:
    """The values before a pass, and how far each element may be off; None for bits that must be equal."""

    trace: Trace
    allowed: Mapping[Operation, Array] | None

    def bound(self, value: TracedValue) -> Array | None:
        """What the elements of a value may be off."""
        return None if self.allowed is None else self.allowed[value.op]


@dataclass(frozen=True)
class Culprit:
    """The operation whose values first differ, and how far the tensor of its name is off, where that can be told."""

    op: Operation
    difference: Difference | None

    @property
    def node(self) -> str:
        """The ONNX node that it belongs to; empty when it is not known."""
        return node_name(self.op)

    @property
    def tensor(self) -> str:
        """The tensor of the model that it makes; empty when it makes none."""
        return "" if tensor_name(self.op) == self.node else tensor_name(self.op)


def find_culprit(reference: Reference, suspect: Trace, drifting: Sequence[str]) -> Culprit | None:
    """The operation of `suspect` with which the drift of these outputs begins; None when every value is as before, so
    that outputs are only returned wrongly.
    """
    known = _Known(reference)
    found: dict[int, bool] = {}
    wrong: list[int] = []
    pending = [number for name in drifting for number in suspect.outputs[name]]
    while pending:
        number = pending.pop()
        if number in found:
            continue
        found[number] = known.has(suspect.values[number])
        if not found[number]:
            wrong.append(number)
            pending.extend(suspect.values[number].made_of)
    first = [n for n in wrong if all(found[source] for source in suspect.values[n].made_of)]
    if not first:
        return None
    value = suspect.values[min(first)]
    return Culprit(value.op, known.difference_by_name(value))


class _Known:
    """The values before the pass, looked up by value."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._by_size: dict[int, list[TracedValue]] = {}
        for value in reference.trace.values:
            self._by_size.setdefault(value.array.size, []).append(value)

    def has(self, value: TracedValue) -> bool:
        """Whether the value was computed before, in whatever order of dimensions."""
        candidates = self._by_size.get(value.array.size, [])
        named = sorted(candidates, key=lambda candidate: tensor_name(candidate.op) != tensor_name(value.op))
        return any(self._same(candidate, value.array) for candidate in named)

    def _same(self, before: TracedValue, after: Array) -> bool:
        bound = self._reference.bound(before)
        if not _similar(before.array, after, bound):
            return False
        return any(not difference(a, b, c).drifts for a, b, c in _arrangements(before.array, after, bound))

    def difference_by_name(self, value: TracedValue) -> Difference | None:
        """How far the value is off from the tensor of its name before the pass, where there is one of its size."""
        same_name = [
            candidate
            for candidate in self._by_size.get(value.array.size, [])
            if tensor_name(candidate.op) == tensor_name(value.op) != ""
        ]
        differences = [
            difference(a, b, c)
            for candidate in same_name
            for a, b, c in _arrangements(candidate.array, value.array, self._reference.bound(candidate))
        ]
        return min(differences, key=lambda found: found.error, default=None)


def _similar(before: Array, after: Array, bound: Array | None) -> bool:
    """Whether sums agree that do not depend on the order of elements: cheap, and rarely wrong in saying no."""
    a, b = (np.where(np.isfinite(x), x, 0).astype(np.float64) for x in (before, after))
    slack = 1e-9 if bound is None else float(np.sum(np.where(np.isfinite(bound), bound, np.abs(a) + 1)))
    scale = float(np.abs(a).sum()) * 1e-9
    return abs(float(np.abs(a).sum() - np.abs(b).sum())) <= slack + scale


def _arrangements(before: Array, after: Array, bound: Array | None) -> Iterator[tuple[Array, Array, Array | None]]:
    """Both values in one shape: as they are, and with the dimensions of the one or the other in another order."""
    if before.size != after.size:
        return
    flat = None if bound is None else bound.reshape(-1)
    yield before.reshape(-1), after.reshape(-1), flat
    for turned in _turned(after):
        yield before.reshape(-1), turned, flat
    if bound is None:
        for turned in _turned(before):
            yield turned, after.reshape(-1), None
        return
    for turned, turned_bound in zip(_turned(before), _turned(bound), strict=True):
        yield turned, after.reshape(-1), turned_bound


def _turned(array: Array) -> Iterator[Array]:
    """The array flattened in every other order of its dimensions."""
    squeezed = array.squeeze()
    if not 1 < squeezed.ndim <= _MOST_DIMENSIONS:
        return
    for order in permutations(range(squeezed.ndim)):
        if order != tuple(range(squeezed.ndim)):
            yield squeezed.transpose(order).reshape(-1)
