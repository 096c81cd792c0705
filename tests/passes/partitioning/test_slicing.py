"""Tensor slicing as plain data: what devices send each other, along what ops may be sliced, and the choice of rules."""

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.hardware import load_hardware
from dialects.indexing import Along, Indexing, Whole, scaled, window
from passes.partitioning.slicing.candidates import Sliceable, candidates_of, sums_of
from passes.partitioning.slicing.exchanges import Exchanges, origin_of, pieces_of
from passes.partitioning.slicing.search import Node, Rule, choose_rules
from passes.partitioning.slicing.states import Box, Held, Slices, State, box_of, even_slices, extents

PRO = load_hardware("pro")
SHAPE = (7, 9)
FIRST, WHOLE, PARTIAL = Held.FIRST, Held.WHOLE, Held.PARTIAL


def part(array: np.ndarray, box: Box) -> np.ndarray:
    return array[tuple(slice(*interval) for interval in box)]


def moved(devices: int, source: State, target: State) -> None:
    """Does what an exchange says, on numbers: each device has what it is to have, and nothing comes from nowhere."""
    whole = np.arange(63, dtype=float).reshape(SHAPE)
    summands = [whole * 0 + device + 1 for device in range(devices)]
    pieces = pieces_of(source, target, SHAPE, devices)
    for device in range(devices):
        box = box_of(target, SHAPE, device)
        got: list[np.ndarray] = []
        for piece in pieces:
            if piece.receiver != device:
                continue
            held = box_of(source, SHAPE, piece.sender)
            assert held is not None
            assert all(low <= a and b <= high for (a, b), (low, high) in zip(piece.box, held, strict=True))
            got.append(part(summands[piece.sender] if source is PARTIAL else whole, piece.box))
        if box is None:
            assert not got
        elif source is PARTIAL:
            np.testing.assert_array_equal(np.sum(got, axis=0), part(np.sum(summands, axis=0), box))
        else:
            axis = source.dim if isinstance(source, Slices) else 0
            np.testing.assert_array_equal(np.concatenate(got, axis), part(whole, box))


@st.composite
def slices(draw: st.DrawFn, devices: int, *, covering: bool) -> Slices:
    """Slices of a dimension: each not empty, perhaps overlapping; together all of it, or any."""
    dim = draw(st.integers(0, 1))
    size = SHAPE[dim]
    cuts = [0, *sorted(draw(st.sets(st.integers(1, size - 1), min_size=devices - 1, max_size=devices - 1))), size]
    parts: list[tuple[int, int]] = []
    for low, high in pairwise(cuts):
        if covering:
            parts.append((max(0, low - draw(st.integers(0, 2))), min(size, high + draw(st.integers(0, 2)))))
        else:
            start = draw(st.integers(0, size - 1))
            parts.append((start, draw(st.integers(start + 1, size))))
    return Slices(dim, tuple(parts))


@given(st.data(), st.integers(2, 4))
def test_exchanges_bring_what_is_needed(data: st.DataObject, devices: int) -> None:
    source = data.draw(st.one_of(st.sampled_from([*Held]), slices(devices, covering=True)))
    target = data.draw(st.one_of(st.sampled_from([FIRST, WHOLE]), slices(devices, covering=False)))
    moved(devices, source, target)


def test_nobody_sends_what_a_device_has() -> None:
    halved = Slices(0, ((0, 4), (3, 7)))
    assert all(piece.sender == piece.receiver for piece in pieces_of(halved, Slices(0, ((1, 4), (5, 7))), SHAPE, 2))
    gathered = [piece for piece in pieces_of(halved, WHOLE, SHAPE, 2) if piece.sender != piece.receiver]
    assert [extents(piece.box) for piece in gathered] == [(3, 9), (3, 9)]


def test_large_sums_of_many_are_added_up_in_parts() -> None:
    """Two devices move as many bytes either way; of little bytes the time is in the start of transfers."""
    for devices, rows, parts in [(2, 4096, False), (4, 4096, True), (4, 4, False), (8, 512, True)]:
        way = Exchanges(devices, "p2p", 16, PRO).way(PARTIAL, WHOLE, (rows, 1024), 2)
        assert (len(way) == 3) == parts
    assert Exchanges(4, "p2p", 16, PRO).way(PARTIAL, WHOLE, (3, 1 << 20), 2)[1] == even_slices(1, 1 << 20, 1, 4)


