"""The graph interpreter: precision, lifetimes, observation, and mistakes in its inputs."""

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from aic.interpreter.graph import GraphRunner, run_graph
from dialects import get_all_dialects
from dialects.errors import AicError
from dialects.graph.kernels import Array

TEXT = """
func.func @main(%x: tensor<2x2xf16> {aic.name = "in put"}) -> (tensor<2x2xf16> {aic.name = "sum"}, tensor<2xf32>) {
  %c = graph.constant #aic.dense<2049.0 : tensor<2xf32>>
  %h = graph.cast %c {to = f16} : (tensor<2xf32>) -> tensor<2xf16>
  %0 = graph.add %x, %h : (tensor<2x2xf16>, tensor<2xf16>) -> tensor<2x2xf16>
  func.return %0, %c : tensor<2x2xf16>, tensor<2xf32>
}
"""


def parsed(text: str) -> ModuleOp:
    ctx = Context()
    for name, factory in {**get_all_dialects(), "builtin": lambda: Builtin, "func": lambda: Func}.items():
        ctx.register_dialect(name, factory)
    return Parser(ctx, text).parse_module()


def test_every_result_is_rounded_once() -> None:
    results = run_graph(parsed(TEXT), {"in put": np.ones((2, 2), np.float16)})
    assert list(results) == ["sum", "output1"]
    assert results["sum"].dtype == np.float16
    assert (results["sum"] == 2048 + 0).all()  # 2049 is 2048 in f16, and so is 2048 + 1
    assert (results["output1"] == 2049).all()


def test_runs_do_not_disturb_each_other() -> None:
    runner = GraphRunner(parsed(TEXT))
    first = runner.run({"in put": np.zeros((2, 2), np.float16)})
    runner.run({"in put": np.full((2, 2), 7, np.float16)})
    again = runner.run({"in put": np.zeros((2, 2), np.float16)})
    np.testing.assert_array_equal(first["sum"], again["sum"])


def test_an_observer_sees_every_op() -> None:
    seen: list[tuple[str, Array]] = []
    GraphRunner(parsed(TEXT)).run(
        {"in put": np.ones((2, 2), np.float16)}, lambda op, value: seen.append((op.name, value))
    )
    assert [name for name, _ in seen] == ["graph.cast", "graph.add"]
    assert seen[1][1].dtype == np.float32


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"missing input 'in put' \(tensor<2x2xf16>\)"),
        ({"input": np.ones((2, 2), np.float16)}, "no input is named 'input', did you mean 'in put'"),
        ({"in put": np.ones((2, 3), np.float16)}, r"is float16 \[2, 3\]; the model takes float16 \[2, 2\]"),
        ({"in put": np.ones((2, 2), np.float32)}, r"is float32 \[2, 2\]; the model takes float16 \[2, 2\]"),
    ],
)
def test_wrong_inputs(inputs: dict[str, Array], message: str) -> None:
    with pytest.raises(AicError, match=message):
        run_graph(parsed(TEXT), inputs)


def test_modules_that_it_cannot_run() -> None:
    with pytest.raises(AicError, match="no function @main"):
        run_graph(parsed("func.func @f() { func.return }"), {})
    with pytest.raises(AicError, match=r"func\.call is not an op of the graph dialect"):
        run_graph(parsed("func.func @main() { func.call @main() : () -> () func.return }"), {})


def test_a_weight_that_is_not_there() -> None:
    text = 'func.func @main() { %0 = graph.constant #aic.weight<"gone" : tensor<999xf32>> func.return }'
    with pytest.raises(AicError, match="weight 'gone' is not in the store"):
        run_graph(parsed(text), {})
