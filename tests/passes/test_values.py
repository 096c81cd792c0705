"""What each pass does to the modules of its lit test changes no value: run before, run after, compare."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp, StringAttr
from xdsl.dialects.func import Func, FuncOp
from xdsl.parser import Parser

from aic.interpreter.graph import GraphRunner
from dialects import get_all_dialects
from passes.pipelines.graph import FP16_PIPELINE
from tests.passes.running import apply

LIT = Path(__file__).parents[1] / "lit" / "passes"
PASSES = sorted({step.strip() for step in FP16_PIPELINE.split(",")})
CASES = [
    pytest.param(name, text, id=f"{name}-{number}")
    for name in PASSES
    for number, text in enumerate((LIT / f"{name}.mlir").read_text().split("// -----"))
    if "#aic.weight" not in text
]


def parsed(text: str) -> ModuleOp:
    """The module of one part of a lit test, its function renamed to `main`."""
    ctx = Context()
    for name, factory in (("builtin", lambda: Builtin), ("func", lambda: Func), *get_all_dialects().items()):
        ctx.register_dialect(name, factory)
    module = Parser(ctx, text).parse_module()
    function = module.body.block.first_op
    assert isinstance(function, FuncOp)
    function.sym_name = StringAttr("main")
    return module


def inputs_of(runner: GraphRunner) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(7)
    return {port.name: (4 * rng.random(port.type.get_shape()) + 0.5).astype(port.dtype) for port in runner.inputs}


@pytest.mark.parametrize(("name", "text"), CASES)
def test_values_stay(name: str, text: str) -> None:
    module = parsed(text)
    runner = GraphRunner(module)
    inputs = inputs_of(runner)
    expected = runner.run(inputs)
    after = GraphRunner(apply(module, name))
    actual = after.run({port.name: inputs[port.name].astype(port.dtype) for port in after.inputs})
    assert actual.keys() == expected.keys()
    for output, values in expected.items():
        np.testing.assert_allclose(actual[output], values, rtol=2e-3 if name == "convert-to-fp16" else 1e-5, atol=1e-6)


def test_every_pass_has_cases() -> None:
    assert {case.values[0] for case in CASES} == set(PASSES)
