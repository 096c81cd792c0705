"""From nodes to ops: names, folding of shapes, functions, branches, and reports of what is not supported."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import run_graph
from dialects import get_all_dialects
from dialects.graph.locations import node_name, tensor_name
from tests.importer.models import model, tensor
from tools.roundtrip import check_roundtrip

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
node = helper.make_node


def all_dialects() -> Context:
    ctx = Context()
    for name, factory in {**get_all_dialects(), "builtin": lambda: Builtin, "func": lambda: Func}.items():
        ctx.register_dialect(name, factory)
    return ctx


def ops(module: ModuleOp) -> list[str]:
    return [op.name.removeprefix("graph.") for op in module.walk() if op.name.startswith("graph.")]


def test_names_of_nodes_and_tensors() -> None:
    nodes = [node("Relu", ["x"], ["hidden"], name="first"), node("Exp", ["hidden"], ["y"])]
    module = import_proto(model(nodes, [tensor("x", [2])], ["y"]))
    relu, exp = (op for op in module.walk() if op.name in ("graph.relu", "graph.exp"))
    assert (node_name(relu), tensor_name(relu)) == ("first", "hidden")
    assert (node_name(exp), tensor_name(exp)) == ("y", "y")
    assert relu.results[0].name_hint == "hidden"


def test_inputs_and_outputs_keep_names_and_types() -> None:
    nodes = [node("Add", ["ids", "ids"], ["twice ids"])]
    module = import_proto(model(nodes, [tensor("ids", [2], TensorProto.INT64)], ["twice ids"]))
    result = run_graph(module, {"ids": np.array([1, 2])})
    assert list(result) == ["twice ids"]
    assert result["twice ids"].dtype == np.int64


def test_shape_arithmetic_folds_away() -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "first"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Concat", ["n1", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["flat"]),
        node("ConstantOfShape", ["target2"], ["ones"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])),
        node("Add", ["flat", "ones"], ["y"]),
    ]
    constants = {"first": np.array(0), "axis": np.array([0]), "rest": np.array([-1]), "target2": np.array([2, 12])}
    module = import_proto(model(nodes, [tensor("x", ["n", 3, 4])], ["y"], constants), symbols={"n": 2})
    assert ops(module) == ["reshape", "constant", "add"]
    np.testing.assert_array_equal(run_graph(module, {"x": X})["y"], X.reshape(2, 12) + 1)


def test_transposed_weights_are_handles() -> None:
    weights = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
    nodes = [node("Gemm", ["x", "w"], ["y"], transB=1, alpha=2.0)]
    module = import_proto(model(nodes, [tensor("x", [2, 30])], ["y"], {"w": weights}))
    assert "transpose" not in ops(module)
    x = np.random.default_rng(1).standard_normal((2, 30)).astype(np.float32)
    np.testing.assert_allclose(run_graph(module, {"x": x})["y"], 2 * x @ weights.T, rtol=1e-5)


def test_convolutions_are_channels_last() -> None:
    nodes = [node("Conv", ["x", "w"], ["a"]), node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2])]
    weights = np.ones((5, 3, 2, 2), np.float32)
    module = import_proto(model(nodes, [tensor("x", [1, 3, 6, 6])], ["y"], {"w": weights}))
    assert [name for name in ops(module) if name != "constant"] == ["transpose", "conv", "max_pool", "transpose"]


def test_what_is_not_used_is_left_out() -> None:
    nodes = [node("Dropout", ["x"], ["a"]), node("Exp", ["x"], ["unused"]), node("Identity", ["a"], ["y"])]
    assert ops(import_proto(model(nodes, [tensor("x", [2])], ["y"]))) == []


def test_local_functions_and_their_attributes() -> None:
    leaky = node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    body = [leaky, node("Add", ["b", "a"], ["c"])]
    function = helper.make_function(
        "mine", "Twist", ["a"], ["c"], body, [helper.make_opsetid("", 20)], attributes=["slope"]
    )
    proto = model(
        [node("Twist", ["x"], ["y"], name="call", domain="mine", slope=0.5)],
        [tensor("x", [3])],
        ["y"],
        functions=[function],
    )
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    module = import_proto(proto)
    x = np.array([-2.0, 0.0, 2.0], np.float32)
    np.testing.assert_array_equal(run_graph(module, {"x": x})["y"], [-3, 0, 4])
    assert {node_name(op) for op in module.walk() if op.name.startswith("graph.")} == {"call"}


def test_a_branch_with_a_known_condition() -> None:
    branches = {
        f"{name}_branch": helper.make_graph([node(kind, ["x"], ["r"])], name, [], [onnx.ValueInfoProto(name="r")])
        for name, kind in (("then", "Exp"), ("else", "Neg"))
    }
    proto = model([node("If", ["c"], ["y"], **branches)], [tensor("x", [2])], ["y"], {"c": np.array(False)})
    assert ops(import_proto(proto)) == ["neg"]


def test_everything_unsupported_is_listed_at_once() -> None:
    nodes = [
        node("NonZero", ["x"], ["a"], name="find"),
        node("Unknown", ["x"], ["b"], name="mystery", domain="org.example"),
        node("NonZero", ["b"], ["c"], name="again"),
        node("Conv", ["x5", "w5"], ["d"], name="volume"),
        node("Reluu", ["x"], ["e"], name="typo"),
        node("BitCast", ["x"], ["f"], name="early"),
        node("Gelu", ["x"], ["g"], name="other", domain="org.undeclared"),
        node("Gelu", ["g"], ["h"], name="after", domain="org.undeclared"),
    ]
    inputs = [tensor("x", [2, 2]), tensor("x5", [1, 1, 4, 4, 4])]
    proto = model(nodes, inputs, list("abcdefgh"), {"w5": np.ones((1, 1, 2, 2, 2), np.float32)})
    proto.opset_import.append(helper.make_opsetid("org.example", 3))
    with pytest.raises(ImportFailure) as caught:
        import_proto(proto)
    lines = str(caught.value).splitlines()
    assert lines == [
        "operators that aic does not support:",
        "  ai.onnx.BitCast (opset 20), node 'early': the operator is new in opset 26",
        "  ai.onnx.Conv (opset 20), node 'volume': 3 spatial dimensions; 1 and 2 are supported",
        "  ai.onnx.NonZero (opset 20), 2 nodes 'find', 'again': aic has no conversion of this operator",
        "  ai.onnx.Reluu (opset 20), node 'typo': no such operator is known",
        "  org.example.Unknown (opset 3), node 'mystery': no such operator is known",
        "  org.undeclared.Gelu, 2 nodes 'other', 'after': the model declares no opset of this domain",
    ]


def test_a_model_without_an_opset() -> None:
    proto = model([node("Relu", ["x"], ["y"])], [tensor("x", [2])], ["y"])
    del proto.opset_import[:]
    with pytest.raises(ImportFailure, match="Relu, node 'y': the model declares no opset of this domain"):
        import_proto(proto)


def test_all_misfits_are_listed_at_once() -> None:
    nodes = [
        node("Add", ["x", "b"], ["y"], name="sum"),
        node("MatMul", ["x", "b"], ["z"], name="product"),
        node("Relu", ["y"], ["r"], name="after"),
    ]
    proto = model(nodes, [tensor("x", [2, 3])], ["r", "z"], {"b": np.ones((4, 5), np.float32)})
    with pytest.raises(ImportFailure) as caught:
        import_proto(proto)
    assert "Add node 'sum': graph.add: shapes (2, 3), (4, 5) do not broadcast" in str(caught.value)
    assert "MatMul node 'product': graph.matmul" in str(caught.value)
    assert "after" not in str(caught.value)


def test_a_broken_graph() -> None:
    with pytest.raises(ImportFailure, match="'hiden', which nothing before it makes; did you mean 'hidden'"):
        import_proto(model([node("Relu", ["x"], ["hidden"]), node("Exp", ["hiden"], ["y"])], [tensor("x", [2])], ["y"]))
    with pytest.raises(ImportFailure, match="output 'z' is made by no node"):
        import_proto(model([node("Relu", ["x"], ["y"])], [tensor("x", [2])], ["z"]))


def test_an_old_opset() -> None:
    with pytest.raises(ImportFailure, match="opset 6 is older than 7"):
        import_proto(model([node("Relu", ["x"], ["y"])], [tensor("x", [2])], ["y"], opset=6))


def test_element_types_that_are_not_supported() -> None:
    with pytest.raises(ImportFailure, match="element type STRING is not supported"):
        import_proto(model([node("Identity", ["x"], ["y"])], [tensor("x", [2], TensorProto.STRING)], ["y"]))


def test_modules_survive_text() -> None:
    nodes = [node("Conv", ["x", "w"], ["a"], name="conv"), node("Clip", ["a", "low", "high"], ["y"], name="clip")]
    constants = {"w": np.ones((2, 3, 1, 1), np.float32), "low": np.float32(-1), "high": np.float32(np.inf)}
    module = import_proto(model(nodes, [tensor("x", [1, 3, 4, 4])], ["y"], constants))
    check_roundtrip(module, all_dialects())
