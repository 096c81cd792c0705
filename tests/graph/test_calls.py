"""What is accepted as a call of a kernel can be computed, however odd it is."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import DictionaryAttr
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import held_dtype
from dialects.errors import AicError
from dialects.graph import GRAPH_OPS, GraphOp
from dialects.graph.calls import called_op
from dialects.graph.properties import from_dictionary
from tests.graph.calls import call_of, changed, drawn, elements
from tests.graph.cases import random_case


def check_changed_call(kind: type[GraphOp], data: st.DataObject) -> None:
    """A call of the op's kernel with something changed is refused, or gives a result of its type."""
    op, _ = random_case(data.draw, kind)
    call = changed(data.draw, call_of(op))
    try:
        called = called_op(call.kernel, call.arguments, call.operands, call.result)
    except (VerifyException, AicError):
        return
    if elements(call) > 1 << 16 or called.numpy_calls() > 1 << 10 or 0 in call.result.get_shape():
        return
    arguments = from_dictionary(DictionaryAttr(call.arguments))
    if kind.NEEDS_SHAPE:
        arguments["shape"] = call.result.get_shape()
    with np.errstate(all="ignore"), suppress(AicError):  # gather tells of positions that are not there
        result = np.asarray(kind.kernel()(*drawn(data.draw, call.operands), **arguments))
        assert result.shape == call.result.get_shape()
        assert np.can_cast(result.dtype, held_dtype(call.result.element_type), "same_kind")


@settings(max_examples=300)
@given(kind=st.sampled_from(GRAPH_OPS), data=st.data())
def test_what_is_accepted_can_be_computed(kind: type[GraphOp], data: st.DataObject) -> None:
    check_changed_call(kind, data)


@pytest.mark.sweep
@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=1000)
@given(data=st.data())
def test_what_is_accepted_can_be_computed_of_every_op(kind: type[GraphOp], data: st.DataObject) -> None:
    check_changed_call(kind, data)
