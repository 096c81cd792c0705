"""LSTM, GRU and RNN: every attribute that is supported, against onnxruntime; the others are refused with a reason."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import run_graph
from tests.importer.models import model, tensor
from tests.models import reference

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, FEATURES, HIDDEN = 5, 3, 4, 6
LENGTHS = np.array([5, 2, 4], np.int32)


def layer(kind: str, *, lengths: bool, states: bool, peepholes: bool, **attributes: Any) -> onnx.ModelProto:
    """One node with all operands that are asked for; lengths and states are inputs of the model."""
    random = np.random.default_rng(0)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[kind] * HIDDEN
    shapes = {"w": (directions, rows, FEATURES), "r": (directions, rows, HIDDEN), "b": (directions, 2 * rows)}
    if peepholes:
        shapes["p"] = (directions, 3 * HIDDEN)
    constants = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    first = attributes.get("layout", 0) == 1
    inputs = [tensor("x", [BATCH, STEPS, FEATURES] if first else [STEPS, BATCH, FEATURES])]
    operands = ["x", "w", "r", "b", "lengths" if lengths else ""]
    if lengths:
        inputs.append(tensor("lengths", [BATCH], TensorProto.INT32))
    names = ["h", "c"] if kind == "LSTM" else ["h"]
    for name in names:
        operands.append(f"{name}0" if states else "")
        if states:
            inputs.append(tensor(f"{name}0", [BATCH, directions, HIDDEN] if first else [directions, BATCH, HIDDEN]))
    if peepholes:
        operands.append("p")
    node = helper.make_node(kind, operands, ["y", *names], "cell", hidden_size=HIDDEN, **attributes)
    return model([node], inputs, ["y", *names], constants, opset=17, ir_version=9)


def drawn(network: onnx.ModelProto) -> dict[str, npt.NDArray[Any]]:
    random = np.random.default_rng(1)
    values: dict[str, npt.NDArray[Any]] = {}
    for port in network.graph.input:
        shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
        values[port.name] = LENGTHS if port.name == "lengths" else random.standard_normal(shape).astype(np.float32)
    return values


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "reverse": {"direction": "reverse"},
    "both": {"direction": "bidirectional"},
    "clip": {"clip": 0.5},
}


@pytest.mark.parametrize("states", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("lengths", [False, True], ids=["full", "lengths"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", GATES)
def test_attributes(kind: str, case: str, lengths: bool, states: bool) -> None:
    network = layer(kind, lengths=lengths, states=states, peepholes=kind == "LSTM" and states, **CASES[case])
    check(network)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("GRU", {"linear_before_reset": 1, "direction": "bidirectional"}),
        ("LSTM", {"activations": ["Relu", "Tanh", "Sigmoid"]}),
        ("GRU", {"activations": ["Sigmoid", "Softplus"] * 2, "direction": "bidirectional"}),
        ("RNN", {"activations": ["Relu"]}),
    ],
)
def test_further_attributes(kind: str, attributes: dict[str, Any]) -> None:
    check(layer(kind, lengths=True, states=True, peepholes=False, **attributes))


def check(network: onnx.ModelProto) -> None:
    inputs = drawn(network)
    expected = reference.run(network, inputs)
    actual = run_graph(import_proto(network), inputs)
    for name, values in expected.items():
        assert reference.relative_error(actual[name], values) < 2e-6, name


def test_the_batch_may_come_first() -> None:
    """onnxruntime has no such layout; it is that of the other one, turned."""
    inner, outer = (layer("LSTM", lengths=True, states=True, peepholes=True, layout=layout) for layout in (0, 1))
    inputs = drawn(inner)
    turned = {name: value if value.ndim == 1 else value.transpose(1, 0, 2) for name, value in inputs.items()}
    expected, actual = run_graph(import_proto(inner), inputs), run_graph(import_proto(outer), turned)
    np.testing.assert_allclose(actual["y"], expected["y"].transpose(2, 0, 1, 3), rtol=1e-6)
    for name in ("h", "c"):
        np.testing.assert_allclose(actual[name], expected[name].transpose(1, 0, 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"input_forget": 1}, "input_forget = 1"),
        ({"activations": ["Elu", "Tanh", "Tanh"]}, "activations elu; supported are sigmoid"),
        (
            {"activations": ["Sigmoid", "Tanh", "Tanh", "Relu", "Tanh", "Tanh"], "direction": "bidirectional"},
            "differ between directions",
        ),
        ({"direction": "both"}, "none of forward, reverse, bidirectional"),
    ],
)
def test_what_is_refused(attributes: dict[str, Any], reason: str) -> None:
    network = layer("LSTM", lengths=False, states=False, peepholes=False, **attributes)
    with pytest.raises(ImportFailure, match=rf"(?s)'cell'.*{reason}"):
        import_proto(network)
