"""Einsum on equations of every kind, against NumPy."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import GraphRunner
from dialects.graph.contraction import MatmulOp


def model(equation: str, shapes: list[tuple[int, ...]]) -> object:
    names = [f"x{n}" for n in range(len(shapes))]
    graph = helper.make_graph(
        [helper.make_node("Einsum", names, ["y"], equation=equation)],
        "einsum",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in zip(names, shapes, strict=True)],
        [helper.make_empty_tensor_value_info("y")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij->ji", [(2, 3)]),
        ("ij", [(2, 3)]),
        ("ii->", [(3, 3)]),
        ("iji->j", [(3, 4, 3)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("b h q k, b h k d -> b q h d", [(2, 3, 4, 6), (2, 3, 6, 5)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 6)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ij,ij,j->i", [(3, 4), (3, 4), (4,)]),
        ("ijk,kl,lm->mi", [(2, 3, 4), (4, 5), (5, 6)]),
        ("ab,cd->", [(2, 3), (4, 5)]),
        ("ba,ac", [(2, 3), (3, 4)]),
    ],
)
def test_equations(equation: str, shapes: list[tuple[int, ...]]) -> None:
    draw = np.random.default_rng(0)
    inputs = {f"x{n}": draw.standard_normal(shape).astype(np.float32) for n, shape in enumerate(shapes)}
    result = GraphRunner(import_proto(model(equation, shapes))).run(inputs)["y"]
    np.testing.assert_allclose(result, np.einsum(equation, *inputs.values()), rtol=1e-5, atol=1e-5)


def test_attention_scores_are_one_matrix_product() -> None:
    module = import_proto(model("bqhd,bkhd->bhqk", [(2, 4, 3, 5), (2, 6, 3, 5)]))
    assert sum(isinstance(op, MatmulOp) for op in module.walk()) == 1


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij->k", [(2, 3)], "the result's labels are not labels of operands"),
        ("ij,jk->ik", [(2, 3)], "for 1 operands"),
        ("ijk->i", [(2, 3)], "for an operand of 2 dimensions"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "label 'j' has the sizes 3 and 4"),
    ],
)
def test_equations_that_do_not_fit(equation: str, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ImportFailure, match=message):
        import_proto(model(equation, shapes))
