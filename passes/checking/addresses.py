"""Addresses that several slots of buffers share, one after the other, and scratch tensors in DDR.

The bounds of slots cut the addresses into *ranges*. While a range is touched through one slot and no other, that slot
is *live* there. Most programs can be judged by who is live when; `bytes_of_ranges` is for where that does not tell.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dialects.tile.boxes import Integers
from passes.checking.cells import NONE, Flags
from passes.checking.history import History


@dataclass(frozen=True)
class Slots:
    """The slots of all buffers and scratch tensors, numbered."""

    begin: Integers
    """[slots]: first address."""
    end: Integers
    of_access: Integers
    """[accesses]: which slot is touched, -1 where it is none."""
    time: Integers
    """[accesses]: twice the run, and one more for writes, which come after the reads of a run."""


class Lives(NamedTuple):
    """Who is live in address ranges that several slots share, ordered by range, then by time."""

    range: Integers
    slot: Integers
    first: Integers
    """The time at which the slot is touched first."""
    last: Integers
    writes: Flags
    """Whether the slot is written in that time."""


@dataclass(frozen=True)
class Ranges:
    """Address ranges and the lives in them."""

    begin: Integers
    end: Integers
    lives: Lives


def slots_of(history: History) -> Slots:
    """The slots that a program's buffers have, and behind VTCM those of its scratch tensors."""
    memories, accesses = history.program.memories, history.accesses
    first, begin, end = np.full(len(memories), -1, np.int64), list[int](), list[int]()
    for number, memory in enumerate(memories):
        if memory.address is None:
            continue
        first[number] = len(begin)
        base = memory.address + (history.program.vtcm_bytes if memory.window is None else 0)
        addresses = [base + slot * memory.pitch for slot in range(memory.slots)]
        begin += addresses
        end += [address + memory.bytes for address in addresses]
    of_access = np.where(first[accesses.memory] < 0, -1, first[accesses.memory] + accesses.slot)
    return Slots(np.array(begin, np.int64), np.array(end, np.int64), of_access, 2 * accesses.run + accesses.writes)


def ranges_of(slots: Slots) -> Ranges:
    """The address ranges that accesses touch, and who is live in those that several slots share."""
    slot, time = _events(slots)
    used = np.unique(slot)
    corners = np.unique(np.concatenate([slots.begin[used], slots.end[used]]))
    low, high = np.searchsorted(corners, slots.begin), np.searchsorted(corners, slots.end)
    begins, ends = (np.bincount(side[used], minlength=len(corners)) for side in (low, high))
    users = np.cumsum(begins - ends)
    counts = (high - low)[slot]
    event = np.repeat(np.arange(len(slot)), counts)
    place = low[slot[event]] + np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts, counts)
    shared = users[place] > 1
    lives = _lives(place[shared], slot[event[shared]], time[event[shared]])
    return Ranges(corners[:-1], corners[1:], lives)


def _events(slots: Slots) -> tuple[Integers, Integers]:
    """Slots with the times at which they are touched, each once."""
    inside, times = slots.of_access >= 0, int(slots.time.max(initial=0)) + 1
    slot, time = np.divmod(np.unique(slots.of_access[inside] * times + slots.time[inside]), times)
    return slot, time


def _lives(place: Integers, slot: Integers, time: Integers) -> Lives:
    """Events of ranges in order of time, put together as long as the slot stays the same."""
    order = np.lexsort((time, place))
    place, slot, time = place[order], slot[order], time[order]
    change = (place[1:] != place[:-1]) | (slot[1:] != slot[:-1])
    begin = np.append(0, np.flatnonzero(change) + 1)[: len(place)]
    writes = np.logical_or.reduceat(time % 2 == 1, begin) if len(begin) else np.zeros(0, np.bool_)
    return Lives(
        place[begin], slot[begin], time[begin], time[np.append(begin[1:], len(place))[: len(begin)] - 1], writes
    )


class Successions(NamedTuple):
    """Which slot becomes live after which, in which ranges, and the accesses through the two that must not overlap in
    time.
    """

    range: Integers
    """[successions]"""
    pair_of_range: Integers
    """[successions]: number of the pair of lives; ranges may share one."""
    pair: Integers
    """[accesses]: number of the pair of lives."""
    before: Integers
    """[accesses]: through the slot that was live before."""
    after: Integers
    """[accesses]: through the slot that is live then."""


