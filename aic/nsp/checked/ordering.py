"""Races, found by what queues, signals and waits have ordered, whatever order an execution takes.

Every run on a core has a number, and every run that has started a *past*: the set of those that had certainly ended
before, as bits of an integer. Each touch of memory is compared with those before it.
"""

from typing import NamedTuple

import numpy as np
from xdsl.ir import SSAValue

from aic.nsp.checked.faults import Touch
from aic.nsp.checked.memory import Slot
from dialects.element_types import element_bytes
from dialects.errors import AicError
from dialects.tile.boxes import Integers
from dialects.tile.buffers import AllocOp, type_of
from dialects.tile.layout import piece_of, piece_offsets

Past = int
"""Bit n is set: run number n has ended."""


class _Record(NamedTuple):
    touch: Touch
    number: int
    """Of the run on the core where it ends."""
    low: tuple[int, ...]
    """The box from the corner of the slot, or of the tensor."""
    high: tuple[int, ...]
    writes: bool


Place = tuple[int, SSAValue, int]
"""A slot: core (-1 in DDR), buffer or tensor, address; a tensor that has none: -1, tensor, 0."""


class Ordering:
    """Who has touched what, and what had certainly ended when runs started."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._pasts: dict[int, Past] = {}
        self._records: dict[Place, list[_Record]] = {}
        self._spans: dict[int, list[tuple[int, int, Place]]] = {core: [] for core in range(-1, cores)}
        """Addresses of the slots that were touched on each core, and in DDR."""
        self._shared: dict[Place, list[Place]] = {}

    def number(self, turn: int, core: int) -> int:
        """Number of a run on a core."""
        return turn * self._cores + core

    def started(self, turn: int, core: int, past: Past) -> None:
        """A run has started on a core, after that past."""
        self._pasts[self.number(turn, core)] = past

    def past(self, turn: int, core: int) -> Past:
        """What had ended before a run started on a core."""
        return self._pasts[self.number(turn, core)]

    def has_started(self, turn: int, core: int) -> bool:
        """Whether a run that has not ended everywhere has started on a core."""
        return self.number(turn, core) in self._pasts

    def forget(self, turn: int) -> None:
        """A run has ended on all cores."""
        for core in range(self._cores):
            del self._pasts[self.number(turn, core)]

    def touched(self, touch: Touch, slot: Slot | None, *, writes: bool) -> None:
        """Notes a touch. Raises AicError, naming both, when it races with an earlier one, or has overtaken one that
        comes before it in the text.
        """
        site, place = touch.site, _place(touch, slot)
        corner = np.zeros_like(touch.low) if slot is None else slot.low
        low, high = tuple((touch.low - corner).tolist()), tuple((touch.high - corner).tolist())
        new = _Record(touch, self.number(site.turn, site.core), low, high, writes)
        past = self.past(site.turn, site.starter)
        own = self._records.setdefault(place, [])
        for record in own:
            if (record.writes or writes) and self._wrong(record, new, past) and _meet(record, new):
                raise _fault(record, new)
        if slot is not None:
            self._compare_shared(place, slot, new, past)
        own[:] = [record for record in own if not _stands_for(new, record)]
        own.append(new)

    def _compare_shared(self, place: Place, slot: Slot, new: _Record, past: Past) -> None:
        """Compares with touches through slots that share addresses."""
        if place not in self._shared:
            self._enter(place, slot)
        for other in self._shared[place]:
            for record in self._records[other]:
                wrong = (record.writes or new.writes) and self._wrong(record, new, past)
                if wrong and _share_bytes(other[2], record, place[2], new):
                    raise _fault(record, new)

    def _enter(self, place: Place, slot: Slot) -> None:
        core, begin, end = place[0], slot.address, slot.address + slot.size
        sharing = [other for first, last, other in self._spans[core] if first < end and last > begin]
        for other in sharing:
            self._shared[other].append(place)
        self._shared[place] = sharing
        self._spans[core].append((begin, end, place))

    @staticmethod
    def _wrong(old: _Record, new: _Record, past: Past) -> bool:
        """True unless the old touch has ended before the new one, and comes before it in the text; or both are of one
        kernel on one core, which reads before it writes.
        """
        if old.number == new.number:
            return new.touch.site.op.is_asynchronous
        return not past >> old.number & 1 or old.touch.site.turn > new.touch.site.turn


def _place(touch: Touch, slot: Slot | None) -> Place:
    if slot is None:
        return (-1, touch.value, 0)
    return (touch.owner if isinstance(touch.value.owner, AllocOp) else -1, touch.value, slot.address)


def _meet(a: _Record, b: _Record) -> bool:
    """True when boxes in one memory have a position in common."""
    sides = zip(a.low, b.low, a.high, b.high, strict=True)
    return all(max(low, other) < min(high, end) for low, other, high, end in sides)


def _share_bytes(address: int, a: _Record, other: int, b: _Record) -> bool:
    """True when boxes in slots at two addresses have a byte in common."""
    (begin, size), (start, length) = _pieces(address, a), _pieces(other, b)
    # The last piece of a that begins before the end of each piece of b, if it ends behind its beginning.
    at = np.searchsorted(begin, start + length) - 1
    return bool(((at >= 0) & (begin[at.clip(min=0)] + size > start)).any())


def _pieces(address: int, record: _Record) -> tuple[Integers, int]:
    """Addresses at which the contiguous pieces of a box begin, in order, and their length."""
    buffer = type_of(record.touch.value)
    shape, element = buffer.get_shape(), element_bytes(buffer.element_type)
    offsets = piece_offsets(shape, record.low, record.high)
    return address + offsets * element, piece_of(shape, record.low, record.high).length * element


def _stands_for(new: _Record, old: _Record) -> bool:
    """True when whoever comes after the new touch comes after the old one, too, so that the old one can be forgotten:
    it is overwritten, or was the same touch by an earlier run.
    """
    covers = all(a <= b for a, b in zip(new.low, old.low, strict=True))
    covers = covers and all(a >= b for a, b in zip(new.high, old.high, strict=True))
    site, before = new.touch.site, old.touch.site
    return covers and (new.writes or (not old.writes and site.op is before.op and site.core == before.core))


def _fault(old: _Record, new: _Record) -> AicError:
    """The later of the two in the text does not wait for the other."""
    if old.touch.site.turn > new.touch.site.turn:
        old, new = new, old
    did, is_done = ("write" if old.writes else "read"), ("written" if new.writes else "read")
    if old.number == new.number:
        return new.touch.fault(f"is {is_done} by a transfer that also {did}s there: {old.touch}")
    return new.touch.fault(f"is {is_done} without waiting for the {did} by {old.touch}")
