"""How a transfer is cut so that its parts have few descriptors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from dialects.tile.boxes import Bound, Box, Form, Interval
from dialects.tile.buffers import AllocOp, type_of
from dialects.tile.descriptors import Limits, Route, Shape, most_descriptors
from dialects.tile.transfers import TransferOp
from passes.scheduling.chains import Boxes

MAX_PARTS = 256
"""Parts of one transfer: programs are to follow the size of networks, not of their tensors."""


def cut_sizes(chains: set[Boxes], largest: Shape, route: Route, limits: Limits) -> list[int]:
    """Extents of the parts of a transfer's boxes, which have at most the extents `largest`: few and large, with short
    chains wherever they lie. `chains` are those of the whole boxes.

    Starting from each dimension in turn, the part is as large along it as may be; where one position is too much, it
    has one, and the next dimension is cut, too. Of these ways the one with the fewest parts is taken.
    """
    ways = [_cut_from(first, largest, chains, route, limits) for first in range(len(largest))]
    return min(ways, key=lambda sizes: _parts(largest, sizes))


def _cut_from(first: int, largest: Shape, chains: set[Boxes], route: Route, limits: Limits) -> list[int]:
    sizes = list(largest)
    for dim in range(first, len(sizes)):
        sizes[dim] = 1
        if _short(chains, sizes, route, limits):
            sizes[dim] = _last_short(dim, sizes, largest[dim], chains, route, limits)
            return sizes
    return [1] * len(sizes)


def _last_short(dim: int, sizes: Sequence[int], largest: int, chains: set[Boxes], route: Route, limits: Limits) -> int:
    """The largest size along a dimension with which chains are short; 1 is short."""
    short, long = 1, largest + 1
    while long - short > 1:
        middle = (short + long) // 2
        if _short(chains, [*sizes[:dim], middle, *sizes[dim + 1 :]], route, limits):
            short = middle
        else:
            long = middle
    return short


def _short(chains: set[Boxes], sizes: Sequence[int], route: Route, limits: Limits) -> bool:
    """Whether parts of these sizes have short chains, by a bound that holds for smaller ones, too."""
    return all(
        sum(most_descriptors(tuple(map(min, box, sizes)), route, limits) for box in boxes) <= limits.chain
        for boxes in chains
    )


def _parts(extents: Sequence[int], sizes: Sequence[int]) -> int:
    parts = 1
    for extent, size in zip(extents, sizes, strict=True):
        parts *= -(-extent // size)
    return parts


def cut_box(op: TransferOp, sizes: Sequence[int], largest: Shape) -> tuple[int, Iterator[Box]]:
    """How many parts a transfer has, whose box has at most the extents `largest`, and their boxes, which together are
    that box.
    """
    box = op.box.data
    dims = [_cut_interval(op, dim, size, largest[dim]) for dim, size in enumerate(sizes)]
    return prod(map(len, dims)), (Box(box.mesh, intervals) for intervals in product(*dims))


def _cut_interval(op: TransferOp, dim: int, size: int, largest: int) -> list[Interval]:
    """Intervals of a size, from the low end of a box along a dimension on. Where that is no single form they start at
    that of the window of the buffer, which has room for the box.
    """
    interval = op.box.data.dims[dim]
    if size >= largest:
        return [interval]
    start, extent = (interval.low[0], largest) if len(interval.low) == 1 else _window(op, dim)
    return [
        Interval(_and(interval.low, start + begin, max), _and(interval.high, start + (begin + size), min))
        for begin in range(0, extent, size)
    ]


def _window(op: TransferOp, dim: int) -> tuple[Form, int]:
    """Where the window of a transfer's buffer starts along a dimension, in the coordinates of the source, and the
    extent of the buffer.
    """
    target = op.destination.owner
    if isinstance(target, AllocOp):
        return target.window.data.dims[dim].low[0] + -op.shift[dim], type_of(target.result).get_shape()[dim]
    source = op.source.owner
    assert isinstance(source, AllocOp), "a transfer has a buffer on one side"
    return source.window.data.dims[dim].low[0], type_of(source.result).get_shape()[dim]


def _and(bound: Bound, form: Form, choose: Callable[[int, int], int]) -> Bound:
    """A bound with one more form, taken together with one of the same variables."""
    for n, each in enumerate(bound):
        if (each.mesh, each.loops) == (form.mesh, form.loops):
            return (*bound[:n], replace(form, constant=choose(each.constant, form.constant)), *bound[n + 1 :])
    return (*bound, form)
