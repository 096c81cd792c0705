"""A range of addresses looked at byte by byte, whatever slots the bytes are touched through."""

from dataclasses import dataclass
from math import prod

import numpy as np

from dialects.errors import AicError
from dialects.tile.boxes import Integers
from dialects.tile.layout import piece_of, piece_offsets
from passes.checking.addresses import Slots
from passes.checking.cells import MAX_PAIRS, Boxes, Cut, TooManyCells, Touches, touches
from passes.checking.history import History, too_many

MAX_PIECES = 1 << 20
"""Contiguous pieces of boxes in one range."""


@dataclass(frozen=True)
class Bytes:
    """What happens to the bytes of a range on all cores; `touches.box` is a contiguous piece of an access."""

    begin: int
    """First address of the range."""
    touches: Touches
    cut: Cut
    access: Integers
    """[pieces]: whose."""

    def address(self, touch: int) -> int:
        """First address of what is touched."""
        return self.begin + self.cut.corner(int(self.touches.box[touch]), int(self.touches.cell[touch]))[0]


def touched_bytes(history: History, slots: Slots, begin: int, end: int) -> Bytes:
    """What happens to addresses [begin, end). Raises AicError when that is too much to look at."""
    touching = (slots.of_access >= 0) & (slots.begin < end)[slots.of_access] & (slots.end > begin)[slots.of_access]
    access, low, high, left = list[Integers](), list[Integers](), list[Integers](), MAX_PIECES
    for one in np.flatnonzero(touching).tolist():
        first, length = _pieces(history, slots, one, left)
        first, last = first.clip(begin, end), (first + length).clip(begin, end)
        inside = first < last
        access.append(np.full(int(inside.sum()), one, np.int64))
        low.append(first[inside] - begin)
        high.append(last[inside] - begin)
        left -= len(first)
    owner = np.concatenate(access)
    boxes = Boxes(
        np.zeros_like(owner), history.accesses.core[owner], np.concatenate(low)[:, None], np.concatenate(high)[:, None]
    )
    cut = Cut(boxes, np.array([[end - begin]], np.int64), history.program.cores)
    try:
        (pairs,) = cut.batches()
    except TooManyCells as error:
        memory = history.program.memories[int(history.accesses.memory[owner[0]])]
        raise AicError(too_many(memory, MAX_PAIRS)) from error
    accesses = history.accesses
    return Bytes(begin, touches(pairs, accesses.run[owner], accesses.writes[owner]), cut, owner)


def _pieces(history: History, slots: Slots, access: int, most: int) -> tuple[Integers, int]:
    """Addresses at which the contiguous pieces of an access begin, and their length in bytes."""
    accesses = history.accesses
    memory = history.program.memories[int(accesses.memory[access])]
    rank = len(memory.shape)
    low, high = accesses.low[access, :rank].tolist(), accesses.high[access, :rank].tolist()
    piece = piece_of(memory.shape, low, high)
    if prod(b - a for a, b in zip(low[: piece.outer], high[: piece.outer], strict=True)) > most:
        raise AicError(too_many(memory, MAX_PIECES))
    offsets = piece_offsets(memory.shape, low, high) * memory.element_bytes
    return int(slots.begin[slots.of_access[access]]) + offsets, piece.length * memory.element_bytes
