"""Right compilations pass, and a mistake that is planted into any level is found and named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.validation import Drift, PassValidator
from passes.rewriting.precision import Precision
from tests.models import bert
from tests.models.digits import DIGITS_BN
from tests.validation import wrong_passes as wrong
from tests.validation.networks import three_convolutions
from tests.validation.wrong_passes import plant


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_convolutions(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
def test_no_pass_drifts(model: Path, cores: int, fp16: bool) -> None:
    validator = PassValidator()
    aic.compile(model, aic_num_cores=cores, convert_to_fp16=fp16, observer=validator)
    assert max(verdict.difference.used for verdict in validator.verdicts) < 0.7
    errors = {verdict.name: verdict.difference.error for verdict in validator.verdicts}
    assert (errors.get("convert-to-fp16", 0) > 1e-5) == fp16
    assert validator.verdicts[-1].phase == "emit"
    assert {verdict.name for verdict in validator.verdicts} >= {"simplify-graph", "shard-tensors", "insert-waits"}


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "bert.onnx"
    onnx.save(bert.bert("older", layers=1), path)
    return path


def test_a_transformer_does_not_drift(transformer: Path) -> None:
    validator = PassValidator()
    aic.compile(transformer, aic_num_cores=3, convert_to_fp16=True, observer=validator)
    used = {verdict.name: verdict.difference.used for verdict in validator.verdicts}
    # What is allowed is near what happens: a mask of the lowest number does not make everything possible.
    assert 0.01 < used["recognize-attention"] < 0.5
    assert 0.05 < used["convert-to-fp16"] < 0.7


@pytest.mark.parametrize(("phase", "precision"), [("graph", "the element types of the values"), ("quantize", "fp16")])
def test_a_mistake_in_a_transformer_is_named(
    transformer: Path, monkeypatch: pytest.MonkeyPatch, phase: str, precision: str
) -> None:
    promise = {"PRECISION": Precision.FP16} if phase == "quantize" else {}
    plant(monkeypatch, phase, wrong.scale_columns, **promise)
    with pytest.raises(Drift, match=f"(roundings (in|to) {precision})") as caught:
        aic.compile(transformer, convert_to_fp16=True, validate_passes=True)
    assert "first: graph.matmul of node '/layer.0/" in str(caught.value)


@pytest.mark.parametrize(
    ("phase", "change", "cores", "first"),
    [
        ("graph", wrong.perturb_constant, 1, "graph.conv of node 'second'"),
        ("graph", wrong.swap_operands, 1, "graph.sub of node 'subtract', which makes 'y'"),
        ("graph", wrong.drop_relu, 1, "graph.conv of node 'second'"),
        ("graph", wrong.turn_image, 1, "graph.conv of node 'first'"),
        ("graph", wrong.swap_outputs, 1, "outputs are returned wrongly"),
        ("shard", wrong.narrow_halo, 3, "leaves a module that cannot be run: graph.conv"),
        ("tile", wrong.shift_halo, 3, "tile.compute of node 'second'"),
        ("tile", wrong.send_less, 3, "tile.compute of node 'second'"),
        ("tile", wrong.store_early, 1, "outputs are returned wrongly"),
        ("schedule", wrong.shift_halo, 3, "tile.compute of node 'second'"),
    ],
)
def test_a_mistake_is_named(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    change: Callable[[ModuleOp], None],
    cores: int,
    first: str,
) -> None:
    plant(monkeypatch, phase, change)
    with pytest.raises(Drift) as caught:
        aic.compile(model, aic_num_cores=cores, validate_passes=True)
    assert f"phase {phase}, pass plant-mistake: " in str(caught.value)
    assert first in str(caught.value)


def test_a_mistake_in_fp16_is_told_from_rounding(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "shard", lambda module: None)
    aic.compile(model, convert_to_fp16=True, validate_passes=True)
    plant(monkeypatch, "tile", wrong.shift_halo)
    with pytest.raises(Drift, match="'second'"):
        aic.compile(model, aic_num_cores=3, convert_to_fp16=True, validate_passes=True)


def test_a_promise_of_equal_bits_is_kept_to_the_bit(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "graph", lambda module: wrong.perturb_constant(module, by=2e-7))
    aic.compile(model, validate_passes=True)
    plant(monkeypatch, "graph", lambda module: wrong.perturb_constant(module, by=2e-7), PRECISION=Precision.EXACT)
    with pytest.raises(Drift, match=r"\(equal bits\)\n  first: graph.conv of node 'second'"):
        aic.compile(model, validate_passes=True)


def test_a_qpc_with_other_constants_drifts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import aic.compiler

    emit_qpc = aic.compiler.emit_qpc

    def emitted_wrongly(module: ModuleOp, path: Path) -> None:
        """A bit of the first weight is another."""
        emit_qpc(module, path)
        from aic.load import load_qpc

        entry = next(iter(load_qpc(path).constants.entries.values()))
        content = bytearray(path.read_bytes())
        content[entry.offset + 2] ^= 0x40
        path.write_bytes(bytes(content))

    monkeypatch.setattr(aic.compiler, "emit_qpc", emitted_wrongly)
    with pytest.raises(Drift, match="pass the emitted and loaded QPC: values drift"):
        aic.compile(DIGITS_BN, validate_passes=True, aic_binary_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_of_f64_has_ports_of_f32(tmp_path: Path) -> None:
    """What it computes stays in f64, and is compared as such; in fp16 nothing is."""
    nodes = [
        helper.make_node("Erf", ["x"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
        helper.make_node("ReduceSum", ["b"], ["y"], keepdims=0),
    ]
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((4, 5)), "w")
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [])],
        [weight],
    )
    path = tmp_path / "wide.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    session = aic.Session(aic.compile(path, validate_passes=True).path)
    assert [port.dtype for port in (*session.inputs, *session.outputs)] == [np.float32, np.float32]
    validator = PassValidator()
    aic.compile(path, aic_num_cores=3, convert_to_fp16=True, observer=validator)
    errors = {verdict.name: verdict.difference.error for verdict in validator.verdicts}
    assert 0 < errors["narrow-ports"] < 1e-7
    assert 1e-5 < errors["convert-to-fp16"] < 1e-2
