"""Ops and kernels belong together, one to one."""

import inspect

import pytest

from dialects.graph import GRAPH_OPS, Graph, GraphOp
from dialects.graph.kernels import KERNELS
from dialects.graph.kernels.activation import ACTIVATIONS


def test_every_op_has_a_kernel_and_every_kernel_an_op() -> None:
    assert {op.kernel_name() for op in GRAPH_OPS} == set(KERNELS)


def test_constant_is_the_one_op_without_a_kernel() -> None:
    assert {op.name for op in Graph.operations} - {op.name for op in GRAPH_OPS} == {"graph.constant"}


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
def test_every_op_has_its_own_documentation(kind: type[GraphOp]) -> None:
    assert kind.__doc__
    assert kind.__doc__ not in [base.__doc__ for base in kind.__mro__[1:]]


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
def test_kernels_take_the_properties_of_their_op(kind: type[GraphOp]) -> None:
    taken = inspect.signature(KERNELS[kind.kernel_name()]).parameters
    assert set(kind.get_irdl_definition().properties) <= set(taken)


def test_activations_are_ops() -> None:
    assert {f"graph.{name}" for name in ACTIVATIONS} <= {op.name for op in GRAPH_OPS}
