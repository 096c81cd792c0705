"""Tensors inside the graph as outputs: what names them, what is no name, what is refused."""

import numpy as np
import pytest
from onnx import helper

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import GraphRunner
from tests.importer.models import model, tensor

node = helper.make_node
NODES = [
    node("Relu", ["x"], ["r"], name="first"),
    node("Split", ["r"], ["left", "right:0"], name="parts", axis=1, num_outputs=2),
    node("Add", ["left", "right:0"], ["sum"], name="scope/add:1"),
    node("Mul", ["sum", "factor"], ["y"], name="last"),
]
X = np.arange(-6, 6, dtype=np.float32).reshape(3, 4)
RELU = np.maximum(X, 0)


def outputs(*names: str) -> dict[str, np.ndarray]:
    module = import_proto(model(NODES, [tensor("x", [3, 4])], ["y"], {"factor": np.float32(2)}), intermediate=names)
    return GraphRunner(module).run({"x": X})


@pytest.mark.parametrize(
    ("asked", "tensor_name", "expected"),
    [
        ("r", "r", RELU),
        ("first", "r", RELU),
        ("parts", "left", RELU[:, :2]),
        ("parts:1", "right:0", RELU[:, 2:]),
        ("right:0", "right:0", RELU[:, 2:]),
        ("scope/add:1", "sum", RELU[:, :2] + RELU[:, 2:]),
        ("scope/add:1:0", "sum", RELU[:, :2] + RELU[:, 2:]),
        ("factor", "factor", np.float32(2)),
    ],
)
def test_a_tensor_is_an_output_after_those_of_the_model(asked: str, tensor_name: str, expected: np.ndarray) -> None:
    found = outputs(asked)
    assert list(found) == ["y", tensor_name]
    np.testing.assert_array_equal(found[tensor_name], expected)


def test_what_is_an_output_already_or_asked_twice_comes_once() -> None:
    assert list(outputs("y", "parts:1", "last", "right:0", "r")) == ["y", "right:0", "r"]


def test_wrong_names_are_listed_at_once() -> None:
    with pytest.raises(ImportFailure) as caught:
        outputs("lft", "r", "parts:2", "x", "zzz")
    assert str(caught.value).splitlines() == [
        "no such tensors to give as outputs:",
        "  'lft': no tensor or node of the model; did you mean 'left'?",
        "  'parts:2': the node 'parts' has the outputs 'parts:0' ('left'), 'parts:1' ('right:0')",
        "  'x': an input of the model, which whoever runs it has already",
        "  'zzz': no tensor or node of the model, which has 6 tensors; a viewer of models shows their names",
    ]
