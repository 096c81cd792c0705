"""What is to happen at which time."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any, TypeAlias

Event: TypeAlias = tuple[float, int, Callable[..., None], tuple[Any, ...]]
"""A time, the event's number, which orders what happens at the same time, and what happens: a call."""


class Agenda:
    """Events in the order of their times; those of one time happen in the order in which they were put down."""

    __slots__ = ("_events", "_number", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[Event] = []
        self._number = 0

    def at(self, time: float, what: Callable[..., None], *arguments: Any) -> None:
        """Puts down what is to happen at a time."""
        self._number += 1
        heappush(self._events, (time, self._number, what, arguments))

    def next_time(self) -> float:
        """When the next event happens; infinity when there is none."""
        return self._events[0][0] if self._events else inf

    def happen(self) -> None:
        """Lets happen what is due now."""
        events = self._events
        while events and events[0][0] <= self.now:
            _, _, what, arguments = heappop(events)
            what(*arguments)