def test_exchanges_take_the_time_of_the_busiest_device() -> None:
    shape, size = (1024, 1024), 1 << 21
    p2p, host = (Exchanges(4, link, 16, PRO) for link in ("p2p", "host"))
    on_cores = p2p.seconds(WHOLE, even_slices(0, 4096, 1, 4) or WHOLE, (4096, 1024), 2)
    rows = even_slices(0, 1024, 1, 4)
    assert rows is not None
    gathered = PRO.pcie_latency_seconds + 2 * PRO.pcie_request_seconds + 3 * size / 4 / PRO.pcie_bytes_per_second
    assert p2p.seconds(rows, WHOLE, shape, 2) == pytest.approx(gathered + on_cores)
    assert host.seconds(rows, WHOLE, shape, 2) == pytest.approx(2 * gathered + on_cores)
    # To the first device alone others send a message each; it gets as much.
    to_first = gathered - 2 * PRO.pcie_request_seconds
    assert p2p.seconds(rows, FIRST, shape, 2) == pytest.approx(to_first + on_cores)
    assert p2p.seconds(rows, rows, shape, 2) == 0


def test_a_need_is_made_of_all_that_is_there_anyway() -> None:
    rows = Slices(0, ((0, 4), (4, 7)))
    fewer, columns = Slices(0, ((1, 2), (4, 5))), Slices(1, ((0, 4), (4, 9)))
    assert origin_of(rows, columns, {columns}, SHAPE, 2) == rows
    assert origin_of(rows, columns, {columns, WHOLE}, SHAPE, 2) == WHOLE
    assert origin_of(rows, fewer, {fewer, WHOLE}, SHAPE, 2) == rows
    assert origin_of(rows, WHOLE, {fewer, WHOLE}, SHAPE, 2) == rows


def test_even_slices_are_cut_at_grains() -> None:
    assert even_slices(1, 12, 1, 5) == Slices(1, ((0, 2), (2, 4), (4, 7), (7, 9), (9, 12)))
    assert even_slices(0, 10, 4, 3) == Slices(0, ((0, 4), (4, 8), (8, 10)))
    assert even_slices(0, 10, 4, 4) is None
    assert even_slices(0, 10, 0, 2) is None


def pointwise(producer: int | None, shape: tuple[int, ...]) -> Sliceable:
    table = tuple(Along(d) for d in range(len(shape)))
    return Sliceable((producer,), (shape,), shape, Indexing((1,) * len(shape), (table,)))


def product_of(producer: int | None, rows: int, depth: int, columns: int) -> Sliceable:
    """A matrix product with a constant."""
    table = Indexing((1, 1), ((Along(0), Whole()), (Whole(), Along(1))))
    return Sliceable((producer, None), ((rows, depth), (depth, columns)), (rows, columns), table, summed={0: 1, 1: 0})


def attention(producers: Sequence[int | None], heads: int, kv_heads: int) -> Sliceable:
    """Attention with heads of 8, in two dimensions."""
    shared, rows = heads // kv_heads, (4, 8 * heads)
    keys = (Whole(), scaled(1, 8, shared * 8))
    table = Indexing((1, shared * 8), ((Along(0), scaled(1, 8, 8)), keys, keys))
    return Sliceable(
        tuple(producers), (rows, (4, 8 * kv_heads), (4, 8 * kv_heads)), rows, table, within=8, shared=frozenset((1, 2))
    )


def test_heads_are_cut_where_keys_are_not_torn_apart() -> None:
    """Of six heads on two pairs of keys and values four devices have one or two: two devices share a pair."""
    queries, keys = product_of(None, 4, 64, 48), product_of(None, 4, 64, 16)
    ops = [queries, keys, keys, attention((0, 1, 2), 6, 2), product_of(3, 4, 48, 64)]
    found = candidates_of(ops, 4)
    by_heads = Slices(1, ((0, 8), (8, 24), (24, 32), (32, 48)))
    assert by_heads in found[3]
    assert by_heads in found[0]
    assert Slices(1, ((0, 8), (0, 8), (8, 16), (8, 16))) in found[1]
    assert (by_heads, Slices(0, by_heads.parts)) in sums_of(ops[4], found, 4)
    torn = Slices(1, ((0, 8), (8, 16), (16, 32), (32, 48)))
    assert not ops[3].allows(torn)
    assert candidates_of([attention((None,) * 3, 5, 5)], 8) == [[]]


def test_windows_have_halos_only_where_the_op_pads() -> None:
    table = Indexing((1, 1), ((window(0, 1, 1, 3), Along(1)),))
    conv = Sliceable((None,), ((8, 4),), (8, 4), table, windows=True)
    halves = Slices(0, ((0, 4), (4, 8)))
    assert conv.need(0, halves) == Slices(0, ((0, 5), (3, 8)))
    assert candidates_of([conv], 2) == [[halves, Slices(1, ((0, 2), (2, 4)))]]
    assert candidates_of([Sliceable((None,), ((8, 4),), (8, 4), table)], 2) == [[Slices(1, ((0, 2), (2, 4)))]]


