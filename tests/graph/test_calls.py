"""What is accepted as a call of a kernel can be computed, however odd it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.graph import GRAPH_OPS, GraphOp
from tests.graph.calls import call_of, check_changed_call
from tests.graph.cases import random_case


@settings(max_examples=300)
@given(kind=st.sampled_from(GRAPH_OPS), data=st.data())
def test_what_is_accepted_can_be_computed(kind: type[GraphOp], data: st.DataObject) -> None:
    op, _ = random_case(data.draw, kind)
    check_changed_call(call_of(op), data.draw)


@pytest.mark.sweep
@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=1000)
@given(data=st.data())
def test_what_is_accepted_can_be_computed_of_every_op(kind: type[GraphOp], data: st.DataObject) -> None:
    op, _ = random_case(data.draw, kind)
    check_changed_call(call_of(op), data.draw)
