"""One inference of a plan on its cores: what it has done, and what it waits for."""

from aic.nsp.timing.program import Program
from aic.nsp.timing.records import Queue
from aic.nsp.timing.signals import SignalBoard


class Inference:
    """The state of one inference."""

    __slots__ = ("begin", "first_byte", "intervals", "number", "open", "parts_left", "signals")

    def __init__(self, program: Program, number: int, begin: float, signal_latency: float) -> None:
        self.number = number
        """How many inferences of the same program came before."""
        self.begin = begin
        self.signals = SignalBoard(program.counting, signal_latency)
        self.parts_left = program.parts.copy()
        """Per step and core, how many things must yet happen for it to be complete there."""
        self.open = len(self.parts_left)
        """Steps that are not complete, counted on each core."""
        self.first_byte: dict[int, float] = {}
        """When the first byte of a core's transfer of a step moved, by the place of both in `parts_left`."""
        self.intervals: list[tuple[int, Queue, int, float, float]] = []
        """What units have worked on, as in `Interval`, in the time that all share."""
