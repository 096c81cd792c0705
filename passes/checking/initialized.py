"""Whether whatever is read was written before, in program order: for every element on every core, exactly.

A slot that holds another part of its tensor than the one that is read counts as not written: elements are written for
the window in which they are read.
"""

from collections.abc import Iterator

import numpy as np

from passes.checking.cells import NONE, Touches
from passes.checking.findings import Finding
from passes.checking.history import History


def find_uninitialized(history: History) -> Iterator[Finding]:
    """The first read of each operand of each instruction that finds what nobody wrote; likewise of each output."""
    seen: set[tuple[object, int]] = set()
    for touches in history.cells():
        for read in _unwritten(history, touches):
            access = int(touches.box[read])
            key = (history.maker(access), int(history.accesses.memory[access]))
            if key not in seen:
                seen.add(key)
                yield _finding(history, touches, int(read))


def _unwritten(history: History, touches: Touches) -> list[int]:
    """Reads, in program order, whose cell was not written for their window."""
    content = history.accesses.content
    stale = content[touches.box[touches.last_write]] != content[touches.box]
    found = np.flatnonzero(~touches.writes & ((touches.last_write == NONE) | stale))
    return found[np.argsort(history.accesses.run[touches.box[found]], kind="stable")].tolist()


def _finding(history: History, touches: Touches, read: int) -> Finding:
    access, last = int(touches.box[read]), int(touches.last_write[read])
    position = history.position(access, int(touches.cell[read]))
    if last == NONE:
        return Finding(history.touch(access), f"position {position} was never written")
    earlier = history.touch(int(touches.box[last]))
    return Finding(history.touch(access), f"position {position} holds what was written for another window by", earlier)
