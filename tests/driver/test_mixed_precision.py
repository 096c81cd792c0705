"""Nodes in fp16 in a network that is not quantized, and nodes in the model's precision."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

import aic
from aic.qpc.container import QPC_FILE
from tests.models import reference
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.encoder import ENCODER, encoder_test
from tests.models.nodes import Nodes
from tools.aic_exec import main

MODEL = f"-m={DIGITS_BN}"
IMAGE = digits_test()[0][:1]
BATCH = 100
"""Examples for the encoder."""


def listing(folder: Path, *names: str) -> Path:
    """A file of nodes by their first outputs."""
    path = folder / "nodes.yaml"
    path.write_text(f"FP16NodeInstanceNames: [{', '.join(names)}]\n")
    return path


def text_after(phase: str, capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    """The module of the digits network after a phase."""
    capsys.readouterr()
    assert main([MODEL, *arguments, f"-to={phase}", f"-weights={folder}/w"]) == 0
    return capsys.readouterr().out


def made(text: str, kind: str) -> list[str]:
    """The element types of the results of ops of one kind, in order."""
    return re.findall(rf"= {kind} .*-> tensor<(?:\d+x)*([a-z0-9]+)>", text)


@pytest.mark.parametrize(
    ("listed", "options", "convolutions", "products", "casts"),
    [
        ((), ["-execute-nodes-in-fp16=Gemm"], ["f32"] * 4, ["f16", "f16"], 4),
        ((), ["-execute-nodes-in-fp16=Gemm,Relu"], ["f32"] * 4, ["f16", "f16"], 10),
        (("/2/Relu_output_0",), [], ["f32"] * 4, ["f32", "f32"], 2),
        (("/0/Conv_output_0", "logits"), [], ["f16", "f32", "f32", "f32"], ["f32", "f16"], 4),
        (("/0/Conv_output_0",), ["-keep-original-precision-for-nodes=Conv"], ["f16", *["f32"] * 3], ["f32"] * 2, 2),
        (("/9/AveragePool_output_0", "/11/Gemm_output_0"), [], ["f32"] * 4, ["f16", "f32"], 2),
    ],
)
def test_listed_nodes_are_in_fp16_and_others_in_fp32(
    listed: Sequence[str],
    options: list[str],
    convolutions: list[str],
    products: list[str],
    casts: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [f"-node-precision-info={listing(tmp_path, *listed)}"] if listed else []
    text = text_after("graph", capsys, tmp_path, *files, *options)
    assert made(text, "graph.conv") == convolutions
    assert made(text, "graph.matmul") == products
    assert text.count("= graph.cast") == casts


def _with_casts(*, explicit: bool) -> onnx.ModelProto:
    """Three products with functions between them; the one in the middle in fp16, if that is to be said in the model."""
    nodes = Nodes(17, seed=5)
    x = nodes.op("Tanh", nodes.op("MatMul", "x", nodes.drawn(24, 32, scale=0.2)))
    weight = nodes.drawn(32, 40, scale=0.2)
    if explicit:
        x, weight = (nodes.op("Cast", each, to=TensorProto.FLOAT16) for each in (x, weight))
    x = nodes.op("MatMul", x, weight)
    if explicit:
        x = nodes.op("Cast", x, to=TensorProto.FLOAT)
    x = nodes.op("Sigmoid", x)
    nodes.nodes.append(helper.make_node("MatMul", [x, nodes.drawn(40, 8, scale=0.2)], ["y"], "last"))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [6, n]) for name, n in (("x", 24), ("y", 8))]
    graph = helper.make_graph(nodes.nodes, "products", ports[:1], ports[1:], nodes.initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("cores", [1, 3])
def test_what_is_computed_is_what_conversions_in_the_model_say(cores: int, tmp_path: Path) -> None:
    """Bit for bit; it is near onnxruntime's fp32, and not the same."""
    model = _with_casts(explicit=False)
    middle = [node.output[0] for node in model.graph.node if node.op_type == "MatMul"][1]
    for name, proto in (("listed", model), ("explicit", _with_casts(explicit=True))):
        onnx.save(proto, tmp_path / f"{name}.onnx")
    x: npt.NDArray[np.float32] = np.random.default_rng(0).standard_normal((6, 24), np.float32)
    qpcs = [
        aic.compile(
            tmp_path / "listed.onnx",
            node_precision_info=listing(tmp_path, middle),
            aic_num_cores=cores,
            validate_passes=True,
        ),
        aic.compile(tmp_path / "explicit.onnx", aic_num_cores=cores),
    ]
    listed, explicit = (aic.Session(qpc.path).run({"x": x})["y"] for qpc in qpcs)
    np.testing.assert_array_equal(listed, explicit)
    expected = reference.run(model, {"x": x})["y"]
    assert reference.FP32_BOUND < reference.relative_error(listed, expected) < reference.FP16_BOUND


