"""Every op's table says what it reads: any box of the result follows from the boxes of operands that it names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.graph import GRAPH_OPS, GraphOp
from dialects.graph.kernels import Array
from dialects.graph.pooling import AveragePoolOp
from dialects.graph.recurrence import RECURRENCE_OPS
from tests.graph.boxes import check_box, check_stack, computed, interval
from tests.graph.cases import random_case


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=40)
@given(data=st.data())
def test_a_box_follows_from_the_boxes_in_the_table(kind: type[GraphOp], data: st.DataObject) -> None:
    check_box(*random_case(data.draw, kind), data.draw)


@pytest.mark.parametrize("kind", RECURRENCE_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=20)
@given(data=st.data())
def test_parts_in_order_are_the_whole(kind: type[GraphOp], data: st.DataObject) -> None:
    """Along a dimension that is carried, a part follows from its operands and the last position of the part before."""
    op, operands = random_case(data.draw, kind)
    table = op.indexing()
    assert table.carried is not None
    dim = table.carried.dim
    whole = op.kernel()(*operands, **op.arguments())
    cut = data.draw(st.integers(0, whole.shape[dim]))
    parts: list[Array] = []
    for low, high in ((0, cut), (cut, whole.shape[dim])):
        box = tuple((low, high) if d == dim else (0, size) for d, size in enumerate(whole.shape))
        if low == high:
            continue
        parts.append(computed(op, table, operands, box))
        for state in table.carried.operands:
            operands[state] = np.take(parts[-1], [-1], axis=dim)[: operands[state].shape[0]]
    np.testing.assert_allclose(np.concatenate(parts, axis=dim), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=20)
@given(data=st.data())
def test_a_kernel_on_a_stack_is_the_kernel_on_each(kind: type[GraphOp], data: st.DataObject) -> None:
    check_stack(*random_case(data.draw, kind))


def test_a_wrong_table_is_noticed() -> None:
    """The check above can fail: a halo of one row too few gives other values."""
    rng = np.random.default_rng(0)
    operand = rng.standard_normal((1, 6, 1, 1)).astype(np.float32)
    kernel = {"kernel_shape": (3, 1), "strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}
    whole = AveragePoolOp.kernel()(operand, **kernel)
    short = np.concatenate([interval(operand, 1, 2, 4, 0.0), np.zeros((1, 1, 1, 1), np.float32)], axis=1)
    assert not np.array_equal(AveragePoolOp.kernel()(short, **kernel), whole[:, 2:3])
