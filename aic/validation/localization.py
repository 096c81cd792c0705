"""Where the values of a module first go wrong.

Passes rename, reorder, fuse and split operations, so that an operation has no fixed counterpart before the pass. Its
value has: what a right operation computes stands somewhere among the values before, in another order of dimensions
maybe; or is a slice of the tensor of its name; or is a step on the way to such a value. So from an output that drifts
the search goes back through the values that are not found before the pass. The first operation whose own is not, while
all it reads is, is where it begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from aic.validation.comparison import Difference, difference
from aic.validation.tracing import Trace, TracedValue
from dialects.graph.kernels import Array
from dialects.graph.locations import node_name, tensor_name
from dialects.module import path_of

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
    def part(self) -> str:
        """The part of the network that it is in; empty when that is whole."""
        return part_of(self.op)

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
    in_parts = len({part_of(suspect.values[number].op) for number in first}) > 1
    number = min(first, key=lambda n: (known.place(suspect.values[n]) if in_parts else 0, n))
    value = suspect.values[number]
    return Culprit(value.op, known.difference_by_name(value))


def part_of(op: Operation) -> str:
    """The part of a network that an operation is in; empty when the network is whole."""
    around = op.parent_op()
    while around is not None and not isinstance(around, ModuleOp):
        around = around.parent_op()
    return path_of(around) if isinstance(around, ModuleOp) else ""


class _Known:
    """The values before the pass, looked up by value."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._by_size: dict[int, list[TracedValue]] = {}
        for value in reference.trace.values:
            self._by_size.setdefault(value.array.size, []).append(value)

    def place(self, value: TracedValue) -> int:
        """Where the tensor of a value's name was made before the pass. Parts have no common order, and one of several
        summands is not found before the pass, right or wrong: what comes first in the network is wrong first.
        """
        names = [tensor_name(before.op) for before in self._reference.trace.values]
        name = tensor_name(value.op)
        return names.index(name) if name in names else len(names)

    def has(self, value: TracedValue) -> bool:
        """Whether the value was computed before, in whatever order of dimensions."""
        candidates = self._by_size.get(value.array.size, [])
        named = sorted(candidates, key=lambda candidate: tensor_name(candidate.op) != tensor_name(value.op))
        if any(self._same(candidate, value.array) for candidate in named):
            return True
        return any(self._holds_slice(candidate, value) for candidate in self._reference.trace.values)

    def _same(self, before: TracedValue, after: Array) -> bool:
        bound = self._reference.bound(before)
        if not _similar(before.array, after, bound):
            return False
        return any(not difference(a, b, c).drifts for a, b, c in _arrangements(before.array, after, bound))

    def _holds_slice(self, before: TracedValue, value: TracedValue) -> bool:
        """Whether a value is a slice, along one dimension, of the tensor of its name."""
        if tensor_name(before.op) != tensor_name(value.op) or before.array.ndim != value.array.ndim:
            return False
        shorter = [d for d, (a, b) in enumerate(zip(before.array.shape, value.array.shape, strict=True)) if a != b]
        if len(shorter) != 1 or value.array.shape[shorter[0]] > before.array.shape[shorter[0]]:
            return False
        bound = self._reference.bound(before)
        length = value.array.shape[shorter[0]]
        for offset in range(before.array.shape[shorter[0]] - length + 1):
            part = (slice(None),) * shorter[0] + (slice(offset, offset + length),)
            if not difference(before.array[part], value.array, None if bound is None else bound[part]).drifts:
                return True
        return False

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
