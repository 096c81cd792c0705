"""Who sends what to whom in an exchange."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dialects.tile.boxes import Integers
from dialects.tile.ops import ExchangeOp


@dataclass(frozen=True)
class ExchangePart:
    """One copy of an exchange: positions [low, high) of the source tensor, from core `sender` to core `receiver`."""

    sender: int
    receiver: int
    low: Integers
    high: Integers


def exchange_parts(
    op: ExchangeOp, iteration: tuple[int, ...], cores: int, receivers: Iterable[int]
) -> Iterator[ExchangePart]:
    """What the receivers fetch from the cores that own it; of replicas, their own or the first."""
    need, own = op.box.data.bounds(cores, iteration), op.own.data.bounds(cores, iteration)
    for receiver in receivers:
        for sender in _senders(receiver, own):
            if op.source is op.destination and sender == receiver:
                continue
            low, high = np.maximum(need[0][receiver], own[0][sender]), np.minimum(need[1][receiver], own[1][sender])
            if (high > low).all():
                yield ExchangePart(sender, receiver, low, high)


def _senders(receiver: int, own: tuple[Integers, Integers]) -> list[int]:
    """Cores to fetch from: one per distinct owned box, the receiver itself where it has it."""
    chosen: dict[bytes, int] = {}
    for core in (receiver, *range(len(own[0]))):
        if (own[1][core] > own[0][core]).all():
            chosen.setdefault(own[0][core].tobytes(), core)
    return list(chosen.values())
