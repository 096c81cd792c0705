"""How long stages of a pipeline take that share a memory: each works through its ops, over and over, at the same time.

An op takes its own time, or as long as its bytes take at the rate that it gets, whichever is longer. Streams of bytes
that pass at a time have equal shares of the rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from passes.partitioning.costs import OpCost

_PASSES = 3
"""Inferences of each stage that are looked at; the last one counts."""
_LEAD = 1
"""Inferences by which a stage may be ahead of the slowest."""


@dataclass
class _Stage:
    ops: Sequence[OpCost]
    place: int = 0
    passes: int = 0
    seconds: float = 0.0
    """Left of the current op's own time."""
    size: float = 0.0
    """Left of its bytes."""
    streams: int = 1
    worked: float = 0.0
    """Time of the current inference without waits for others."""

    def __post_init__(self) -> None:
        self.seconds, self.size, self.streams = self.ops[0]

    def until_change(self, rate: float) -> float:
        """Time until the current op ends, or has all its bytes."""
        ends = [left for left in (self.seconds, self.size / rate) if left > 0]
        return min(ends, default=0.0)

    def go_on(self, step: float, rate: float) -> None:
        """Lets time pass."""
        self.worked += step
        self.seconds = _less(self.seconds, step)
        self.size = _less(self.size, step * rate)

    def next(self) -> float | None:
        """Goes on to the next op; the time of the inference that ends with that, if one does."""
        self.place += 1
        took = None
        if self.place == len(self.ops):
            took, self.place, self.worked = self.worked, 0, 0.0
            self.passes += 1
        self.seconds, self.size, self.streams = self.ops[self.place]
        return took


def contended_seconds(stages: Sequence[Sequence[OpCost]], rate: float) -> list[float]:
    """Seconds that each stage takes for an inference while the others are at work. Each has an op."""
    running = [_Stage(ops) for ops in stages]
    took = [0.0] * len(running)
    while (least := min(stage.passes for stage in running)) < _PASSES:
        active = [stage for stage in running if stage.passes <= least + _LEAD]
        each = rate / max(sum(stage.streams for stage in active if stage.size > 0), 1)
        step = min(stage.until_change(each * stage.streams) for stage in active)
        for stage in active:
            stage.go_on(step, each * stage.streams)
        for number, stage in enumerate(running):
            while stage in active and not stage.seconds and not stage.size:
                ended = stage.next()
                if ended is not None:
                    took[number] = ended
                    break
    return took


def _less(left: float, by: float) -> float:
    """What is left; nothing where that is rounding."""
    return left - by if left - by > left * 1e-9 else 0.0
