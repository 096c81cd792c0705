"""The cores of an instruction as a grid, so that one kernel call serves all of them.

Cores that work on boxes of equal extents are taken together. When their mesh coordinates form a full grid, and the
place of each operand in memory is linear in the coordinates, every operand is one strided view with the grid's axes in
front; an axis along which an operand does not move has size 1 there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers, core_coordinates


@dataclass(frozen=True)
class Grid:
    """Cores that run one kernel call together: `cores` in row-major order of a grid of `shape`."""

    cores: tuple[int, ...]
    shape: tuple[int, ...]


def grids(
    cores: Sequence[int], extents: Sequence[tuple[int, ...]], mesh: tuple[int, ...], total: int
) -> Iterator[Grid]:
    """Grids of cores with equal extents (one entry of `extents` per core); cores that form no grid come one by one."""
    order = sorted(range(len(cores)), key=lambda n: (extents[n], cores[n]))
    coordinates = core_coordinates(total, mesh)
    for _, group in groupby(order, key=lambda n: extents[n]):
        members = [cores[n] for n in group]
        shape = _grid_shape(coordinates[members])
        if shape is not None:
            yield Grid(tuple(members), shape)
        else:
            yield from (Grid((core,), ()) for core in members)


def _grid_shape(coordinates: Integers) -> tuple[int, ...] | None:
    """Sizes of the axes along which these coordinates form a full grid with even steps; None when they do not."""
    axes: list[npt.NDArray[np.int64]] = [np.unique(column) for column in coordinates.T]
    if any(len(axis) > 2 and len(set(np.diff(axis))) > 1 for axis in axes):
        return None
    sizes = tuple(len(axis) for axis in axes)
    return sizes if int(np.prod(sizes, dtype=np.int64)) == len(coordinates) else None


def strided(array: Array, corners: Integers, extents: Sequence[int], grid: Grid) -> Array | None:
    """View [grid.., extents..] of the boxes with these corners [cores, array.ndim]; None when the corners are not
    linear.

    `corners` address every dimension of `array`; dimensions before the last `len(extents)` are points. An axis of the
    grid along which the corners do not move has size 1 in the view.
    """
    strides = np.array(array.strides, np.int64)
    offsets = (corners * strides).sum(axis=1).reshape(grid.shape)
    steps = [_step(offsets, axis) for axis in range(len(grid.shape))]
    expected = offsets.flat[0] + sum(
        (
            step * np.arange(size).reshape((-1,) + (1,) * (len(grid.shape) - 1 - axis))
            for axis, (step, size) in enumerate(zip(steps, grid.shape, strict=True))
        ),
        start=np.zeros(grid.shape, np.int64),
    )
    if not np.array_equal(expected, offsets):
        return None
    first = array[(*(slice(int(c), None) for c in corners[0]), ...)]  # `...`: a view even where rank is 0
    lead = [size if step else 1 for step, size in zip(steps, grid.shape, strict=True)]
    own = array.strides[array.ndim - len(extents) :]
    return as_strided(first, (*lead, *extents), (*steps, *own))


def _step(offsets: Integers, axis: int) -> int:
    if offsets.shape[axis] == 1:
        return 0
    return int(offsets.take(1, axis).flat[0] - offsets.take(0, axis).flat[0])
