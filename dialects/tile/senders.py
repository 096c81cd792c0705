"""Who sends what to whom when cores share transfers.

Arrays may have any axes in front, such as one for iterations: bounds are [.., cores, rank].
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.tile.boxes import Integers

Bounds: TypeAlias = tuple[Integers, Integers]
"""Lower and upper positions of the box of every core."""


class Parts(NamedTuple):
    """The copies of exchanges, one per row: what core `receiver` gets of the source from core `sender`."""

    at: Integers
    """Index into the axes in front, flattened."""
    receiver: Integers
    sender: Integers
    low: Integers
    """[copies, rank], in the coordinates of the source."""
    high: Integers


def exchange_parts(own: Bounds, need: Bounds, *, in_place: bool) -> Parts:
    """Copies of a `tile.exchange`, ordered by receiver, when cores own and need these boxes of the source.

    Cores that own the same box hold replicas of it: a core that is one of them reads its own, and the others are spread
    over them. `in_place`: source and target are one buffer, so that nobody needs what is its own.
    """
    same = _equal(own)
    cores = np.arange(same.shape[-1])
    first = same.argmax(axis=-1) == cores
    # Row s: the cores that own what core s owns, in their order, then the others.
    members = np.argsort(~same, axis=-1, kind="stable")
    turn = cores % same.sum(axis=-1, keepdims=True)
    senders = np.where(same, cores, np.take_along_axis(members, turn, axis=-1)).swapaxes(-1, -2)
    low = np.maximum(need[0][..., :, None, :], own[0][..., None, :, :])
    high = np.minimum(need[1][..., :, None, :], own[1][..., None, :, :])
    moves = (high > low).all(axis=-1) & (first & _full(own))[..., None, :]
    if in_place:
        moves &= senders != cores[:, None]
    *front, receiver, _ = found = np.nonzero(moves)
    at = np.ravel_multi_index(tuple(front), moves.shape[:-2]) if front else np.zeros_like(receiver)
    return Parts(at, receiver, senders[found], low[found], high[found])


def multicast_senders(bounds: Bounds) -> Integers:
    """For each core [.., cores] the one that reads for it in a `tile.multicast`: the first whose box is the same. A
    core with an empty box gets nothing, and is named itself.
    """
    return np.where(_full(bounds), _equal(bounds).argmax(axis=-1), np.arange(bounds[0].shape[-2]))


def storing(bounds: Bounds) -> npt.NDArray[np.bool_]:
    """Which cores [.., cores] move anything in a `tile.store`: those with a box; of a scalar, which all hold, the
    first.
    """
    return _full(bounds) & ((bounds[0].shape[-1] > 0) | (np.arange(bounds[0].shape[-2]) == 0))


def _full(bounds: Bounds) -> npt.NDArray[np.bool_]:
    """Whether each core's box holds a position."""
    return np.all(bounds[1] > bounds[0], axis=-1)


def _equal(bounds: Bounds) -> npt.NDArray[np.bool_]:
    """[.., cores, cores]: whether two cores have the same box."""
    both = np.concatenate(bounds, axis=-1)
    return (both[..., :, None, :] == both[..., None, :, :]).all(axis=-1)
