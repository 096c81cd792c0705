"""Which ops are worth splitting so that engines overlap: where one engine makes what another then works on, the second
can begin with the first part while the first makes the next.
"""

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.graph.base import GraphOp
from dialects.hardware import Hardware
from dialects.indexing import Along
from dialects.tile.reshard import ReshardOp
from passes.tiling.chunks import Cut, chunk_extents
from passes.tiling.finer import finer_cut
from passes.tiling.layers import Layer

_STARTS = 2
"""A kernel that is split works, part by part, at least so many times as long as it takes to start."""

_PARTS = (2, 4, 8)
"""Numbers of parts that are tried."""

_WEIGHT = 3
"""Cycles that a split must save for each by which it makes the engines busier."""

_LEAST_SAVED = 1 / 5
"""Share of the two ops' time that a split must save. Where transfers take as long as kernels it saves less than this
says, and each split is one more loop.
"""


class Split(NamedTuple):
    """Into how many parts to split an op, and along which dimension of its result; None: along the best."""

    parts: int
    dim: int | None = None


WHOLE = Split(1)


def split_kernel(layer: Layer, cuts: Sequence[Cut], split: Split, hardware: Hardware) -> Cut | None:
    """A loop around the kernel of an op that runs in the loops `cuts`, for so many parts in all, or as many as are
    worth their start; None where that makes no more of them.
    """
    if split.parts == 1:
        return None
    dims = range(len(layer.work.extents)) if split.dim is None else (split.dim,)
    hmx = layer.price(chunk_extents(layer.work, cuts), hardware).engine == "hmx"
    least = _STARTS * (hardware.hmx_start_cycles if hmx else hardware.hvx_start_cycles)
    return finer_cut(layer.work, cuts, split.parts, dims, lambda extents: layer.price(extents, hardware).cycles, least)


def worthwhile_parts(first: Callable[[int], float], second: Callable[[int], float]) -> tuple[int, float]:
    """Number of parts in which to run two ops, one after the other on two engines, and the cycles that it is worth.

    `first` and `second` are their cycles in all when cut into so many parts. While one works on a part, the other works
    on the part before it: together they take as long as the longer of them, and a part of the shorter. What a split
    adds to their work is weighed several times, as others wait for the same engines.
    """
    whole = first(1) + second(1)
    worth = {1: 0.0}
    for parts in _PARTS:
        longer, shorter = max(first(parts), second(parts)), min(first(parts), second(parts))
        worth[parts] = whole - longer - shorter / parts - _WEIGHT * (longer + shorter - whole)
    best = max(worth, key=lambda parts: worth[parts])
    return (best, worth[best]) if worth[best] >= _LEAST_SAVED * whole else (1, 0.0)


class Overlaps:
    """How each op of a sharded function is worth splitting, as the prices of kernels say."""

    def __init__(self, hardware: Hardware, in_place: Callable[[ReshardOp], bool]) -> None:
        """`in_place`: whether a reshard moves nothing."""
        self._hardware, self._in_place = hardware, in_place
        self._layers: dict[GraphOp, Layer] = {}
        self._totals: dict[tuple[GraphOp, int, int], float] = {}

    def split(self, op: GraphOp) -> Split:
        """The split that saves most together with one of the op's neighbours; `WHOLE` where none saves anything."""
        found = [(WHOLE, 0.0)]
        makers = dict.fromkeys(self._made(operand).owner for operand in op.operands)
        for maker in (owner for owner in makers if isinstance(owner, GraphOp)):
            found += [(Split(parts, dim), worth) for parts, _, dim, worth in self._pair(maker, op)]
        for user in self._users(op.output):
            found += [(Split(parts, dim), worth) for parts, dim, _, worth in self._pair(op, user)]
        return max(found, key=lambda best: best[1])[0]

    def _pair(self, maker: GraphOp, user: GraphOp) -> Iterator[tuple[int, int, int, float]]:
        """Ways to split an op and one that uses its result alike: parts, the dimension of each, what it is worth."""
        if not self._overlap(maker, user):
            return
        operands = (k for k, operand in enumerate(user.operands) if self._made(operand) is maker.output)
        accesses = (each for k in operands for each in enumerate(self._layer(user).accesses(k)))
        dims = {(dim, access.dim) for dim, access in accesses if isinstance(access, Along)}
        for made, used in sorted(dims):
            parts, worth = self._best(maker, made, user, used)
            yield parts, made, used, worth

    def _best(self, maker: GraphOp, made: int, user: GraphOp, used: int) -> tuple[int, float]:
        """Parts for two ops along a dimension of each, and what they are worth."""
        return worthwhile_parts(
            lambda parts: self._total(maker, made, parts), lambda parts: self._total(user, used, parts)
        )

    def _made(self, value: SSAValue) -> SSAValue:
        """The value that lies where this one does, before reshards that move nothing."""
        while isinstance(value.owner, ReshardOp) and self._in_place(value.owner):
            value = value.owner.input
        return value

    def _users(self, value: SSAValue) -> Iterator[GraphOp]:
        for use in value.uses:
            if isinstance(use.operation, GraphOp):
                yield use.operation
            elif isinstance(use.operation, ReshardOp) and self._in_place(use.operation):
                yield from self._users(use.operation.output)

    def _overlap(self, a: GraphOp, b: GraphOp) -> bool:
        """Whether two ops can be at work at once: on HMX alone, and on HVX."""
        first, second = (self._layer(op).price(self._layer(op).work.extents, self._hardware) for op in (a, b))
        return first.engine != second.engine and not (first.hvx_cycles or second.hvx_cycles)

    def _layer(self, op: GraphOp) -> Layer:
        if op not in self._layers:
            self._layers[op] = Layer.of(op, {}, self._hardware.hmx_columns)
        return self._layers[op]

    def _total(self, op: GraphOp, dim: int, parts: int) -> float:
        """Cycles of an op in so many parts along a dimension; without end where it cannot be cut into as many."""
        key = (op, dim, parts)
        if key not in self._totals:
            layer = self._layer(op)
            cut = split_kernel(layer, (), Split(parts, dim), self._hardware)
            total = layer.price(layer.work.extents, self._hardware).cycles if parts == 1 else inf
            if cut is not None and cut.trips == parts:
                total = parts * layer.price(chunk_extents(layer.work, [cut]), self._hardware).cycles
            self._totals[key] = total
        return self._totals[key]
