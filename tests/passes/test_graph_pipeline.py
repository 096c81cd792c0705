"""The graph phase on whole networks, against onnxruntime: values in fp32 and fp16, and what the phase leaves."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy.typing as npt
import onnx
import pytest
from xdsl.dialects.builtin import ModuleOp, UnknownLoc

from aic.importer import import_model, import_proto
from aic.interpreter.graph import GraphRunner
from dialects.graph.base import GraphOp
from passes.pipelines.graph import FP16_PIPELINE, GRAPH_PIPELINE
from tests.models import bert, digits, light
from tests.models.exported import EXPORTED, exported_path
from tests.models.inputs import drawn_inputs
from tests.models.reference import FP16_BOUND, FP16_RATIO, FP32_BOUND, relative_error, rounded_to_fp16, run
from tests.passes.running import apply

QUICK = ("resnet50", "squeezenet")
SLOW = tuple(pytest.param(name, marks=pytest.mark.sweep) for name in light.LIGHT if name not in QUICK)


def graph_phase(path: Path, pipeline: str) -> ModuleOp:
    return apply(import_model(path), pipeline)


def count(module: ModuleOp) -> Counter[str]:
    """Graph ops that compute, by name."""
    return Counter(op.kernel_name() for op in module.walk() if isinstance(op, GraphOp))


@cache
def bert_path(flavour: bert.Flavour, folder: Path) -> Path:
    path = folder / f"bert_{flavour}.onnx"
    onnx.save(bert.bert(flavour), path)
    return path


def check(path: Path, inputs: Mapping[str, npt.NDArray[Any]], output: str) -> None:
    """Compares an output in fp32 and in fp16 with onnxruntime's."""
    expected = run(path, inputs)[output]
    exact = GraphRunner(graph_phase(path, GRAPH_PIPELINE)).run(inputs)[output]
    assert relative_error(exact, expected) <= FP32_BOUND
    half = GraphRunner(graph_phase(path, FP16_PIPELINE)).run(inputs)[output]
    assert half.dtype == expected.dtype
    error = relative_error(half, expected)
    assert error > 1e-5, "nothing was rounded"
    if error > FP16_BOUND:
        rounded = run(rounded_to_fp16(path), inputs)[output]
        assert error <= FP16_RATIO * relative_error(rounded, expected)


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_light_networks(name: str) -> None:
    path = light.drawn_path(name)
    runner = GraphRunner(graph_phase(path, GRAPH_PIPELINE))
    output = runner.outputs[-1].name
    image, other = light.image(1), light.image(2)
    check(path, {runner.inputs[0].name: image}, output)
    one, two = (runner.run({runner.inputs[0].name: values})[output] for values in (image, other))
    assert relative_error(one, two) > 0.02, "the output must tell inputs apart"


# Not SqueezeNet: its logits are equal numbers, so large that the last bit of a sum decides the Softmax, and how BLAS
# cuts sums is a matter of the processor.
@pytest.mark.parametrize("name", ["resnet50", *SLOW])
def test_shipped_outputs_of_light_networks(name: str) -> None:
    image, expected = light.light_example(name)
    runner = GraphRunner(graph_phase(light.light_path(name), GRAPH_PIPELINE))
    (result,) = runner.run({runner.inputs[0].name: image}).values()
    assert relative_error(result, expected) <= FP32_BOUND


def test_digits() -> None:
    images, classes, logits = digits.digits_test()
    for pipeline in (GRAPH_PIPELINE, FP16_PIPELINE):
        module = apply(import_model(digits.DIGITS_DYN, batch_size=450), pipeline)
        result = GraphRunner(module).run({"x": images})["logits"]
        assert relative_error(result, logits) <= (FP32_BOUND if pipeline == GRAPH_PIPELINE else FP16_BOUND)
        assert (result.argmax(axis=1) == classes).sum() == 448
    check(digits.DIGITS_BN, {"x": images[:1]}, "logits")


@pytest.mark.parametrize("flavour", get_args(bert.Flavour))
def test_two_layer_bert(flavour: bert.Flavour, tmp_path: Path) -> None:
    path = bert_path(flavour, tmp_path)
    check(path, bert.tokens(), "last_hidden_state")
    counts = count(graph_phase(path, GRAPH_PIPELINE))
    assert counts["attention"] == 2
    assert counts["layer_norm"] == 5
    assert counts["matmul"] == 2 * 6
    decomposed = ("softmax", "erf", "tanh", "reduce_mean", "sqrt", "isnan", "gelu", "gelu_tanh", "transpose", "div")
    assert not any(counts[name] for name in decomposed)


def test_residual_network_is_channels_last_and_fused() -> None:
    counts = count(graph_phase(light.drawn_path("resnet50"), GRAPH_PIPELINE))
    assert counts["conv"] == 53
    assert counts["add"] == 16
    assert counts["relu"] == 16, "others are applied by convolutions; these follow sums"
    assert counts["transpose"] == 1, "only the input is transposed"
    assert counts["batch_norm"] == counts["mul"] == 0


def test_every_op_knows_its_node() -> None:
    module = graph_phase(digits.DIGITS_BN, FP16_PIPELINE)
    unlocated = [op.name for op in module.walk() if isinstance(op, GraphOp) and isinstance(op.location, UnknownLoc)]
    assert set(unlocated) <= {"graph.cast"}, "only conversions of inputs belong to no node"


def test_the_phase_is_deterministic() -> None:
    first, second = (graph_phase(digits.DIGITS_BN, FP16_PIPELINE) for _ in range(2))
    assert str(first) == str(second)


def test_constants_beyond_fp16_are_named(caplog: pytest.LogCaptureFixture) -> None:
    apply(import_proto(bert.bert("older", layers=1)), FP16_PIPELINE)
    (record,) = caplog.records
    assert record.name == "aic"
    assert record.levelname == "WARNING"
    assert "constant" in record.getMessage()
    assert "65504" in record.getMessage()


def test_small_constants_are_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    graph_phase(digits.DIGITS_BN, FP16_PIPELINE)
    assert not caplog.records


@pytest.mark.sweep
@pytest.mark.parametrize("name", EXPORTED)
def test_exported_networks(name: str) -> None:
    path = exported_path(name)
    check(path, drawn_inputs(path), onnx.load(path, load_external_data=False).graph.output[0].name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in EXPORTED if name.startswith("bert_base")])
def test_what_the_exporters_wrote_is_recognized(name: str) -> None:
    counts = count(graph_phase(exported_path(name), GRAPH_PIPELINE))
    assert counts["attention"] == 12
    assert counts["layer_norm"] == 25
    assert counts["matmul"] == 12 * 6 + 1
    assert not any(counts[name] for name in ("softmax", "erf", "isnan", "gelu", "transpose"))
