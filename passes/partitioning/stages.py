"""Where to cut a network into stages of a pipeline: pure, on what its ops cost and on what passes between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf


@dataclass(frozen=True)
class Work:
    """Ops of a network in an order in which they can run, and what it costs to cut between them.

    `seconds[k][n]`: time of op n on the cores of stage k. `crossing[n]`: time in which what ops before op n make for
    those from n on passes from one stage to the next; 0 at both ends.
    """

    seconds: Sequence[Sequence[float]]
    crossing: Sequence[float]


def choose_cuts(work: Work) -> list[int]:
    """The first op of every stage but the first, such that the slowest stage is as fast as possible, no stage empty.

    A stage takes the time of its ops and of what it gets and sends. Raises ValueError for fewer ops than stages.
    """
    stages, ops = len(work.seconds), len(work.crossing) - 1
    if ops < stages:
        raise ValueError(f"{ops} operations for {stages} stages")
    until = [[0.0, *accumulate(row)] for row in work.seconds]
    best = [[inf] * (ops + 1) for _ in range(stages + 1)]
    start = [[0] * (ops + 1) for _ in range(stages + 1)]
    best[0][0] = 0.0
    for stage in range(stages):
        for end in range(stage + 1, ops + 1 - (stages - stage - 1)):
            for begin in range(stage, end):
                inside = until[stage][end] - until[stage][begin]
                slowest = max(best[stage][begin], inside + work.crossing[begin] + work.crossing[end])
                if slowest < best[stage + 1][end]:
                    best[stage + 1][end], start[stage + 1][end] = slowest, begin
    cuts = [ops]
    for stage in range(stages, 0, -1):
        cuts.append(start[stage][cuts[-1]])
    return cuts[-2:0:-1]
