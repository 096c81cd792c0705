"""Memory cut into cells that every access touches whole or not at all, so that what holds for cells is exact.

Along each dimension of a tensor or buffer, the corners of all boxes cut it into stretches; a cell is a product of
stretches. So their number follows the number of different boxes, not that of elements.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.tile.boxes import Integers

Flags: TypeAlias = npt.NDArray[np.bool_]

NONE = -1
"""In place of the index of a touch that there is not."""
MAX_PAIRS = 1 << 23
"""Pairs of a box and a cell in it that one memory may have."""
_BATCH = 1 << 21
"""Pairs that are looked at together, where memories are small enough."""
_DENSE = 1 << 23
"""Positions up to which a table of all of them is faster than sorting those that occur."""


class Boxes(NamedTuple):
    """Boxes in memories."""

    memory: Integers
    """Which memory; they are numbered from 0."""
    place: Integers
    """Which instance of the memory: instances, such as the VTCMs of cores, are cut alike but share no cells."""
    low: Integers
    """[boxes, rank]"""
    high: Integers


class Pairs(NamedTuple):
    """Pairs of a box and a cell in it."""

    box: Integers
    cell: Integers


class TooManyCells(Exception):
    """A memory is cut into more cells than are looked at."""

    def __init__(self, memory: int) -> None:
        super().__init__(memory)
        self.memory = memory


@dataclass(frozen=True)
class _Stretches:
    """Where one dimension of the memories is cut."""

    begin: Integers
    """[memories]: index of the first corner of each memory."""
    corners: Integers
    """Position of every corner."""
    low: Integers
    """[boxes]: number of the first stretch of each box in its memory, and of the first one behind it."""
    high: Integers


class Cut:
    """The cells of boxes in memories of the given extents [memories, rank]. Boxes hold at least one position, and lie
    in their memory.
    """

    def __init__(self, boxes: Boxes, extents: Integers, places: int) -> None:
        self._boxes = boxes
        self._dims = [_stretches(boxes, extents[:, d], d) for d in range(extents.shape[1])]
        sizes = [np.diff(dim.begin, append=len(dim.corners)).clip(min=1) for dim in self._dims]
        self._strides = [np.ones(len(extents), np.int64)]
        for size in reversed(sizes):
            self._strides.append(self._strides[-1] * size)
        self._cells = self._strides.pop()
        self._strides.reverse()
        self._first = np.cumsum(self._cells * places) - self._cells * places
        self._counts = np.ones(len(boxes.memory), np.int64)
        for dim in self._dims:
            self._counts *= dim.high - dim.low

    def batches(self) -> Iterator[Pairs]:
        """All pairs, those of one memory together. Raises TooManyCells."""
        amounts = np.bincount(self._boxes.memory, self._counts, len(self._first)).astype(np.int64)
        if len(amounts) and amounts.max() > MAX_PAIRS:
            raise TooManyCells(int(amounts.argmax()))
        batch = (np.cumsum(amounts) // _BATCH)[self._boxes.memory]
        for number in np.unique(batch).tolist():
            yield self._pairs(np.flatnonzero(batch == number))

    def corner(self, box: int, cell: int) -> list[int]:
        """First position of a cell of a box."""
        memory = int(self._boxes.memory[box])
        rest = (cell - int(self._first[memory])) % int(self._cells[memory])
        position: list[int] = []
        for dim, stride in zip(self._dims, self._strides, strict=True):
            stretch, rest = divmod(rest, int(stride[memory]))
            position.append(int(dim.corners[dim.begin[memory] + stretch]))
        return position

    def _pairs(self, boxes: Integers) -> Pairs:
        counts = self._counts[boxes]
        box = np.repeat(boxes, counts)
        memory = self._boxes.memory[box]
        cell = self._first[memory] + self._boxes.place[box] * self._cells[memory]
        rest = np.arange(len(box)) - np.repeat(np.cumsum(counts) - counts, counts)
        for dim, stride in zip(reversed(self._dims), reversed(self._strides), strict=True):
            size, stretch = (dim.high - dim.low)[boxes], dim.low[box]
            if size.max(initial=1) > 1:
                wide = size.repeat(counts)
                stretch = stretch + rest % wide
                rest //= wide
            cell += stretch * stride[memory]
        return Pairs(box, cell)


def _stretches(boxes: Boxes, extents: Integers, dim: int) -> _Stretches:
    """Cuts one dimension of all memories at once: their positions lie one after the other on one line."""
    line = np.cumsum(extents + 1)
    base = line - extents - 1
    start = base[boxes.memory]
    low, high = start + boxes.low[:, dim], start + boxes.high[:, dim]
    total = int(line[-1]) if len(line) else 0
    if total > _DENSE:
        corners, ranks = np.unique(np.concatenate([low, high]), return_inverse=True)
        low_rank, high_rank = ranks[: len(low)], ranks[len(low) :]
    else:
        marks = np.zeros(total, np.bool_)
        marks[low] = marks[high] = True
        corners, table = np.flatnonzero(marks), np.cumsum(marks) - 1
        low_rank, high_rank = table[low], table[high]
    begin = np.searchsorted(corners, base)
    first = begin[boxes.memory]
    owner = np.searchsorted(line, corners, side="right")
    return _Stretches(begin, corners - base[owner], low_rank - first, high_rank - first)


@dataclass(frozen=True)
class Touches:
    """What happens to cells, ordered by cell, then by time; at one time reads come first."""

    box: Integers
    cell: Integers
    writes: Flags
    last_write: Integers
    """The touch that last wrote the cell before this one, or NONE."""
    next_write: Integers
    """The touch that writes the cell next, or NONE."""


def touches(pairs: Pairs, time: Integers, writes: Flags) -> Touches:
    """Pairs put in order; `time` and `writes` are those of the boxes."""
    when = 2 * time[pairs.box] + writes[pairs.box]
    by_time = np.argsort(pairs.cell * (int(when.max(initial=0)) + 1) + when, kind="stable")
    box, cell = pairs.box[by_time], pairs.cell[by_time]
    written, index = writes[box], np.arange(len(box))
    begins = np.concatenate([[True], cell[1:] != cell[:-1]])[: len(box)]
    start = np.maximum.accumulate(np.where(begins, index, 0))
    last = np.maximum.accumulate(np.where(written, index, NONE))
    last = np.concatenate([[NONE], last[:-1]])[: len(box)]
    end = len(box)
    following = np.minimum.accumulate(np.where(written, index, end)[::-1])[::-1]
    following = np.concatenate([following[1:], [end]])[: len(box)]
    same = (following < end) & (cell[following.clip(max=max(end - 1, 0))] == cell)
    return Touches(box, cell, written, np.where(last >= start, last, NONE), np.where(same, following, NONE))
