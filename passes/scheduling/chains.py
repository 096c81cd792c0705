"""The chains of descriptors of a transfer, on every core and in every iteration."""

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from dialects.tile.boxes import Integers
from dialects.tile.buffers import AllocOp, type_of
from dialects.tile.descriptors import Limits, Route, Shape, descriptor_counts, most_descriptors
from dialects.tile.senders import exchange_parts, multicast_senders, storing
from dialects.tile.transfers import ExchangeOp, MulticastOp, StoreOp, TransferOp

Boxes: TypeAlias = tuple[Shape, ...]
"""Extents of the boxes that a core moves in one run, in one chain."""


def may_be_long(op: TransferOp, cores: int, limits: Limits) -> bool:
    """False when no run of a transfer has more descriptors than a chain may have, told from the size of its buffer."""
    buffer = op.destination if isinstance(op.destination.owner, AllocOp) else op.source
    shape, boxes = type_of(buffer).get_shape(), cores if isinstance(op, ExchangeOp) else 1
    return 0 not in shape and boxes * most_descriptors(shape, Route.of(op), limits) > limits.chain


def chains_of(op: TransferOp, cores: int, trips: Sequence[int]) -> set[Boxes]:
    """The different chains of all cores in all iterations of loops with these trip counts."""
    runs = np.array(list(np.ndindex(*trips)), np.int64).reshape(prod(trips), len(trips))
    low, high = bounds = op.box.data.bounds_in(runs, cores)
    if isinstance(op, ExchangeOp):
        own = op.own.data.bounds_in(runs, cores)
        parts = exchange_parts(own, bounds, in_place=op.source is op.destination)
        return _grouped(parts.at * cores + parts.receiver, parts.high - parts.low)
    moves = (high > low).all(axis=-1)
    if isinstance(op, StoreOp):
        moves &= storing(bounds)
    elif isinstance(op, MulticastOp):
        moves &= multicast_senders(bounds) == np.arange(cores)
    return _grouped(np.flatnonzero(moves), (high - low)[moves])


def _grouped(chain: Integers, extents: Integers) -> set[Boxes]:
    groups: dict[int, list[Shape]] = {}
    for number, box in zip(chain.tolist(), extents.tolist(), strict=True):
        groups.setdefault(number, []).append(tuple(box))
    return set(map(tuple, groups.values()))


def longest(chains: set[Boxes], route: Route, limits: Limits) -> int:
    """Descriptors of the longest chain."""
    return max((sum(descriptor_counts(boxes, route, limits)) for boxes in chains), default=0)
