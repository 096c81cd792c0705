"""Races: two accesses to the same elements or bytes, one of which writes, that can overlap in time.

An access that comes later in the order of the text must start after the earlier one has ended, in every execution. Of
the accesses to a cell it is enough to look at neighbours: each write with those since the write before, and each read
with the write before; the others follow. Runs of a kernel read before they write. A transfer moves its elements in any
order, so it may not write what it reads.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dialects.text import place
from dialects.tile.boxes import Integers
from dialects.tile.naming import run_text
from passes.checking.addresses import Ranges, Slots, ranges_of, slots_of, slots_read_later, successions
from passes.checking.bytes import touched_bytes
from passes.checking.cells import NONE, Flags, Touches
from passes.checking.findings import Finding
from passes.checking.history import History
from passes.checking.order import Order, Pairs, Undecided


class Conflicts(NamedTuple):
    """Pairs of accesses of which the second comes later in the text and may not start before the first has ended."""

    first: Integers
    second: Integers


def find_races(history: History, order: Order) -> Iterator[Finding]:
    """The first race of each pair of instructions for each memory."""
    seen: set[object] = set()
    for conflict in _all_races(history, order):
        for first, second in zip(*(column.tolist() for column in conflict), strict=True):
            key = (history.maker(first), history.maker(second), int(history.accesses.memory[second]))
            if key not in seen:
                seen.add(key)
                yield _finding(history, first, second)


def _all_races(history: History, order: Order) -> Iterator[Conflicts]:
    """Races within slots and tensors, then those between slots that share addresses."""
    for touches in history.cells():
        yield _unordered(history, order, conflicts(touches, touches.box))
    slots = slots_of(history)
    ranges = ranges_of(slots)
    for number in _unproved(history, order, slots, ranges):
        looked_at = touched_bytes(history, slots, int(ranges.begin[number]), int(ranges.end[number]))
        yield _unordered(history, order, conflicts(looked_at.touches, looked_at.access[looked_at.touches.box]))


def conflicts(touches: Touches, access: Integers) -> Conflicts:
    """Neighbours among the touches [touches] of each cell that conflict; `access`: whose each touch is."""
    index = np.arange(len(access))
    # A write right behind a read comes after all before the read, when it comes after the read.
    after_read = np.concatenate([[False], ~touches.writes[:-1]])[: len(access)] & touches.writes
    after_read &= np.concatenate([[False], touches.cell[1:] == touches.cell[:-1]])[: len(access)]
    behind = np.flatnonzero((touches.last_write != NONE) & ~after_read)
    before = np.flatnonzero(~touches.writes & (touches.next_write != NONE))
    first = access[np.concatenate([touches.last_write[behind], index[before]])]
    second = access[np.concatenate([index[behind], touches.next_write[before]])]
    pairs = np.unique(first * (int(access.max(initial=0)) + 1) + second)
    return Conflicts(*np.divmod(pairs, int(access.max(initial=0)) + 1))


def _unproved(history: History, order: Order, slots: Slots, ranges: Ranges) -> list[int]:
    """Ranges in which it does not follow from who is live when that accesses through different slots are ordered."""
    lives = ranges.lives
    following = np.append(False, lives.range[1:] == lives.range[:-1])[: len(lives.range)]
    doubtful = following & ~lives.writes
    doubtful |= np.isin(lives.slot, slots_read_later(history, slots, lives))
    handover = successions(history, slots, lives)
    late = _is_unordered(history, order, Conflicts(handover.before, handover.after))
    unordered = np.isin(handover.pair_of_range, handover.pair[late])
    return np.unique(np.concatenate([lives.range[doubtful], handover.range[unordered]])).tolist()


def _unordered(history: History, order: Order, pairs: Conflicts) -> Conflicts:
    late = _is_unordered(history, order, pairs)
    return Conflicts(pairs.first[late], pairs.second[late])


def _is_unordered(history: History, order: Order, pairs: Conflicts) -> Flags:
    """Which pairs can overlap in time. The host comes after everything."""
    accesses, (first, second) = history.accesses, pairs
    before, after = accesses.run[first], accesses.run[second]
    runs = len(history.program.runs)
    same = (before == after) & (accesses.ender[first] == accesses.ender[second])
    safe = (after == runs) | (same & ~np.append(order.asynchronous, True)[before])
    result = ~safe
    asked = np.flatnonzero(result)
    result[asked] = ~order.ordered(
        Pairs(before[asked], accesses.ender[first[asked]], after[asked], accesses.starter[second[asked]])
    )
    return result


def _finding(history: History, first: int, second: int) -> Finding:
    accesses = history.accesses
    here, there = ("written" if accesses.writes[access] else "read" for access in (second, first))
    if accesses.run[first] == accesses.run[second] and accesses.ender[first] == accesses.ender[second]:
        return Finding(
            history.touch(second), f"is {here} by a transfer in which the same is {there}:", history.touch(first)
        )
    did = {"written": "write", "read": "read"}[there]
    return Finding(history.touch(second), f"is {here} without waiting for the {did} by", history.touch(first))


def undecided_text(history: History, undecided: Undecided) -> str:
    """A wait that cannot be decided, as a sentence."""
    runs, (step, need) = history.program.runs, undecided
    raisers = dict.fromkeys(
        place(run.op) for run in runs if run.op.signal is not None and run.op.signal.value.data == need.signal
    )
    return (
        f"{run_text(runs[step].op, 0, runs[step].at)}: waits until signal {need.signal} is at {need.least}, but "
        f"{' and '.join(raisers)} raise it, and in which order they do is not fixed: give each a signal of its own"
    )
