"""-ols: operations run in parts, so that HMX works on one part while HVX works on the part before it."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.e2e.effects import Compiled, compile_and_run
from tests.models.reference import FP16_BOUND, relative_error, run

SHAPE = (1, 128, 64, 64)
DRAW = np.random.default_rng(5)
INPUTS = {"image": DRAW.standard_normal(SHAPE).astype(np.float32)}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Compiles and runs convolutions on HMX with sines on HVX between them; the values are checked."""
    model = tmp_path_factory.mktemp("splitting") / "model.onnx"
    weight = (DRAW.standard_normal((128, 128, 3, 3)) / 34).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Sin", ["c1"], ["s1"], "sin1"),
        helper.make_node("Conv", ["s1", "w"], ["c2"], "conv2", pads=[1, 1, 1, 1]),
        helper.make_node("Sin", ["c2"], ["y"], "sin2"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ("image", "y")]
    graph = helper.make_graph(nodes, "split", ports[:1], ports[1:], [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    (expected,) = run(model, INPUTS).values()

    def checked(*options: str) -> Compiled:
        found = compile_and_run(model, INPUTS, options, tmp_path_factory.mktemp("run"))
        assert relative_error(found.outputs[0].reshape(SHAPE), expected) < FP16_BOUND
        return found

    return checked


def test_ols(compiled: Any) -> None:
    """More parts are more calls, in less time; by itself the compiler chooses as many as are worth their starts."""
    chosen, one, two, four = (compiled(*options) for options in ((), ("-ols=1",), ("-ols=2",), ("-ols=4",)))
    assert [found.calls("conv1") for found in (one, two, four)] == [1, 2, 4]
    assert [found.ir["tile"].count("tile.for 4 {") > 4 for found in (one, two, four)] == [False, False, True]
    assert "aic.tuning = {ols = 4 : i64}" in four.ir["tile"]
    assert one.report["device_us"] > two.report["device_us"] > four.report["device_us"]
    assert chosen.calls("conv1") > 1
    assert chosen.report["device_us"] < 0.85 * one.report["device_us"]


def test_on_several_cores(compiled: Any) -> None:
    one, four = (compiled("-aic-num-cores=3", f"-ols={parts}") for parts in (1, 4))
    assert [found.calls("conv1") for found in (one, four)] == [1, 4]
    assert four.report["device_us"] < one.report["device_us"]
