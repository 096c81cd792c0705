"""Where buffers lie: addresses inside VTCM and aligned; nothing is read that another buffer has overwritten."""

from collections.abc import Iterator

import numpy as np

from dialects.tile.naming import named
from dialects.tile.ops import AllocOp
from passes.checking.addresses import Slots, ranges_of, slots_of, slots_read_later
from passes.checking.bytes import Bytes, touched_bytes
from passes.checking.cells import NONE
from passes.checking.findings import Finding
from passes.checking.history import History
from passes.checking.program import Memory, Program


def find_misplaced(program: Program) -> Iterator[str]:
    """Buffers without an address, at one that is not aligned, or beyond the usable VTCM."""
    for memory in program.memories:
        if memory.window is not None:
            yield from _misplaced(program, memory)


def _misplaced(program: Program, memory: Memory) -> Iterator[str]:
    owner = memory.value.owner
    end = memory.address + memory.pitch * memory.slots
    if isinstance(owner, AllocOp) and owner.address is None:
        yield f"{named(memory.value)} has no address; run assign-addresses first"
    elif memory.address % program.alignment:
        yield f"{named(memory.value)}: address {memory.address} is no multiple of {program.alignment}"
    elif memory.address < 0 or end > program.vtcm_bytes:
        yield (
            f"{named(memory.value)}: bytes {memory.address} to {end} leave the VTCM, of which {program.vtcm_bytes} "
            "bytes are usable"
        )


def find_overwritten(history: History) -> Iterator[Finding]:
    """The first read of each operand of each instruction that finds what was written through another slot."""
    slots = slots_of(history)
    ranges = ranges_of(slots)
    suspects = slots_read_later(history, slots, ranges.lives)
    seen: set[tuple[object, int]] = set()
    for place in np.unique(ranges.lives.range[np.isin(ranges.lives.slot, suspects)]).tolist():
        looked_at = touched_bytes(history, slots, int(ranges.begin[place]), int(ranges.end[place]))
        for read in _overwritten(slots, looked_at):
            access = int(looked_at.access[looked_at.touches.box[read]])
            key = (history.maker(access), int(slots.of_access[access]))
            if key not in seen:
                seen.add(key)
                yield _finding(history, slots, looked_at, read)


def _overwritten(slots: Slots, looked_at: Bytes) -> list[int]:
    """Reads, in program order, of bytes that were last written through another slot."""
    touches, access = looked_at.touches, looked_at.access
    slot = slots.of_access[access[touches.box]]
    strange = ~touches.writes & (touches.last_write != NONE) & (slot[touches.last_write] != slot)
    found = np.flatnonzero(strange)
    return found[np.argsort(slots.time[access[touches.box[found]]], kind="stable")].tolist()


def _finding(history: History, slots: Slots, looked_at: Bytes, read: int) -> Finding:
    reader = int(looked_at.access[looked_at.touches.box[read]])
    writer = int(looked_at.access[looked_at.touches.box[looked_at.touches.last_write[read]]])
    memory = history.program.memories[int(history.accesses.memory[reader])]
    element = (looked_at.address(read) - int(slots.begin[slots.of_access[reader]])) // memory.element_bytes
    position = np.array(np.unravel_index(element, memory.shape), np.int64) + history.corner(reader)
    problem = f"position {position.tolist()} was overwritten by"
    return Finding(history.touch(reader), problem, history.touch(writer))
