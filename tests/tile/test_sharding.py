"""Shardings: who owns and holds what, what operands an op needs, and the shardings that are tried."""

from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dialects.graph import GRAPH_OPS, GraphOp
from dialects.indexing import Anywhere
from dialects.tile.reshard import sharding_problem
from dialects.tile.sharding import DDR, WHOLE, Sharding, Split, shares_buffer
from passes.sharding.candidates import candidates
from passes.sharding.costs import block_shape, busy_cores, window_shape
from passes.sharding.requirements import required_box, required_sharding
from tests.graph.cases import random_case

CORES = [1, 2, 3, 4, 7, 14, 16]
shapes = st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple)


@given(shapes, st.sampled_from(CORES), st.data())
def test_candidates(shape: tuple[int, ...], cores: int, data: st.DataObject) -> None:
    """Every candidate fits, covers the tensor with disjoint blocks cut at the granularity, and is there once."""
    granularity = data.draw(st.tuples(*[st.sampled_from([0, 1, 1, 2, 3])] * len(shape)))
    found = candidates(shape, granularity, cores, data.draw(st.sampled_from([4, 32])))
    assert Sharding("vtcm", (cores,), (WHOLE,) * len(shape)) in found
    assert len(set(found)) == len(found)
    for sharding in found:
        assert sharding_problem(sharding, shape) is None
        assert all(s.axis is None or s.block % g == 0 for s, g in zip(sharding.splits, granularity, strict=True) if g)
        assert all(s.axis is None for s, g in zip(sharding.splits, granularity, strict=True) if not g)
        owners = owner_counts(sharding, shape, cores)
        assert (owners >= 1).all()
        # Replicas, along mesh axes that are not used, own the same; other blocks never overlap.
        assert (owners == 1).all() or not sharding.used_axes >= set(range(len(sharding.mesh)))
        low, high = sharding.owned(shape).bounds(cores)
        assert (np.maximum(high - low, 0).max(axis=0) == block_shape(shape, sharding)).all()
        distinct = {(*a, *b) for a, b in zip(low.tolist(), high.tolist(), strict=True) if all(np.less(a, b))}
        assert busy_cores(shape, sharding) == len(distinct)


def owner_counts(sharding: Sharding, shape: tuple[int, ...], cores: int) -> np.ndarray:
    counts = np.zeros(shape, np.int64)
    low, high = sharding.owned(shape).bounds(cores)
    for core in range(cores):
        counts[tuple(slice(int(a), int(max(a, b))) for a, b in zip(low[core], high[core], strict=True))] += 1
    return counts


@given(st.integers(1, 40), st.sampled_from(CORES), st.integers(-2, 3), st.integers(-2, 3))
def test_owned_and_held(size: int, cores: int, before: int, after: int) -> None:
    block = -(-size // cores)
    sharding = Sharding("vtcm", (cores,), (Split(0, block, before, after), Split(None, 0, 1, 2)))
    own_low, own_high = sharding.owned((size, 5)).bounds(cores)
    low, high = sharding.window((size, 5)).bounds(cores)
    for core in range(cores):
        assert own_low[core].tolist() == [core * block, 0]
        assert own_high[core].tolist() == [min((core + 1) * block, size), 5]
        assert low[core].tolist() == [core * block - before, -1]
        assert high[core].tolist() == [(core + 1) * block + after, 7]
    assert sharding.without_halo().window((size, 5)).bounds(1)[0].tolist() == [[0, 0]]
    if block == size // cores:
        assert (high - low).max(axis=0).tolist() == list(window_shape((size, 5), sharding))


def test_a_split_whose_blocks_do_not_cover_is_refused() -> None:
    assert sharding_problem(Sharding("vtcm", (4,), (Split(0, 2),)), (8,)) is None
    assert "do not cover 9" in str(sharding_problem(Sharding("vtcm", (4,), (Split(0, 2),)), (9,)))


def test_buffers_are_shared_when_blocks_agree() -> None:
    rows = Sharding("vtcm", (4,), (Split(0, 2), WHOLE))
    assert shares_buffer(rows, Sharding("vtcm", (4,), (Split(0, 2, 1, 1), Split(None, 0, 1, 1))))
    assert not shares_buffer(rows, Sharding("vtcm", (4,), (Split(0, 4), WHOLE)))
    assert not shares_buffer(rows, Sharding("vtcm", (2, 2), (Split(0, 2), WHOLE)))
    assert not shares_buffer(rows, Sharding("vtcm", (4,), (WHOLE, Split(0, 2))))
    assert not shares_buffer(rows, DDR)
    whole = Sharding("vtcm", (4,), (WHOLE, WHOLE))
    assert shares_buffer(whole, rows)
    assert not shares_buffer(rows, whole)


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.name)
@settings(max_examples=20)
@given(data=st.data())
def test_what_an_op_needs_of_its_operands(kind: type[GraphOp], data: st.DataObject) -> None:
    """For every sharding of the result: on each core, the box that is needed for what it owns is what the op's table
    says, position by position, and lies in the window of the sharding that is required.
    """
    op, arrays = random_case(data.draw, kind)
    indexing, shape, cores = op.indexing(), op.result_type.get_shape(), data.draw(st.sampled_from(CORES))
    assume(prod(shape) > 0)
    sharding = data.draw(st.sampled_from(candidates(shape, indexing.granularity, cores, 4)))
    owned = sharding.owned(shape)
    low, high = owned.bounds(cores)
    for accesses, array in zip(indexing.operands, arrays, strict=True):
        need = required_sharding(accesses, array.shape, shape, sharding)
        boxes = required_box(accesses, array.shape, owned).bounds(cores)
        if any(isinstance(access, Anywhere) for access in accesses):
            assert need == DDR
            continue
        window = need.window(array.shape).bounds(cores)
        for core in range(cores):
            if (high[core] <= low[core]).any():
                continue
            for d, (access, size) in enumerate(zip(accesses, array.shape, strict=True)):
                interval = getattr(access, "interval", None)
                dim = getattr(access, "dim", 0)
                expected = interval(low[core][dim], high[core][dim]) if interval else (0, size)
                assert (boxes[0][core, d], boxes[1][core, d]) == expected
                assert window[0][core, d] <= boxes[0][core, d]
                assert boxes[1][core, d] <= window[1][core, d]