def test_all_nodes_listed_are_those_of_fp16(tmp_path: Path) -> None:
    """A network of which every node is listed computes as one that is converted."""
    names = [name for node in onnx.load(DIGITS_BN).graph.node for name in node.output]
    mixed = aic.compile(DIGITS_BN, node_precision_info=listing(tmp_path, *names))
    whole = aic.compile(DIGITS_BN, convert_to_fp16=True)
    logits, expected = (aic.Session(qpc.path).run({"x": IMAGE})["logits"] for qpc in (mixed, whole))
    np.testing.assert_array_equal(logits, expected)


def test_the_text_in_between_says_what_is_listed(tmp_path: Path) -> None:
    file = listing(tmp_path, "/2/Relu_output_0")
    ends = ["-compile-only", f"-dump-dir={tmp_path}/ir"]
    assert main([MODEL, f"-node-precision-info={file}", *ends, f"-aic-binary-dir={tmp_path}/whole"]) == 0
    for number, phase, following in ((0, "import", "graph"), (1, "graph", "quantize")):
        text, out = tmp_path / "ir" / f"{number:02d}.{phase}.mlir", tmp_path / following
        assert main([f"-m={text}", f"-from={following}", "-compile-only", f"-aic-binary-dir={out}"]) == 0
        assert (out / QPC_FILE).read_bytes() == (tmp_path / "whole" / QPC_FILE).read_bytes()


def test_what_says_nothing_of_such_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = listing(tmp_path, "/2/Relu_output_0")
    given = f"-node-precision-info={file}"
    text = tmp_path / "graph.mlir"
    text.write_text(text_after("graph", capsys, tmp_path))
    for arguments, message in (
        ([MODEL, given, "-convert-to-fp16"], "-convert-to-fp16 has all nodes in fp16 where nothing is quantized"),
        ([f"-m={text}", given, "-from=shard"], "precision belongs to the phase graph, which is done with -from=shard"),
        (
            [MODEL, given, "-quantization-report=r.html", "-use-random-input-data"],
            "-quantization-report: nothing is quantized without",
        ),
    ):
        assert main(arguments) == 1
        assert message in capsys.readouterr().err
    file.write_text("FP16NodeInstanceNames: [/2/Relu]\n")
    assert main([MODEL, given]) == 1
    assert "no node's first output: '/2/Relu'; did you mean" in capsys.readouterr().err


def test_a_trained_network_with_its_products_in_fp16(tmp_path: Path) -> None:
    """All matrix products in fp16, softmax and normalizations in fp32: nearer to onnxruntime than all in fp16."""
    tokens = {name: array[:BATCH] for name, array in encoder_test()[0].items()}
    products = [node.output[0] for node in onnx.load(ENCODER).graph.node if node.op_type in ("MatMul", "Gemm")]
    file = listing(tmp_path, *products)
    common: dict[str, Any] = {"onnx_define_symbol": {"batch": BATCH}, "aic_num_cores": 4}
    mixed = aic.compile(
        ENCODER,
        node_precision_info=file,
        keep_original_precision_for_nodes=["Softmax", "LayerNormalization"],
        dump_dir=tmp_path / "ir",
        **common,
    )
    whole = aic.compile(ENCODER, convert_to_fp16=True, **common)
    logits, rounded = (aic.Session(qpc.path).run(tokens)["logits"] for qpc in (mixed, whole))
    text = (tmp_path / "ir" / "01.graph.mlir").read_text()
    assert set(made(text, "graph.matmul")) == {"f16"}
    assert set(made(text, "graph.layer_norm")) == {"f32"}
    expected = reference.run(ENCODER, tokens)["logits"]
    error, rounded_error = (reference.relative_error(each, expected) for each in (logits, rounded))
    assert reference.FP32_BOUND < error < rounded_error < 2 * reference.FP16_BOUND
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.99
