"""Which boxes a loop over parts that are made in order hands on: from the end of one part to the state of the next."""

from collections.abc import Sequence

from dialects.indexing import Access, Whole
from dialects.tile.boxes import Box, Form, Interval
from passes.tiling.chunks import Cut


def last_position(chunk: Box, cut: Cut, loop: int, accesses: Sequence[Access], shape: Sequence[int]) -> Box:
    """The last position of a chunk along the dimension of `cut`, whose variable is that of loop number `loop`: of it
    what a state of that shape has, which is read in that way.

    Empty for a last chunk that is shorter than the others: nothing follows it.
    """
    dims = [
        Interval((Form(0),), (Form(size),)) if isinstance(access, Whole) else interval
        for interval, access, size in zip(chunk.dims, accesses, shape, strict=True)
    ]
    last = Form(cut.chunk - 1, (), (*(0,) * loop, cut.chunk))
    dims[cut.dim] = Interval((last,), chunk.dims[cut.dim].high)
    return Box(chunk.mesh, tuple(dims))


def its_place(state: Box, cut: Cut, loop: int, size: int) -> Box:
    """Where in the box of a state that position goes; empty when it is. `size`: positions of all chunks together."""
    dims = list(state.dims)
    rest = Form(size - cut.chunk + 1, (), (*(0,) * loop, -cut.chunk))
    whole = size % cut.chunk == 0
    dims[cut.dim] = Interval((Form(0),), (Form(1),) if whole else (Form(1), rest))
    return Box(state.mesh, tuple(dims))
