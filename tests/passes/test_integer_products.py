"""Matrix products of integers stay exact, whatever follows them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from aic.importer import import_proto
from aic.interpreter.graph import GraphRunner
from passes.pipelines.graph import FP16_PIPELINE
from tests.passes.running import apply


def test_factors_and_divisors_behind_a_product_are_not_folded() -> None:
    draw = np.random.default_rng(0)
    constants = {"w": draw.integers(-9, 9, (5, 3)), "f": np.array([2, 3, 5]), "d": np.array([7, 7, 2])}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Mul", ["a", "f"], ["b"]),
        helper.make_node("Div", ["b", "d"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "integers",
        [helper.make_tensor_value_info("x", TensorProto.INT64, [4, 5])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [4, 3])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = draw.integers(-(2**40), 2**40, (4, 5))
    products = (x @ constants["w"]) * constants["f"]
    expected = np.sign(products) * (np.abs(products) // constants["d"])
    result = GraphRunner(apply(import_proto(model), FP16_PIPELINE)).run({"x": x})["y"]
    np.testing.assert_array_equal(result, expected)
