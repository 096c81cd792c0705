"""Which values cannot stay in VTCM from the op that makes them to the ops that use them, and live in DDR instead."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from passes.sharding.demands import Buffer, Demands, Stream

FILL_FACTOR = 0.75
"""Share of VTCM that values may fill, so that weights can be fetched ahead and addresses found."""

STREAM_FACTOR = 1 / 8
"""Share of VTCM that is left to what an op streams in parts, for each tensor: two parts of half that."""


def homes_in_ddr(demands: Demands, capacity: int, unheld: Iterable[int] = ()) -> frozenset[int]:
    """Values that live in DDR so that at every op what is live fits into `capacity` bytes per core; `unheld` do anyway.

    A value that is not needed for longest goes first (as in Belady's rule), then the one of those that the op itself
    touches whose absence leaves most room.
    """
    state = _State(demands, int(capacity * STREAM_FACTOR))
    for value in unheld:
        state.move(value)
    # What moves for a later op may take more at an earlier one that then streams it.
    while state.move_what_does_not_fit(int(capacity * FILL_FACTOR)):
        pass
    return frozenset(state.moved)


class _State:
    """Values moved so far, and what is occupied at each op."""

    def __init__(self, demands: Demands, share: int) -> None:
        times = len(demands.streams)
        self._share = share
        self._buffers: list[list[Buffer]] = [[] for _ in range(times)]
        self._streams: list[list[tuple[int, Stream]]] = [[] for _ in range(times)]
        """By value: where it is streamed if it is moved."""
        self._uses: list[list[int]] = [[] for _ in range(times)]
        self.moved: set[int] = set()
        self.last = list(range(times))
        """By value: the last op that needs it in VTCM."""
        self.occupied = np.zeros(times, np.int64)
        for buffer in demands.buffers:
            self._buffers[buffer.value].append(buffer)
            self.last[buffer.value] = max(self.last[buffer.value], buffer.last)
            self.occupied[buffer.first : buffer.last + 1] += buffer.size
        for time, stream in _with_times(demands.streams):
            if stream.value is None:
                self.occupied[time] += self._streamed(stream)
            else:
                self._streams[stream.value].append((time, stream))
                self._uses[stream.value].append(time)

    def _streamed(self, stream: Stream) -> int:
        return min(stream.whole, max(stream.least, self._share))

    def move(self, value: int) -> None:
        """The value lives in DDR: its buffers go, and all that touch it stream it."""
        self.moved.add(value)
        for buffer in self._buffers[value]:
            self.occupied[buffer.first : buffer.last + 1] -= buffer.size
        for time, stream in self._streams[value]:
            self.occupied[time] += self._streamed(stream)

    def move_what_does_not_fit(self, limit: int) -> bool:
        """Makes room at one op after the other. True when a value was moved."""
        before, live = len(self.moved), set[int]()
        for time in range(len(self.occupied)):
            live = {value for value in (*live, time) if self.last[value] >= time and value not in self.moved}
            while self.occupied[time] > limit:
                victim = self.victim(time, live)
                if victim is None:
                    break
                self.move(victim)
                live.discard(victim)
        return len(self.moved) > before

    def victim(self, time: int, live: Iterable[int]) -> int | None:
        """The live value to move next; None when none makes room."""
        saved = {value: self._saved(value, time) for value in live}
        helping = [value for value in saved if saved[value] > 0]
        waiting = [value for value in helping if not self._touched(value, time)]
        if waiting:
            return max(waiting, key=lambda value: (self._next_use(value, time), saved[value], value))
        return max(helping, key=lambda value: (saved[value], value), default=None)

    def _saved(self, value: int, time: int) -> int:
        """Bytes that moving the value makes free at an op."""
        freed = sum(buffer.size for buffer in self._buffers[value] if buffer.first <= time <= buffer.last)
        return freed - sum(self._streamed(stream) for at, stream in self._streams[value] if at == time)

    def _touched(self, value: int, time: int) -> bool:
        return value == time or self._next_use(value, time) == time

    def _next_use(self, value: int, time: int) -> int:
        uses = self._uses[value]
        position = bisect_left(uses, time)
        return uses[position] if position < len(uses) else self.last[value] + 1


def _with_times(streams: Sequence[Sequence[Stream]]) -> Iterator[tuple[int, Stream]]:
    for time, several in enumerate(streams):
        for stream in several:
            yield time, stream
