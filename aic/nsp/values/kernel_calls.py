"""Which kernel calls make the results of one run of a compute instruction on all cores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from aic.nsp.values.grid import Grid, grids, strided
from aic.nsp.values.memory import Held
from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers
from dialects.tile.instructions import ComputeOp


@dataclass(frozen=True)
class KernelCall:
    """One call for a grid of cores: a view [grid.., extents..] per operand, the written one last."""

    grid: Grid
    views: tuple[Array, ...]
    ranks: tuple[int, ...]
    shape: tuple[int, ...]
    """Extents of the result on one core."""
    served: Mapping[int, int]
    """Every core that has what is computed, with the core of the grid that stands for it: what several cores hold alike
    is computed once.
    """


@dataclass(frozen=True)
class _Operands:
    """Memory of the operands, the corner of each core's box in it, and the extents of the boxes."""

    held: tuple[Held, ...]
    corners: tuple[Integers, ...]
    extents: tuple[Integers, ...]

    def ranks(self) -> tuple[int, ...]:
        return tuple(extents.shape[1] for extents in self.extents)


def kernel_calls(
    op: ComputeOp, iteration: tuple[int, ...], cores: int, memory: Mapping[SSAValue, Held]
) -> Iterator[KernelCall]:
    """The calls of one run of an instruction: cores with boxes of equal extents in one call where they form a grid."""
    accesses = op.accesses()
    bounds = [box.bounds(cores, iteration) for _, box in accesses]
    held = tuple(memory[value] for value, _ in accesses)
    operands = _Operands(
        held,
        tuple(h.corners(low, cores, iteration) for h, (low, _) in zip(held, bounds, strict=True)),
        tuple(np.maximum(high - low, 0) for low, high in bounds),
    )
    busy = [core for core in range(cores) if operands.extents[-1][core].min(initial=1) > 0]
    served = held[-1].holders(busy)
    callers = list(dict.fromkeys(served.values()))
    keys = [tuple(int(e) for extent in operands.extents for e in extent[core]) for core in callers]
    for grid in grids(callers, keys, accesses[-1][1].mesh, cores):
        yield from _calls_of_grid(grid, operands, served)


def _calls_of_grid(grid: Grid, operands: _Operands, served: Mapping[int, int]) -> Iterator[KernelCall]:
    """One call for a grid of cores, or one per core when operands do not lie evenly."""
    members = list(grid.cores)
    views: list[Array] = []
    for held, corners, extents in zip(operands.held, operands.corners, operands.extents, strict=True):
        view = strided(held.array, corners[members], tuple(int(e) for e in extents[members[0]]), grid)
        if view is None:
            for core in members:
                yield from _calls_of_grid(Grid((core,), ()), operands, served)
            return
        views.append(view)
    shape = tuple(int(e) for e in operands.extents[-1][members[0]])
    here = {core: caller for core, caller in served.items() if caller in grid.cores}
    yield KernelCall(grid, tuple(views), operands.ranks(), shape, here)