def test_users_and_operands_say_where_to_cut() -> None:
    """A convolution of stride 2 leaves out rows, which are somebody's; a reshape cuts between groups."""
    strided = Indexing((1, 1), ((window(0, 2, 0, 1), Along(1)),))
    ops = [pointwise(None, (12, 4)), Sliceable((0,), ((12, 4),), (6, 4), strided, windows=True), pointwise(1, (6, 4))]
    found = candidates_of(ops, 4)
    quarters = Slices(0, ((0, 1), (1, 3), (3, 4), (4, 6)))
    assert quarters in found[1]
    assert quarters in found[2]
    assert Slices(0, ((0, 2), (2, 6), (6, 8), (8, 12))) in found[0]
    joined = Sliceable((0,), ((6, 4),), (24,), Indexing((4,), ((scaled(0, 1, 4), Whole()),)))
    found = candidates_of([pointwise(None, (6, 4)), joined, pointwise(1, (24,))], 4)
    assert found[1] == [Slices(0, ((0, 4), (4, 12), (12, 16), (16, 24)))]
    assert found[1][0] in found[2]


HALVES = Slices(1, ((0, 4), (4, 9)))


def free(source: State, target: State, shape: tuple[int, ...], element_bytes: int) -> float:
    """Everything costs 10 but what a device has anyway."""
    return 0.0 if source == target or source is WHOLE else 10.0


def node(producers: Sequence[int | None], rules: Sequence[Rule], *, leaves: bool = False) -> Node:
    return Node(tuple(producers), SHAPE, 2, tuple(rules), leaves)


def test_a_pair_of_products_meets_in_the_middle() -> None:
    """The first by columns, the second by what it sums over: one exchange. With two, nothing would be won."""

    def pair(seconds: float) -> list[Node]:
        def either(sliced: Rule) -> list[Rule]:
            return [Rule((FIRST,), FIRST, seconds), Rule((WHOLE,), WHOLE, seconds), sliced]

        up = either(Rule((WHOLE,), HALVES, seconds / 2))
        down = either(Rule((HALVES,), PARTIAL, seconds / 2))
        return [node([None], up), node([0], down, leaves=True)]

    assert [rule.state for rule in choose_rules(pair(11.0), 2, free).rules] == [HALVES, PARTIAL]
    assert [rule.state for rule in choose_rules(pair(9.0), 2, free).rules] == [FIRST, FIRST]


def test_an_exchange_for_several_users_counts_once() -> None:
    """Three users of a value that is made in slices: apart none of them would pay for the exchange."""
    made = [Rule((FIRST,), FIRST, 24.0), Rule((WHOLE,), WHOLE, 24.0), Rule((WHOLE,), HALVES, 12.0)]
    alone = [Rule((FIRST,), FIRST, 1.0), Rule((WHOLE,), WHOLE, 1.0)]
    nodes = [node([None], made), *(node([0], alone, leaves=True) for _ in range(3))]
    assert choose_rules(nodes, 2, free).rules[0].state == HALVES


STATES = (FIRST, WHOLE, HALVES, PARTIAL)
NEEDS = (FIRST, WHOLE, HALVES)


@st.composite
def chains(draw: st.DrawFn) -> list[Node]:
    times = st.integers(0, 20).map(float)
    nodes: list[Node] = []
    for index in range(draw(st.integers(1, 5))):
        rules = [Rule((FIRST,), FIRST, draw(times)), Rule((WHOLE,), WHOLE, draw(times))]
        kinds = draw(st.lists(st.tuples(st.sampled_from(NEEDS), st.sampled_from(STATES)), max_size=3))
        rules += [Rule((need,), state, draw(times)) for need, state in kinds]
        nodes.append(node([index - 1 if index else None], rules))
    return [*nodes[:-1], node(nodes[-1].producers, nodes[-1].rules, leaves=True)]


@given(chains())
def test_chains_are_solved_exactly(nodes: list[Node]) -> None:
    def total(rules: Sequence[Rule]) -> float:
        passed = [free(a.state, b.needs[0], SHAPE, 2) for a, b in pairwise(rules)]
        return sum(rule.seconds for rule in rules) + sum(passed) + free(rules[-1].state, FIRST, SHAPE, 2)

    best = min(map(total, product(*(each.rules for each in nodes))))
    assert total(choose_rules(nodes, 2, free).rules) == best
