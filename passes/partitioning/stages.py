"""Where to cut a network into stages of a pipeline: pure, on what its ops cost and on what passes between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise, product
from math import inf

from passes.partitioning.contention import contended_seconds
from passes.partitioning.costs import ClusterCosts, OpCost

_ROUNDS = 6
"""How often cuts are chosen anew, with what the stages turned out to take before."""
_MOVES = (-8, -4, -2, -1, 1, 2, 4, 8)
"""Ops by which a cut is moved to see whether that is better."""
_MOVES_OF_TWO = (-2, -1, 1, 2)
"""Ops by which each of two cuts is moved at once."""


@dataclass(frozen=True)
class Work:
    """Ops of a network in an order in which they can run, and what passes where it is cut.

    `costs[k]`: of the network on the `cores[k]` cores of stage k. `crossing[n]`: bytes of what ops before op n make for
    those from n on; 0 at both ends. The stages share a memory of `rate` bytes per second.
    """

    cores: Sequence[int]
    costs: Sequence[ClusterCosts]
    crossing: Sequence[int]
    rate: float

    def stages(self, cuts: Sequence[int]) -> list[list[OpCost]]:
        """The ops of each stage, what it reads of what comes in before, and stores of what goes out behind."""
        ends = [0, *cuts, len(self.crossing) - 1]
        return [
            [OpCost(0.0, held[begin], cores), *row[begin:end], OpCost(0.0, held[end], cores)]
            for cores, (row, held), (begin, end) in zip(self.cores, self.costs, pairwise(ends), strict=True)
        ]

    def seconds(self, cuts: Sequence[int]) -> list[float]:
        """What each stage takes for an inference while all are at work. What passes to the next stage is copied
        meanwhile: read and written.
        """
        copies = [[OpCost(0.0, 2 * self.crossing[cut], 2)] for cut in cuts]
        return contended_seconds([*self.stages(cuts), *copies], self.rate)[: len(self.cores)]


def balanced_cuts(work: Work) -> list[int]:
    """The first op of every stage but the first, such that the slowest stage is as fast as possible, no stage empty.

    All stages work at the same time, and how long they take follows from the cuts. So cuts are chosen by what ops take
    alone, and then again by that times how much longer the stages took; in the end one cut or two are moved as long as
    that is better.

    Raises ValueError for fewer ops than stages.
    """
    crossing = [size / work.rate for size in work.crossing]
    alone = [[max(op.seconds, op.ddr_bytes / work.rate) for op in costs.ops] for costs in work.costs]
    slower = [1.0] * len(work.costs)
    tried: dict[tuple[int, ...], list[float]] = {}
    for _ in range(_ROUNDS):
        cuts = choose_cuts([[each * by for each in row] for row, by in zip(alone, slower, strict=True)], crossing)
        took = tried[tuple(cuts)] = work.seconds(cuts)
        ideal = [sum(max(op.seconds, op.ddr_bytes / work.rate) for op in ops) for ops in work.stages(cuts)]
        slower = [(old + new / least) / 2 for old, new, least in zip(slower, took, ideal, strict=True)]
    best = min(tried, key=lambda cuts: _badness(tried[cuts]))
    while True:
        for cuts in _moved(best, len(work.crossing) - 1):
            if cuts not in tried:
                tried[cuts] = work.seconds(cuts)
        following = min(tried, key=lambda cuts: _badness(tried[cuts]))
        if following == best:
            return list(best)
        best = following


def _badness(seconds: Sequence[float]) -> float:
    """The slowest stage, and how far apart the stages are: where the memory is what they wait for, many cuts are nearly
    equally fast, and stages that take the same time wait least for each other.
    """
    return 2 * max(seconds) - min(seconds)


def _moved(cuts: tuple[int, ...], ops: int) -> Iterator[tuple[int, ...]]:
    """Cuts with one or two of them moved, no stage empty."""
    steps = [((number, move),) for number, move in product(range(len(cuts)), _MOVES)]
    pairs = product(combinations(range(len(cuts)), 2), product(_MOVES_OF_TWO, repeat=2))
    for changes in (*steps, *(tuple(zip(numbers, moves, strict=True)) for numbers, moves in pairs)):
        by = dict(changes)
        moved = tuple(cut + by.get(number, 0) for number, cut in enumerate(cuts))
        if all(before < after for before, after in pairwise((0, *moved, ops))):
            yield moved


def choose_cuts(seconds: Sequence[Sequence[float]], crossing: Sequence[float]) -> list[int]:
    """The first op of every stage but the first, such that the slowest stage is as fast as possible, no stage empty.

    `seconds[k][n]`: of op n in stage k; `crossing[n]`: that a stage takes to get or send what passes before op n.
    Raises ValueError for fewer ops than stages.
    """
    stages, ops = len(seconds), len(crossing) - 1
    if ops < stages:
        raise ValueError(f"{ops} operations for {stages} stages")
    until = [[0.0, *accumulate(row)] for row in seconds]
    best = [[inf] * (ops + 1) for _ in range(stages + 1)]
    start = [[0] * (ops + 1) for _ in range(stages + 1)]
    best[0][0] = 0.0
    for stage in range(stages):
        for end in range(stage + 1, ops + 1 - (stages - stage - 1)):
            for begin in range(stage, end):
                inside = until[stage][end] - until[stage][begin]
                slowest = max(best[stage][begin], inside + crossing[begin] + crossing[end])
                if slowest < best[stage + 1][end]:
                    best[stage + 1][end], start[stage + 1][end] = slowest, begin
    cuts = [ops]
    for stage in range(stages, 0, -1):
        cuts.append(start[stage][cuts[-1]])
    return cuts[-2:0:-1]
