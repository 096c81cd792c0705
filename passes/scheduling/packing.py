"""Packs boxes below a ceiling: a search that fills valleys.

Time is cut into sections, in each of which the same boxes lie. A section has a floor, where what is placed in it ends
so far, and slack, the bytes that may yet be lost in it: ceiling less floor less what is still to come. A valley is a
run of sections with one floor between two higher ones, its rims. In a packing in which no box can be pushed down, only
boxes that lie within a valley rest on its floor. So either one of them is the first from its left end (and one the
first from its right end), and what lies before it is lost up to that box or the rim; or all of the valley is lost up to
its lower rim. The search branches over these, at the valley with the fewest choices and the least slack, and remembers
which states it has seen. If it ends by itself, there is no packing, unless some valley was so long that only its left
part was looked at.

That packings may be searched among those that are pushed down, and that what remains of each section tells dead ends,
are ideas of MiniMalloc (Moffitt, ASPLOS 2023).
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import or_
from random import Random
from typing import NamedTuple

_OPEN = 1 << 62
"""Rim of a valley at the first or the last section: nothing is lost up to it."""

_REACH = 160
"""Sections of a valley that are looked at at once, if it is longer."""

_NARROW = 128
"""Slack below this fraction of the ceiling counts as about none when valleys are compared."""

_TASTES = ((1, 0), (1, 1), (2, 1), (0, 1), (1, 2), (3, 1), (1, 3))
"""Orders of preference: boxes with the largest product of powers of width and of size first. None is best for all."""

_SHUFFLE = 6
"""In every other round each product is doubled fewer times than this, at random."""

_NO_MORE = "no more"

_PATIENCE = 64
"""Dead ends after which a try of the first round ends; doubled from round to round."""


class Box(NamedTuple):
    """A buffer: its bytes, and the sections in which it lies, from `left` up to `right` (exclusive)."""

    size: int
    left: int
    right: int


def pack(boxes: Sequence[Box], ceiling: int, tries: int) -> list[int] | None:
    """An offset per box so that boxes of one section lie apart and none ends above the ceiling, or None.

    Each try searches with another order of preference until it has met some dead ends. The outcome is the same on any
    machine.
    """
    for number in range(tries):
        search = _Search(boxes, ceiling, _order(boxes, number))
        offsets = search.run(_PATIENCE << number // len(_TASTES))
        if offsets is not None or search.exhausted:
            return offsets
    return None


def _order(boxes: Sequence[Box], number: int) -> list[int]:
    """The boxes in the order of preference of a try."""
    turn, (wide, large) = number // len(_TASTES), _TASTES[number % len(_TASTES)]
    draw = Random(number)
    worth = [
        (right - left) ** wide * size**large << (draw.randrange(_SHUFFLE) if turn % 2 else 0)
        for size, left, right in boxes
    ]
    return sorted(range(len(boxes)), key=lambda n: (-worth[n], boxes[n].left - boxes[n].right, -boxes[n].size))


class _Run(NamedTuple):
    """Sections `left` to `right` (exclusive) with the same floor. In a valley, `first` are the boxes that may be the
    first from the left or (`from_right`) from the right, and `weight` is how much choice and slack there is; elsewhere
    it is `_OPEN`.
    """

    left: int
    right: int
    floor: int
    rims: tuple[int, int] = (0, 0)
    within: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    from_right: bool = False
    may_give_up: bool = False
    weight: int = _OPEN


class _State(NamedTuple):
    """Floors of all sections, slack of each, and the boxes still to come, as bits. The last step placed `box` at
    `offset`; no box if it gave up a valley.
    """

    runs: list[_Run]
    slack: list[int]
    waiting: int
    box: int | None
    offset: int


class _Search:
    """One search, with one order of preference."""

    def __init__(self, boxes: Sequence[Box], ceiling: int, order: Sequence[int]) -> None:
        self._order = order
        self._boxes = [boxes[n] for n in order]
        self._ceiling = ceiling
        self._sections = max((box.right for box in boxes), default=0)
        self._from, self._until = _tables(self._boxes, self._sections)
        self._whole = True
        self.exhausted = False

    def run(self, patience: int) -> list[int] | None:
        """Offsets of the boxes; None when there are none (`exhausted`), or after more dead ends than `patience`."""
        seen = set[tuple[int, tuple[int, ...]]]()
        path: list[_State] = []
        pending = [iter([self._root()])]
        while pending and patience >= 0:
            state = next(pending[-1], _NO_MORE)
            if isinstance(state, _State):
                key = (state.waiting, tuple([run.floor for run in state.runs]))
                if key not in seen:
                    seen.add(key)
                    path.append(state)
                    if not state.waiting:
                        return self._offsets(path)
                    pending.append(self._steps(state))
                    continue
            elif state == _NO_MORE:
                pending.pop()
                path[-1:] = []
            patience -= 1
        self.exhausted = not pending and self._whole
        return None

    def _offsets(self, path: Sequence[_State]) -> list[int]:
        offsets = [0] * len(self._boxes)
        for state in path:
            if state.box is not None:
                offsets[self._order[state.box]] = state.offset
        return offsets

    def _root(self) -> _State | None:
        slack = [self._ceiling] * self._sections
        for size, left, right in self._boxes:
            for section in range(left, right):
                slack[section] -= size
        return self._state([], [(0, self._sections, 0)], [], slack, (1 << len(self._boxes)) - 1, None, 0)

    def _steps(self, state: _State) -> Iterator[_State | None]:
        """What may come next, first that which loses least; None for a dead end."""
        at = min(range(len(state.runs)), key=lambda n: state.runs[n].weight)
        valley = state.runs[at]
        left, right, floor, rims = valley.left, valley.right, valley.floor, valley.rims
        before, after = state.runs[:at], state.runs[at + 1 :]
        for _, n, height, begin, end in self._placements(valley):
            box, slack = self._boxes[n], state.slack
            pieces = [(left, box.left, floor), (box.left, box.right, floor + box.size), (box.right, right, floor)]
            if height:
                pieces[2 * valley.from_right] = (begin, end, floor + height)
                slack = _less(slack, begin, end, height)
            yield self._state(before, pieces, after, slack, state.waiting & ~(1 << n), n, floor)
        if valley.may_give_up:
            slack = _less(state.slack, left, right, min(rims) - floor)
            yield self._state(before, [(left, right, min(rims))], after, slack, state.waiting, None, 0)

    def _state(
        self,
        before: Sequence[_Run],
        pieces: Sequence[tuple[int, int, int]],
        after: Sequence[_Run],
        slack: list[int],
        waiting: int,
        box: int | None,
        offset: int,
    ) -> _State | None:
        """The state in which new pieces take a run's place; None when some valley has no choice left.

        Only the pieces and the runs beside them are looked at anew.
        """
        parts = [(run.left, run.right, run.floor) for run in before[-1:]] + [*pieces]
        parts += [(run.left, run.right, run.floor) for run in after[:1]]
        runs: list[tuple[int, int, int]] = []
        for left, right, floor in parts:
            if left == right:
                continue
            if runs and runs[-1][2] == floor:
                runs[-1] = (runs[-1][0], right, floor)
            else:
                runs.append((left, right, floor))
        begin = [before[-2].floor if len(before) > 1 else _OPEN, *(floor for *_, floor in runs)]
        end = [*(floor for *_, floor in runs[1:]), after[1].floor if len(after) > 1 else _OPEN]
        new: list[_Run] = []
        for (left, right, floor), low, high in zip(runs, begin, end, strict=False):
            run = _Run(left, right, floor)
            if floor < low and floor < high:
                run = self._valley(run, (low, high), slack, waiting)
                if run is None:
                    return None
            new.append(run)
        return _State([*before[:-1], *new, *after[1:]], slack, waiting, box, offset)

    def _valley(self, run: _Run, rims: tuple[int, int], slack: Sequence[int], waiting: int) -> _Run | None:
        """A valley with its choices; None when there are none."""
        left, right, floor = run.left, run.right, run.floor
        boxes, slack, inside = self._boxes, slack[left:right], waiting & self._from[left] & self._until[right]
        if right - left > _REACH:
            long = self._long_valley(run, rims, slack, inside & ~self._from[left + _REACH])
            if long is not None:
                return long
        within = tuple(_members(inside))
        depth = min(rims) - floor
        least = min(slack)
        if least < 0 or (depth < _OPEN // 2 and not _can_fill([boxes[n] for n in within], left, slack, depth)):
            return None
        may_give_up = depth <= least and all(boxes[n].size > depth for n in within)
        begin, end = list(accumulate(slack, min, initial=_OPEN)), list(accumulate(slack[::-1], min, initial=_OPEN))
        low, high = rims[0] - floor, rims[1] - floor
        from_left = tuple(n for n in within if min(boxes[n].size, low) <= begin[boxes[n].left - left])
        from_right = tuple(n for n in within if min(boxes[n].size, high) <= end[right - boxes[n].right])
        first = min(from_left, from_right, key=len)
        if not first and not may_give_up and waiting:
            return None
        weight = (len(first) + may_give_up + 1) * (least + self._ceiling // _NARROW)
        return _Run(left, right, floor, rims, within, first, first is from_right, may_give_up, weight)

    def _long_valley(self, run: _Run, rims: tuple[int, int], slack: Sequence[int], near: int) -> _Run | None:
        """A valley of many sections with its choices among the boxes that begin near its left end; None when there are
        none. So a step costs the same however long a program is.
        """
        boxes, left, low, least = self._boxes, run.left, rims[0] - run.floor, min(slack)
        within, begin = tuple(_members(near)), list(accumulate(slack[:_REACH], min, initial=_OPEN))
        first = tuple(n for n in within if min(boxes[n].size, low) <= begin[boxes[n].left - left])
        if least < 0 or not first:
            return None
        self._whole = False
        weight = (len(first) + 1) * (least + self._ceiling // _NARROW)
        return _Run(left, run.right, run.floor, rims, within, first, weight=weight)

    def _placements(self, valley: _Run) -> Iterator[tuple[int, int, int, int, int]]:
        """The boxes that may be the first on a valley's floor, with what each loses: bytes in all, box, height, and the
        sections from and to (exclusive) that lose it.
        """
        rim = valley.rims[valley.from_right] - valley.floor
        placements: list[tuple[int, int, int, int, int]] = []
        for n in valley.first:
            size, left, right = self._boxes[n]
            begin, end = (right, valley.right) if valley.from_right else (valley.left, left)
            height = min(size, rim) if begin < end else 0
            placements.append((height * (end - begin), n, height, begin, end))
        tried = set[Box]()
        for placement in sorted(placements):
            _, n, height, begin, end = placement
            box = self._boxes[n]
            if box not in tried and not (height and self._fills(valley.within, begin, end, height)):
                tried.add(box)
                yield placement

    def _fills(self, within: Sequence[int], begin: int, end: int, height: int) -> bool:
        """Whether some box would have room in what is lost: then another choice has it there."""
        boxes = (self._boxes[n] for n in within)
        return any(size <= height and begin <= left and right <= end for size, left, right in boxes)


def _tables(boxes: Sequence[Box], sections: int) -> tuple[list[int], list[int]]:
    """For each section the boxes, as bits, that begin there or later, and those that end there or earlier."""
    begin, end = [0] * (sections + 1), [0] * (sections + 1)
    for n, box in enumerate(boxes):
        begin[box.left] |= 1 << n
        end[box.right] |= 1 << n
    return list(accumulate(begin[::-1], or_))[::-1], list(accumulate(end, or_))


def _members(bits: int) -> Iterator[int]:
    """The numbers of a set of bits, in rising order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _less(slack: Sequence[int], begin: int, end: int, lost: int) -> list[int]:
    return [*slack[:begin], *[left - lost for left in slack[begin:end]], *slack[end:]]


def _can_fill(boxes: Sequence[Box], left: int, slack: Sequence[int], depth: int) -> bool:
    """Whether in each section of a valley what lies within it and may be lost reaches up to the rim."""
    change = [0] * (len(slack) + 1)
    for size, begin, end in boxes:
        change[begin - left] += size
        change[end - left] -= size
    return all(lost + size >= depth for lost, size in zip(slack, accumulate(change), strict=False))
