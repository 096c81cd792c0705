"""Which values cannot stay in VTCM from the op that makes them to the ops that use them, and live in DDR instead."""

from collections.abc import Sequence
from dataclasses import dataclass

STREAMED_BYTES = 1 << 20
"""What an operand that is streamed from DDR in parts is counted as at most: two parts of half that."""

FILL_FACTOR = 0.75
"""Share of VTCM that values may fill, so that weights can be fetched ahead and addresses found."""


@dataclass(frozen=True)
class Read:
    """One operand of an op: the value (None: a constant or an input), the bytes each core needs, and whether it needs
    its own copy.
    """

    value: int | None
    copied_bytes: int


@dataclass(frozen=True)
class Demand:
    """VTCM that one op asks of each core; values are numbered as the ops that make them."""

    result_bytes: int
    reads: tuple[Read, ...]


def homes_in_ddr(demands: Sequence[Demand], capacity: int) -> frozenset[int]:
    """Values that live in DDR so that at every op what is live fits into `capacity` bytes per core.

    A value that is not needed for longest goes first (as in Belady's rule), then the largest value that the op itself
    touches.
    """
    limit = int(capacity * FILL_FACTOR)
    uses: list[list[int]] = [[] for _ in demands]
    for time, demand in enumerate(demands):
        for read in demand.reads:
            if read.value is not None:
                uses[read.value].append(time)
    spilled: set[int] = set()
    for time in range(len(demands)):
        live = [v for v in range(time + 1) if v == time or (uses[v] and v < time <= uses[v][-1])]
        while _occupied(time, demands, live, spilled) > limit:
            victim = _victim(time, demands, live, spilled, uses)
            if victim is None:
                break
            spilled.add(victim)
    return frozenset(spilled)


def _occupied(time: int, demands: Sequence[Demand], live: Sequence[int], spilled: set[int]) -> int:
    total = sum(demands[v].result_bytes for v in live if v not in spilled)
    if time in spilled:
        total += min(demands[time].result_bytes, STREAMED_BYTES)
    for read in demands[time].reads:
        streamed = read.value is None or read.value in spilled
        total += min(read.copied_bytes, STREAMED_BYTES) if streamed else read.copied_bytes
    return total


def _victim(
    time: int, demands: Sequence[Demand], live: Sequence[int], spilled: set[int], uses: Sequence[Sequence[int]]
) -> int | None:
    touched = {time, *(read.value for read in demands[time].reads if read.value is not None)}
    waiting = [v for v in live if v not in spilled and v not in touched and demands[v].result_bytes > 0]
    if waiting:
        return max(waiting, key=lambda v: (min(u for u in uses[v] if u >= time), demands[v].result_bytes))
    here = [v for v in touched if v not in spilled and demands[v].result_bytes > STREAMED_BYTES]
    return max(here, key=lambda v: (demands[v].result_bytes, v), default=None)
