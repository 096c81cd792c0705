"""Ops and kernels belong together, one to one, in all dialects that have kernels."""

import inspect

import pytest

from dialects.calls import OPS
from dialects.costs import FORMULAS
from dialects.graph import GRAPH_OPS, Graph, GraphOp
from dialects.graph.kernels.activation import ACTIVATIONS
from dialects.kernels import KERNELS
from dialects.quantized import QUANTIZED_OPS, Quantized

EVERY_OP = pytest.mark.parametrize("kind", [*GRAPH_OPS, *QUANTIZED_OPS], ids=lambda kind: kind.kernel_name())


def test_every_op_has_a_kernel_and_every_kernel_an_op() -> None:
    assert set(OPS) == set(KERNELS)


def test_kernels_have_the_name_of_their_op() -> None:
    """Without the dialect where that is the graph, with it elsewhere; no two have one name."""
    assert len(OPS) == len(GRAPH_OPS) + len(QUANTIZED_OPS)
    assert {kernel for kernel in KERNELS if "." in kernel} == {op.name for op in QUANTIZED_OPS}
    assert all(name.startswith("quantized.") for name in KERNELS if "." in name)


def test_only_constants_what_passes_between_parts_and_whole_models_have_no_kernel() -> None:
    without = {op.name for op in Graph.operations} - {op.name for op in GRAPH_OPS}
    assert without == {"graph.constant", "graph.send", "graph.receive", "graph.model"}
    assert set(Quantized.operations) == set(QUANTIZED_OPS)


@EVERY_OP
def test_every_op_has_its_own_documentation(kind: type[GraphOp]) -> None:
    assert kind.__doc__
    assert kind.__doc__ not in [base.__doc__ for base in kind.__mro__[1:]]


@EVERY_OP
def test_kernels_take_the_properties_of_their_op(kind: type[GraphOp]) -> None:
    taken = inspect.signature(KERNELS[kind.kernel_name()]).parameters
    assert set(kind.get_irdl_definition().properties) <= set(taken)


@EVERY_OP
def test_kernels_lie_in_the_file_named_like_that_of_their_op(kind: type[GraphOp]) -> None:
    package, _, family = kind.__module__.rpartition(".")
    assert inspect.unwrap(KERNELS[kind.kernel_name()]).__module__ == f"{package}.kernels.{family}"


def test_every_formula_is_of_a_kernel() -> None:
    assert set(FORMULAS) == set(KERNELS)


def test_activations_are_ops() -> None:
    assert {f"graph.{name}" for name in ACTIVATIONS} <= {op.name for op in GRAPH_OPS}
