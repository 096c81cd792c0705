"""Clocks of events: how many runs of every queue have started before an event, in whatever order the engines go on.

As runs start in the order of their queues, these numbers say of every start whether it comes before the event.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.tile.buffers import Engine

ENGINES: tuple[Engine, ...] = ("dma", "hmx", "hvx")
"""The engines of a core by number."""
_BLOCK = 1024
"""Steps whose clocks are held at once."""

Clocks: TypeAlias = npt.NDArray[np.int32]
"""[.., cores, engines, cores]: of events on the cores of the first of these axes, how many runs have started in the
queue of an engine of a core.
"""


class Awaited(NamedTuple):
    """The end of a step, on the own core or on every core."""

    step: int
    everywhere: bool


class Start(NamedTuple):
    """The start of a step on all cores."""

    step: int
    instruction: int
    engine: int
    asynchronous: bool
    """Whether it is a transfer, whose runs end in their order."""
    place: int
    """Number of the step in its queue."""
    awaited: tuple[Awaited, ...]
    """Ends that come before, apart from what the queue itself demands."""
    senders: tuple[int, ...] | None
    """Of a multicast: for each core the one whose start the end there comes after."""


def clocks(starts: Sequence[Start], cores: int) -> Iterator[tuple[int, Clocks]]:
    """Clocks of starts, which are in an order in which they can happen: [starts, cores, engines, cores] for stretches
    of them, with the place of the first.
    """
    ends, own = _Ends(starts), np.arange(cores)
    queues = np.zeros((len(ENGINES), cores, len(ENGINES), cores), np.int32)
    for begin in range(0, len(starts), _BLOCK):
        block = np.empty((min(_BLOCK, len(starts) - begin), *queues.shape[1:]), np.int32)
        for clock, start in zip(block, starts[begin : begin + _BLOCK], strict=True):
            # The step before has started; if it is no transfer it has ended, which adds nothing.
            clock[:] = queues[start.engine]
            for step, everywhere in start.awaited:
                end = ends.taken(step)
                np.maximum(clock, end.max(axis=0) if everywhere else end, out=clock)
            clock[own, start.engine, own] = start.place + 1
            queues[start.engine] = clock
            ends.add(start, clock)
        yield begin, block


class _Ends:
    """Clocks of ends, kept as long as another event comes right after them."""

    def __init__(self, starts: Sequence[Start]) -> None:
        self._uses = Counter(step for start in starts for step, _ in start.awaited)
        self._kept: dict[int, Clocks] = {}
        self._left = Counter(start.instruction for start in starts if start.asynchronous)
        self._latest: dict[int, Clocks] = {}
        """Of transfer instructions with runs to come, the end of the latest run."""

    def add(self, start: Start, clock: Clocks) -> None:
        """Adds the end of a step that has started at these clocks."""
        end = clock if start.senders is None else np.maximum(clock, clock[list(start.senders)])
        if start.asynchronous:
            earlier = self._latest.pop(start.instruction, None)
            end = end if earlier is None else np.maximum(end, earlier)
            self._left[start.instruction] -= 1
            if self._left[start.instruction]:
                self._latest[start.instruction] = end
        if self._uses[start.step]:
            self._kept[start.step] = end.copy()

    def taken(self, step: int) -> Clocks:
        """The end of a step; dropped with its last use."""
        self._uses[step] -= 1
        return self._kept[step] if self._uses[step] else self._kept.pop(step)
