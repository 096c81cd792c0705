"""How a DMA engine carries out a transfer: as a chain of descriptors, each within the limits of the hardware.

A *linear* descriptor moves bytes that lie next to each other on both sides. A *two-dimensional* one moves rows of
bytes, which on either side begin a fixed stride apart. Transfers are box to box, in memory that is row-major and dense;
whatever dimensions neither kind covers are stepped through with a descriptor for each position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import prod
from operator import mul
from typing import NamedTuple, TypeAlias

from dialects.element_types import element_bytes
from dialects.hardware import Hardware
from dialects.tile.buffers import type_of
from dialects.tile.transfers import TransferOp

Shape: TypeAlias = tuple[int, ...]


class Limits(NamedTuple):
    """What the fields of a descriptor hold, and how many descriptors a chain may have."""

    linear_bytes: int
    width_bytes: int
    """Of a row."""
    rows: int
    stride_bytes: int
    chain: int

    @staticmethod
    def of(hardware: Hardware) -> "Limits":
        """Limits of the DMA engines of a card."""
        return Limits(
            hardware.dma_linear_bytes,
            hardware.dma_width_bytes,
            hardware.dma_rows,
            hardware.dma_stride_bytes,
            hardware.dma_chain_descriptors,
        )


class Steps(NamedTuple):
    """Equal steps through memory: their number, and the bytes from one to the next in the source and the target."""

    times: int
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The descriptors of one box.

    For every place of `outer`, the `rows` of `width` bytes are cut into blocks of at most `block` rows, and those into
    columns of at most `column` bytes: each piece is a descriptor, a linear one where `block` is 1.
    """

    width: int
    column: int
    rows: Steps
    block: int
    outer: tuple[Steps, ...]

    @property
    def count(self) -> int:
        """Number of descriptors."""
        columns, blocks = -(-self.width // self.column), -(-self.rows.times // self.block)
        return columns * blocks * prod(steps.times for steps in self.outer)


class Route(NamedTuple):
    """The memories between which boxes move: their shapes, and the bytes of an item."""

    source: Shape
    target: Shape
    item_bytes: int

    @staticmethod
    def of(op: TransferOp) -> "Route":
        """Source and target of a transfer."""
        source = type_of(op.source)
        return Route(source.get_shape(), type_of(op.destination).get_shape(), element_bytes(source.element_type))


_ONE_ROW = Steps(1, 0, 0)


@cache
def chain_of(extents: Shape, route: Route, limits: Limits) -> Chain:
    """The shortest chain that moves a box of `extents`, none of them 0."""
    width, steps = _strided(extents, route)
    chains = [Chain(width, limits.linear_bytes, _ONE_ROW, 1, tuple(steps))]
    for n, rows in enumerate(steps):
        if width <= limits.width_bytes and max(rows.source, rows.target) <= limits.stride_bytes:
            chains.append(Chain(width, width, rows, limits.rows, (*steps[:n], *steps[n + 1 :])))
    return min(chains, key=lambda chain: chain.count)


def _strided(extents: Shape, route: Route) -> tuple[int, list[Steps]]:
    """The bytes that lie next to each other on both sides, and the steps around them, innermost first. Dimensions that
    continue each other on both sides are one.
    """
    width, steps = route.item_bytes, list[Steps]()
    for extent, source, target in zip(reversed(extents), *_strides(route), strict=True):
        this = Steps(extent, source, target)
        if extent == 1:
            continue
        if not steps and source == target == width:
            width *= extent
        elif steps and _continues(this, steps[-1]):
            steps[-1] = steps[-1]._replace(times=steps[-1].times * extent)
        else:
            steps.append(this)
    return width, steps


def _strides(route: Route) -> tuple[list[int], list[int]]:
    """Bytes from position to position along each dimension in source and target, innermost first."""

    def of(shape: Shape) -> list[int]:
        return list(accumulate(reversed(shape[1:]), mul, initial=route.item_bytes))[: len(shape)]

    return of(route.source), of(route.target)


def _continues(steps: Steps, inner: Steps) -> bool:
    return (steps.source, steps.target) == (inner.times * inner.source, inner.times * inner.target)


@cache
def most_descriptors(extents: Shape, route: Route, limits: Limits) -> int:
    """A bound on the descriptors of every box of at most these extents, none of them 0, that never falls as they grow.

    It takes no dimensions together, which boxes of other extents may not allow.
    """
    if not extents:
        return 1
    width, outer = extents[-1] * route.item_bytes, prod(extents[:-1])
    counts = [-(-width // limits.linear_bytes) * outer]
    for extent, source, target in list(zip(reversed(extents), *_strides(route), strict=True))[1:]:
        if width <= limits.width_bytes and max(source, target) <= limits.stride_bytes:
            counts.append(outer // extent * -(-extent // limits.rows))
    return min(counts)


def descriptor_counts(extents: Sequence[Sequence[int]], route: Route, limits: Limits) -> list[int]:
    """Descriptors of each of some boxes; 0 for an empty one."""
    return [chain_of(tuple(box), route, limits).count if min(box, default=1) > 0 else 0 for box in extents]
