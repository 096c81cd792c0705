"""Profiles know tensors by their names in the model, also where layouts were turned around it and back."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from passes.quantization.files.profile import read_profile
from tests.models import reference
from tests.models.nodes import Nodes
from tools.aic_exec import main

IMAGE = [1, 8, 8, 4]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As PyTorch exports what takes and makes images with their channels last: transposes at both ends, which cancel
    those around convolutions.
    """
    net = Nodes(17)
    weights = [net.constant(net.random.normal(size=s) / 4) for s in ((8, 4, 3, 3), (8, 8, 3, 3), (8, 8, 1, 1), (8, 3))]
    net.nodes += [
        helper.make_node("Transpose", ["image"], ["turned"], "to_nchw", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["turned", weights[0]], ["first"], "conv0", pads=[1] * 4),
        helper.make_node("Relu", ["first"], ["rectified"], "relu0"),
        helper.make_node("Conv", ["rectified", weights[1]], ["second"], "conv1", pads=[1] * 4),
        helper.make_node("Conv", ["second", weights[2]], ["third"], "conv2"),
        helper.make_node("MaxPool", ["third"], ["pooled"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Transpose", ["pooled"], ["back"], "to_nhwc", perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["back", weights[3]], ["y"], "project"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("image", IMAGE), ("y", [1, 4, 4, 3]))]
    graph = helper.make_graph(net.nodes, "layouts", ports[:1], ports[1:], net.initializers)
    path = tmp_path_factory.mktemp("layouts") / "layouts.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_records_are_those_of_the_models_tensors(model: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).standard_normal(IMAGE).astype(np.float32)
    image.tofile(tmp_path / "image.raw")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/image.raw\n")
    profile = tmp_path / "profile.yaml"
    assert main([f"-m={model}", f"-input-list-file={tmp_path}/list.txt", f"-dump-profile={profile}"]) == 0
    records = read_profile(profile).records
    assert set(records) == {"image", "rectified", "second", "third", "pooled", "y"}
    whole = onnx.load(model)
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in records if name not in ("image", "y"))
    expected = {"image": image, **reference.run(whole, {"image": image})}
    for name, record in records.items():
        ends = (expected[name].min(), expected[name].max())
        assert (record.low, record.high) == pytest.approx(ends, abs=1e-4), name


def test_external_scales_are_for_the_models_tensors(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoded = {"image": 0.03125, "rectified": 0.0625, "second": 0.125, "third": 0.25}
    lines = [f"- {{NodeOutputName: {name}, Scale: {scale}, Offset: 0}}" for name, scale in encoded.items()]
    (tmp_path / "scales.yaml").write_text("\n".join(lines) + "\n")
    options = [f"-external-quantization={tmp_path}/scales.yaml", f"-weights={tmp_path}/weights", "-to=quantize"]
    assert main([f"-m={model}", *options]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if "= quantized.conv" in line]
    for line, scale in zip(found, (0.0625, 0.125, 0.25), strict=True):
        assert f"to = !quantized.uniform<i8, {scale} : 0>" in line


def test_steps_of_a_node_have_the_name_of_its_tensor(model: Path, tmp_path: Path) -> None:
    """A tensor that is asked for in the model's layout comes twice: as it is computed, and as it is given."""
    profile = tmp_path / "profile.yaml"
    options = [f"-m={model}", "-use-random-input-data", "-output-node-name=second", f"-dump-profile={profile}"]
    assert main(options) == 0
    records = read_profile(profile).records
    assert set(records) == {"image", "rectified", "second", "second__1", "third", "pooled", "y"}
    given, computed = records["second"], records["second__1"]
    assert (given.low, given.high) == (computed.low, computed.high)
    assert (given.counts == computed.counts).all()


def test_a_profile_without_records_is_told(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "profile.yaml"
    assert main([f"-m={model}", "-use-random-input-data", f"-dump-profile={profile}"]) == 0
    text = profile.read_text()
    profile.write_text(text[: text.index("- NodeOutputName")] + "[]\n...\n")
    assert main([f"-m={model}", f"-load-profile={profile}", "-run-on-interpreter"]) == 0
    assert f"{profile}: it has no record of any tensor of the network" in capsys.readouterr().err


def test_profiling_tells_the_times_of_its_passes(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-use-random-input-data", f"-dump-profile={tmp_path}/profile.yaml", "-time-passes", "-validate-passes"]
    assert main([f"-m={model}", *options]) == 0
    told = capsys.readouterr().err
    assert "sink-transposes" in told.split("values before and after each pass")[1]
    assert told.count("sink-transposes") == 2
