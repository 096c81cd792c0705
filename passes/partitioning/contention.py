"""How long stages of a pipeline take that share a memory: each works through its ops, over and over, at the same time.

An op takes its own time, or as long as its bytes take at the rate that it gets, whichever is longer. Streams of bytes
that pass at a time have equal shares of the rate.
"""

from collections.abc import Sequence
from math import inf

from passes.partitioning.costs import OpCost

_PASSES = 3
"""Inferences of each stage that are looked at; the last one counts."""
_LEAD = 1
"""Inferences by which a stage may be ahead of the slowest."""


class _Stage:
    __slots__ = ("ops", "passes", "place", "seconds", "size", "streams", "worked")

    def __init__(self, ops: Sequence[OpCost]) -> None:
        self.ops = ops
        self.place = self.passes = 0
        self.seconds, self.size, self.streams = ops[0].seconds, float(ops[0].ddr_bytes), ops[0].streams
        """Left of the current op's own time, and of its bytes; streams of these."""
        self.worked = 0.0
        """Time of the current inference without waits for others."""

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
    while (least := min([stage.passes for stage in running])) < _PASSES:
        active = [(n, stage) for n, stage in enumerate(running) if stage.passes <= least + _LEAD]
        each = rate / max(sum([stage.streams for _, stage in active if stage.size > 0]), 1)
        step = _until_change([stage for _, stage in active], each)
        for number, stage in active:
            stage.worked += step
            stage.seconds = _less(stage.seconds, step)
            stage.size = _less(stage.size, step * each * stage.streams)
            while not stage.seconds and not stage.size:
                ended = stage.next()
                if ended is not None:
                    took[number] = ended
                    break
    return took


def _until_change(stages: Sequence[_Stage], each: float) -> float:
    """Time until a stage's current op ends, or has all its bytes, at so many bytes per second and stream."""
    least = inf
    for stage in stages:
        if not stage.seconds and not stage.size:
            return 0.0
        if stage.seconds and stage.seconds < least:
            least = stage.seconds
        if stage.size and stage.size < least * each * stage.streams:
            least = stage.size / (each * stage.streams)
    return least


def _less(left: float, by: float) -> float:
    """What is left; nothing where that is rounding."""
    rest = left - by
    return rest if rest > left * 1e-9 else 0.0
