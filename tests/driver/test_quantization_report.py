"""`-quantization-report`: what quantization costs the trained digits, as a page and as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from aic.quantization_report import NodeSensitivity, QuantizationReport
from passes.quantization.files.profile import read_profile
from tests.models.digits import DIGITS_BN, DIGITS_DYN, digits_test
from tests.models.nodes import Nodes
from tools.aic_exec import main

SAMPLES = 2
_HALF_STEP = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images, their profile, and the reports of int8 and int16 by it."""
    folder = tmp_path_factory.mktemp("report")
    images = digits_test()[0][:SAMPLES]
    for number, image in enumerate(images):
        image.tofile(folder / f"{number}.raw")
    (folder / "list.txt").write_text("".join(f"{folder}/{number}.raw\n" for number in range(SAMPLES)))
    model = [f"-m={DIGITS_BN}", f"-input-list-file={folder}/list.txt"]
    assert main([*model, f"-dump-profile={folder}/profile.yaml"]) == 0
    for bits in (8, 16):
        asked = [f"-load-profile={folder}/profile.yaml", f"-quantization-precision=Int{bits}"]
        out = [f"-quantization-report={folder}/int{bits}.html", "-compile-only", f"-aic-binary-dir={folder}/qpc{bits}"]
        assert main([*model, *asked, "-enable-channelwise", "-enable-rowwise", *out]) == 0
    return folder


def report(folder: Path, bits: int) -> dict[str, Any]:
    return json.loads((folder / f"int{bits}.json").read_text())


def test_ranges_and_scales_are_those_of_the_profile(folder: Path) -> None:
    """The profile was made of the same images: nothing saturates, and ranges are equal."""
    records = read_profile(folder / "profile.yaml").records
    tensors = report(folder, 8)["tensors"]
    assert len(tensors) > 5
    for tensor in tensors:
        record = records[tensor["name"]]
        assert (tensor["low"], tensor["high"]) == (pytest.approx(record.low), pytest.approx(record.high))
        assert tensor["saturated"] == 0
        assert tensor["mean_steps"] <= tensor["largest_steps"]
    assert tensors[0]["largest_steps"] <= _HALF_STEP * 1.01, "an input is rounded once"


def test_every_node_on_integers_is_ranked_by_what_it_costs_alone(folder: Path) -> None:
    found = report(folder, 8)
    ratios = [node["sqnr_db"] for node in found["nodes"]]
    assert ratios == sorted(ratios)
    kinds = {node["kind"] for node in found["nodes"]}
    assert {"conv", "add", "matmul"} <= kinds
    whole = found["sqnr_db"]["logits"]
    assert all(ratio > whole - 3 for ratio in ratios), "one node costs no more than all of them"


def test_a_node_alone_reads_integers(tmp_path: Path) -> None:
    """Of a network of one node that is what quantization costs. Its result does not depend on what makes the steps of
    its operand so large.
    """
    nodes = Nodes(17)
    weight = nodes.random.normal(size=(8, 8))
    weight[0] = 0
    nodes.nodes.append(helper.make_node("MatMul", ["x", nodes.constant(weight)], ["y"], "only"))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, 8]) for name in ("x", "y")]
    graph = helper.make_graph(nodes.nodes, "one", ports[:1], ports[1:], nodes.initializers)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "one.onnx"
    )
    values = nodes.random.normal(size=(16, 8)).astype(np.float32)
    values[:, 0] = 100
    values.tofile(tmp_path / "x.raw")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/x.raw\n")
    out = [f"-quantization-report={tmp_path}/r.html", "-compile-only", f"-aic-binary-dir={tmp_path}/qpc"]
    inputs = [f"-input-list-file={tmp_path}/list.txt", "-convert-to-quantize"]
    assert main([f"-m={tmp_path}/one.onnx", *inputs, *out]) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    (node,) = found["nodes"]
    assert node["node"] == "only"
    assert node["sqnr_db"] < 15
    assert node["sqnr_db"] == pytest.approx(found["sqnr_db"]["y"], abs=0.01)
    assert [tensor["name"] for tensor in found["tensors"]] == ["x", "y"]


def test_wider_integers_cost_less(folder: Path) -> None:
    narrow, wide = report(folder, 8), report(folder, 16)
    assert wide["sqnr_db"]["logits"] > narrow["sqnr_db"]["logits"] + 20
    assert np.median([node["sqnr_db"] for node in wide["nodes"]]) > np.median(
        [node["sqnr_db"] for node in narrow["nodes"]]
    )


def test_the_page_names_every_node_and_tensor(folder: Path) -> None:
    page, found = (folder / "int8.html").read_text(), report(folder, 8)
    for name in [node["tensor"] for node in found["nodes"]] + [tensor["name"] for tensor in found["tensors"]]:
        assert f"<td>{name}</td>" in page


def test_samples_of_no_numbers_make_no_report(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = digits_test()[0][:1].copy()
    image[0, 0, 1, 2] = np.inf
    image.tofile(tmp_path / "inf.raw")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/inf.raw\n")
    asked = [f"-load-profile={folder}/profile.yaml", f"-quantization-report={tmp_path}/r.html"]
    out = ["-compile-only", f"-aic-binary-dir={tmp_path}/qpc"]
    assert main([f"-m={DIGITS_BN}", f"-input-list-file={tmp_path}/list.txt", *asked, *out]) == 1
    assert "inf.raw: input 'x' holds inf at [0, 0, 1, 2] (not finite: 1 of 64 values)" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"inf.raw", "list.txt"}


def test_the_json_knows_no_infinity(folder: Path) -> None:
    for bits in (8, 16):
        json.loads((folder / f"int{bits}.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    report = QuantizationReport("none", 1, {"y": float("inf")}, [], [NodeSensitivity("n", "t", "conv", float("inf"))])
    plain = report.as_plain()
    assert plain["sqnr_db"] == {"y": None}
    assert plain["nodes"][0]["sqnr_db"] is None


def test_each_specialization_has_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, inferences = digits_test()[0], []
    for batch in (1, 3):
        images[:batch].tofile(tmp_path / f"{batch}.raw")
        inferences.append([{"path": f"{tmp_path}/{batch}.raw", "dims": [batch, 1, 8, 8], "io-direction": "in"}])
    (tmp_path / "shapes.json").write_text(json.dumps({"specializations": [{"batch": "1"}, {"batch": "3"}]}))
    model = [f"-m={DIGITS_DYN}", f"-network-specialization-config={tmp_path}/shapes.json", "-convert-to-quantize"]
    out = [f"-quantization-report={tmp_path}/cost.html", "-to=quantize", f"-dump-dir={tmp_path}/ir"]
    (tmp_path / "io.json").write_text(json.dumps({"IO-files": inferences}))
    assert main([*model, f"-json-input-file={tmp_path}/io.json", *out]) == 0
    assert not (tmp_path / "cost.html").exists()
    for number, batch in enumerate((1, 3)):
        found = json.loads((tmp_path / f"cost.spec{number}.json").read_text())
        assert found["network"] == f"digits_cnn_dyn, spec{number} (batch={batch})"
        assert found["samples"] == 1
        assert len(found["nodes"]) > 5
        assert f"<h1>Quantization of digits_cnn_dyn, spec{number}" in (tmp_path / f"cost.spec{number}.html").read_text()
    (tmp_path / "io.json").write_text(json.dumps({"IO-files": inferences[:1]}))
    capsys.readouterr()
    assert main([*model, f"-json-input-file={tmp_path}/io.json", *out]) == 1
    assert "spec1 (batch=3)" in capsys.readouterr().err
