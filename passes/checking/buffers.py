"""Where buffers and scratch tensors lie: addresses inside VTCM and aligned; nothing is read that another one has
overwritten.
"""

from collections.abc import Iterator

import numpy as np

from dialects.tile.buffers import AllocOp
from dialects.tile.naming import named
from dialects.tile.scratch import ALIGNMENT
from passes.checking.addresses import Slots, ranges_of, slots_of, slots_read_later
from passes.checking.bytes import Bytes, touched_bytes
from passes.checking.cells import NONE
from passes.checking.findings import Finding
from passes.checking.history import History
from passes.checking.program import Memory, Program


def find_misplaced(program: Program) -> Iterator[str]:
    """Buffers without an address, at an odd one, or beyond the usable VTCM; scratch tensors at an odd one."""
    for memory in program.memories:
        if memory.address is not None:
            yield from _misplaced(program, memory, memory.address)


def _misplaced(program: Program, memory: Memory, address: int) -> Iterator[str]:
    owner = memory.value.owner
    in_vtcm, end = memory.window is not None, address + memory.pitch * memory.slots
    alignment = program.alignment if in_vtcm else ALIGNMENT
    if isinstance(owner, AllocOp) and owner.address is None:
        yield f"{named(memory.value)} has no address; run assign-addresses first"
    elif address % alignment:
        yield f"{named(memory.value)}: address {address} is no multiple of {alignment}"
    elif in_vtcm and (address < 0 or end > program.vtcm_bytes):
        yield (
            f"{named(memory.value)}: bytes {address} to {end} leave the VTCM, of which {program.vtcm_bytes} bytes are "
            "usable"
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