def successions(history: History, slots: Slots, lives: Lives) -> Successions:
    """Pairs of accesses such that, if the first of each has ended before the second starts, all that different slots do
    in the ranges is ordered, as long as every life begins with writing what is read in it.

    Of the runs of one instruction on one core, which start in order and end in order, the last one before and the first
    one after stand for all; after, writes stand for the reads that follow them.
    """
    follows = np.flatnonzero(lives.range[1:] == lives.range[:-1]) + 1
    distinct, same = np.unique(np.stack([lives.slot, lives.first, lives.last]), axis=1, return_inverse=True)
    count = distinct.shape[1]
    pairs, pair_of_range = np.unique(same[follows - 1] * count + same[follows], return_inverse=True)
    old, new = np.divmod(pairs, max(count, 1))
    life, access = _during(slots, *distinct)
    ended = _standing(history, life, access, history.accesses.ender, last=True)
    written = history.accesses.writes[access]
    started = _standing(history, life[written], access[written], history.accesses.starter, last=False)
    pair, before, after = _joined(history.program.cores, ended, started, old, new)
    return Successions(lives.range[follows], pair_of_range, pair, before, after)


def _during(slots: Slots, slot: Integers, first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Accesses through slots in stretches of time: pairs of the stretch and the access."""
    inside, times = np.flatnonzero(slots.of_access >= 0), int(slots.time.max(initial=0)) + 1
    keys = slots.of_access[inside] * times + slots.time[inside]
    order = np.argsort(keys, kind="stable")
    keys, inside = keys[order], inside[order]
    begin = np.searchsorted(keys, slot * times + first)
    counts = np.searchsorted(keys, slot * times + last, side="right") - begin
    stretch = np.repeat(np.arange(len(slot)), counts)
    at = begin[stretch] + np.arange(len(stretch)) - np.repeat(np.cumsum(counts) - counts, counts)
    return stretch, inside[at]


class _Standing(NamedTuple):
    """Accesses that stand for others, ordered by place: life and core of the memory."""

    place: Integers
    access: Integers


def _standing(history: History, life: Integers, access: Integers, core: Integers, *, last: bool) -> _Standing:
    """The last or first access of each instruction on each core, by life and core of the memory."""
    cores, accesses = history.program.cores, history.accesses
    place = life * cores + accesses.core[access]
    instruction = history.instructions[accesses.run[access]]
    keys = (place * (int(instruction.max(initial=0)) + 1) + instruction) * cores + core[access]
    order = np.lexsort((accesses.run[access], keys))
    keys = keys[order]
    ends = keys[1:] != keys[:-1]
    kept = order[np.append(ends, True)[: len(keys)] if last else np.append(True, ends)[: len(keys)]]
    return _Standing(place[kept], access[kept])


def _joined(
    cores: int, ended: _Standing, started: _Standing, old: Integers, new: Integers
) -> tuple[Integers, Integers, Integers]:
    """For each pair of lives and each core, all pairs of what stands for them: the pair of lives, and two accesses."""
    row = np.repeat(np.arange(len(old)), cores)
    core = np.tile(np.arange(cores), len(old))
    first, second = old[row] * cores + core, new[row] * cores + core
    begin = [np.searchsorted(s.place, place) for s, place in ((ended, first), (started, second))]
    end = [np.searchsorted(s.place, place, side="right") for s, place in ((ended, first), (started, second))]
    width = end[1] - begin[1]
    counts = (end[0] - begin[0]) * width
    pair = np.repeat(np.arange(len(row)), counts)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    before, after = np.divmod(within, width[pair].clip(min=1))
    return row[pair], ended.access[begin[0][pair] + before], started.access[begin[1][pair] + after]


def slots_read_later(history: History, slots: Slots, lives: Lives) -> Integers:
    """Slots of which something is read that was not written since the slot became live for the last time: another slot
    may have written there.
    """
    times = int(slots.time.max(initial=0)) + 1
    keys = np.append(NONE, np.unique(lives.slot * times + lives.first))
    found: list[Integers] = []
    for touches in history.cells():
        slot = slots.of_access[touches.box]
        reads = np.flatnonzero((slot >= 0) & ~touches.writes)
        first, last = slot[reads] * times, touches.last_write[reads]
        written = np.where(last == NONE, NONE, slots.time[touches.box[last]])
        live = keys[np.searchsorted(keys, first + slots.time[touches.box[reads]], side="right") - 1]
        found.append(slot[reads[first + written < live]])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
