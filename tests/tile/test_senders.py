"""Who sends what to whom in exchanges and multicasts."""

import numpy as np

from dialects.tile.boxes import Box, Form, Interval
from dialects.tile.senders import Bounds, exchange_parts, multicast_senders


def rows(mesh: tuple[int, ...], axis: int, block: int, halo: int = 0, cores: int = 4, size: int = 8) -> Bounds:
    """Blocks of rows along a mesh axis, wider by a halo, clamped to the tensor."""
    low = Form(-halo, (*(0,) * axis, block))
    return Box(mesh, (Interval((low,), (low + (block + 2 * halo),)),)).clamped((size,)).bounds(cores)


def copies(own: Bounds, need: Bounds, *, in_place: bool) -> list[tuple[int, int, int, int]]:
    """(receiver, sender, low, high) of every copy."""
    parts = exchange_parts(own, need, in_place=in_place)
    low, high = parts.low[:, 0].tolist(), parts.high[:, 0].tolist()
    return list(zip(parts.receiver.tolist(), parts.sender.tolist(), low, high, strict=True))


def test_halos_come_from_the_neighbours() -> None:
    own, need = rows((4,), 0, 2), rows((4,), 0, 2, halo=1)
    halos = [(0, 1, 2, 3), (1, 0, 1, 2), (1, 2, 4, 5), (2, 1, 3, 4), (2, 3, 6, 7), (3, 2, 5, 6)]
    assert copies(own, need, in_place=True) == halos
    assert [part for part in copies(own, need, in_place=False) if part[0] != part[1]] == halos


def test_receivers_are_spread_over_replicas_but_for_those_that_are_one() -> None:
    own, need = rows((2, 2), 0, 4), rows((1, 4), 1, 2)
    assert copies(own, need, in_place=True) == []
    low, high = (bound[::-1] for bound in need)
    assert copies(own, (low, high), in_place=True) == [(0, 2, 6, 8), (1, 3, 4, 6), (2, 0, 2, 4), (3, 1, 0, 2)]


def test_cores_that_own_or_need_nothing() -> None:
    own, need = rows((4,), 0, 4), rows((4,), 0, 8)
    assert copies(own, need, in_place=False) == [(0, 0, 0, 4), (0, 1, 4, 8)]


def test_iterations_in_front() -> None:
    own, need = rows((4,), 0, 2), rows((4,), 0, 2, halo=1)
    stacked = [tuple(np.stack([b, b + 1]) for b in bounds) for bounds in (own, need)]
    parts = exchange_parts((stacked[0][0], stacked[0][1]), (stacked[1][0], stacked[1][1]), in_place=True)
    once = exchange_parts(own, need, in_place=True)
    np.testing.assert_array_equal(parts.at, np.repeat([0, 1], len(once.at)))
    np.testing.assert_array_equal(parts.low, np.concatenate([once.low, once.low + 1]))


def test_the_first_core_with_a_box_reads_it_for_all() -> None:
    assert multicast_senders(rows((2, 2), 0, 4)).tolist() == [0, 0, 2, 2]
    assert multicast_senders(rows((2, 2), 1, 4)).tolist() == [0, 1, 0, 1]
    assert multicast_senders(rows((4,), 0, 8)).tolist() == [0, 1, 2, 3]  # cores 1 to 3 get nothing
