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
    groups = _replicas(own)
    for receiver in receivers:
        senders = [receiver if receiver in replicas else replicas[0] for replicas in groups]
        low, high = np.maximum(need[0][receiver], own[0][senders]), np.minimum(need[1][receiver], own[1][senders])
        for part in np.flatnonzero((high > low).all(axis=1)):
            if op.source is not op.destination or senders[part] != receiver:
                yield ExchangePart(senders[part], receiver, low[part], high[part])


def _replicas(own: tuple[Integers, Integers]) -> list[list[int]]:
    """Cores in groups that own the same box; those that own nothing are in none."""
    groups: dict[bytes, list[int]] = {}
    for core in np.flatnonzero((own[1] > own[0]).all(axis=1)).tolist():
        groups.setdefault(own[0][core].tobytes(), []).append(core)
    return list(groups.values())
