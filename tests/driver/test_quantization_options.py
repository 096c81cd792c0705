"""Quantization from the command line, end to end on the trained digits: profiles, settings, mistakes."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from aic.options import OPTIONS
from aic.qpc.container import QPC_FILE
from passes.quantization.files.profile import Profile, read_profile
from tests.models.digits import DIGITS_BN, DIGITS_DYN, digits_test
from tests.models.nodes import Nodes
from tools.aic_exec import main

SAMPLES = 8
MODEL = f"-m={DIGITS_BN}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images `list.txt`, and a profile of them `profile.yaml`."""
    folder = tmp_path_factory.mktemp("quantization")
    write_list(folder / "list.txt", digits_test()[0][:SAMPLES])
    assert main([MODEL, f"-input-list-file={folder}/list.txt", f"-dump-profile={folder}/profile.yaml"]) == 0
    return folder


def write_list(path: Path, images: npt.NDArray[np.float32], batch: int = 1) -> None:
    """A list of raw files, one per inference."""
    lines: list[str] = []
    for number, image in enumerate(images.reshape(-1, batch, *images.shape[1:])):
        file = path.with_name(f"{path.stem}{number}_of_{batch}.raw")
        image.tofile(file)
        lines.append(str(file))
    path.write_text("\n".join(lines) + "\n")


def compiled(folder: Path, name: str, *arguments: str) -> bytes:
    """The QPC of a command line."""
    out = folder / f"qpc_{name}"
    assert main([MODEL, "-compile-only", f"-aic-binary-dir={out}", *arguments]) == 0
    return (out / QPC_FILE).read_bytes()


def logits(folder: Path, out: Path, *arguments: str) -> npt.NDArray[np.float32]:
    """What the network makes of the images."""
    assert main([MODEL, f"-input-list-file={folder}/list.txt", f"-write-output-dir={out}", *arguments]) == 0
    return np.stack([np.fromfile(out / f"logits-activation-0-inf-{n}.bin", np.float32) for n in range(SAMPLES)])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one message of a command line that is wrong."""
    capsys.readouterr()
    assert main([*arguments]) == 1
    message = capsys.readouterr().err
    assert message.startswith("aic-exec: error: ")
    return message


def text_after(phase: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The module after a phase."""
    capsys.readouterr()
    assert main([*arguments, f"-to={phase}"]) == 0
    return capsys.readouterr().out


# --------------------------------------------------------------------------------------------------------- profiles


def test_dumped_loaded_and_made_on_the_way_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    settings = ["-quantization-schema-activations=asymmetric", "-quantization-calibration=MSE", "-enable-channelwise"]
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_bytes((folder / "profile.yaml").read_bytes())
    loaded, moved = (
        compiled(tmp_path, path.stem, f"-load-profile={path}", *settings)
        for path in (folder / "profile.yaml", elsewhere)
    )
    made = compiled(tmp_path, "made", "-convert-to-quantize", f"-input-list-file={folder}/list.txt", *settings)
    assert loaded == moved == made


def test_threads_do_not_change_a_profile(folder: Path, tmp_path: Path) -> None:
    profiles = [tmp_path / f"{threads}.yaml" for threads in (1, 3)]
    for threads, path in zip((1, 3), profiles, strict=True):
        options = [f"-dump-profile={path}", f"-profiling-threads={threads}", "-num-histogram-bins=16"]
        assert main([MODEL, f"-input-list-file={folder}/list.txt", *options]) == 0
    assert profiles[0].read_bytes() == profiles[1].read_bytes()
    assert all(line.count(",") == 15 for line in profiles[0].read_text().splitlines() if "Histogram" in line)


def test_a_profile_is_of_any_batch_size(tmp_path: Path) -> None:
    profiles: list[Profile] = []
    for batch, other in ((1, 4), (4, 1)):
        write_list(tmp_path / f"{batch}.txt", digits_test()[0][:SAMPLES], batch)
        model, profile = [f"-m={DIGITS_DYN}", f"-onnx-define-symbol=batch,{batch}"], tmp_path / f"{batch}.yaml"
        assert main([*model, f"-input-list-file={tmp_path}/{batch}.txt", f"-dump-profile={profile}"]) == 0
        loading = [f"-m={DIGITS_DYN}", f"-onnx-define-symbol=batch,{other}", f"-load-profile={profile}"]
        assert main([*loading, "-compile-only", f"-aic-binary-dir={tmp_path}/{other}"]) == 0
        profiles.append(read_profile(profile))
    one, four = profiles
    assert one.graph_hash == four.graph_hash
    assert one.records.keys() == four.records.keys()
    for name, record in one.records.items():
        assert (record.low, record.high) == pytest.approx((four.records[name].low, four.records[name].high), rel=1e-5)


def test_what_phases_write_goes_on_to_the_same_qpc(folder: Path, tmp_path: Path) -> None:
    profile = f"-load-profile={folder}/profile.yaml"
    whole = compiled(tmp_path, "whole", profile, "-execute-nodes-in-fp16=MaxPool", f"-dump-dir={tmp_path}/ir")
    for number, phase, following in ((1, "graph", "quantize"), (2, "quantize", "partition"), (4, "shard", "tile")):
        text = tmp_path / "ir" / f"{number:02d}.{phase}.mlir"
        options = [profile] if following == "quantize" else []
        out = tmp_path / following
        assert main([f"-m={text}", f"-from={following}", "-compile-only", f"-aic-binary-dir={out}", *options]) == 0
        assert (out / QPC_FILE).read_bytes() == whole, following


# --------------------------------------------------------------------------------------------------------- settings

LISTED = "FP16NodeInstanceNames: [/2/Relu_output_0]\n"
ENCODED = """
- {NodeOutputName: x, Scale: 0.0625, Offset: 0}
- {NodeOutputName: /2/Relu_output_0, Scale: 0.0625, Offset: -128}
"""
SETTINGS: dict[str, tuple[Sequence[str], float]] = {
    "-quantization-schema-activations": (["asymmetric"], 0.04),
    "-quantization-schema-constants": (["symmetric_with_power2_scale"], 0.06),
    "-quantization-calibration": (["KLMinimization"], 0.06),
    "-percentile-calibration-value": (["99", "-quantization-calibration=Percentile"], 0.3),
    "-quantization-precision": (["Int16", "-enable-channelwise", "-enable-rowwise"], 3e-4),
    "-quantization-precision-bias": (["Int8"], 0.06),
    "-enable-channelwise": ([], 0.04),
    "-enable-rowwise": ([], 0.04),
    "-execute-nodes-in-fp16": (["Conv"], 0.04),
    "-keep-original-precision-for-nodes": (["Gemm"], 0.04),
    "-node-precision-info": (["{folder}/listed.yaml"], 0.04),
    "-external-quantization": (["{folder}/encoded.yaml"], 0.05),
}
"""Options with a value, and the error that outputs may have."""
OTHERS = (
    "custom-IO-list-file",
    "dump-custom-IO-config-template",
    "convert-to-fp16",
    "dump-profile",
    "load-profile",
    "convert-to-quantize",
    "num-histogram-bins",
    "profiling-threads",
    "quantization-report",
    "quantization-bias-correction",
    "quantization-cross-layer-equalization",
    "quantization-smoothquant",
)
"""Options of the two groups that other tests are about."""


def test_every_option_is_tested_here() -> None:
    groups = [option.name for option in OPTIONS if option.supported and option.group in ("quantization", "precision")]
    assert sorted(groups) == sorted([*OTHERS, *(name[1:] for name in SETTINGS)])


@pytest.fixture(scope="module")
def default_qpc(folder: Path) -> bytes:
    """The QPC by the profile alone."""
    return compiled(folder, "default", f"-load-profile={folder}/profile.yaml")


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_change_the_qpc_and_keep_the_outputs(
    name: str, folder: Path, default_qpc: bytes, tmp_path: Path
) -> None:
    (folder / "listed.yaml").write_text(LISTED)
    (folder / "encoded.yaml").write_text(ENCODED)
    values, bound = SETTINGS[name]
    first, *more = [value.format(folder=folder) for value in values] or ["true"]
    arguments = [f"-load-profile={folder}/profile.yaml", f"{name}={first}", *more]
    out = tmp_path / "qpc"
    made = logits(folder, tmp_path / "out", *arguments, f"-aic-binary-dir={out}")
    assert (out / QPC_FILE).read_bytes() != default_qpc
    expected = digits_test()[2][:SAMPLES]
    error = np.abs(made - expected).max() / np.abs(expected).max()
    assert 0 < error < bound
    assert (made.argmax(1) == expected.argmax(1)).all()


def test_fp16_for_all_else_makes_kept_nodes_fp16(folder: Path, tmp_path: Path) -> None:
    profile = f"-load-profile={folder}/profile.yaml"
    kept = "-keep-original-precision-for-nodes=MaxPool"
    listed = compiled(tmp_path, "listed", profile, "-execute-nodes-in-fp16=MaxPool")
    assert compiled(tmp_path, "both", profile, kept, "-convert-to-fp16") == listed
    assert compiled(tmp_path, "kept", profile, kept) != listed
    assert compiled(tmp_path, "twice", profile, kept, "-execute-nodes-in-fp16=MaxPool") == listed


# ---------------------------------------------------------------------------------------------------- mixed precision


@pytest.fixture(scope="module")
def gelu(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments for a network with a GELU in five nodes between two products, quantized on the way."""
    nodes = Nodes(17)
    weights = [nodes.constant(nodes.random.normal(size=shape) / 4) for shape in ((16, 16), (16, 8))]
    x = nodes.op("MatMul", "x", weights[0])
    gate = nodes.op("Erf", nodes.op("Div", x, nodes.constant(np.sqrt(2))))
    x = nodes.op("Mul", nodes.op("Mul", x, nodes.op("Add", gate, nodes.constant(1.0))), nodes.constant(0.5))
    nodes.nodes.append(helper.make_node("MatMul", [x, weights[1]], ["y"], "last"))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, n]) for name, n in (("x", 16), ("y", 8))]
    graph = helper.make_graph(nodes.nodes, "gelu", ports[:1], ports[1:], nodes.initializers)
    path = tmp_path_factory.mktemp("gelu") / "gelu.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return [f"-m={path}", "-convert-to-quantize", "-use-random-input-data=gaussian"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"quantized.look_up": 1, "quantized.matmul": 2}),
        (["-execute-nodes-in-fp16=Erf"], {"graph.gelu f16": 1, "quantized.matmul": 2}),
        (["-keep-original-precision-for-nodes=Div"], {"graph.gelu f32": 1, "quantized.matmul": 2}),
        (["-keep-original-precision-for-nodes=MatMul"], {"graph.matmul f32": 2, "graph.cast": 2, "graph.gelu f16": 1}),
        (
            ["-keep-original-precision-for-nodes=MatMul,Erf", "-execute-nodes-in-fp16=Add"],
            {"graph.matmul f32": 2, "graph.cast": 2, "graph.gelu f16": 1},
        ),
        (["-keep-original-precision-for-nodes=MatMul,Erf"], {"graph.matmul f32": 2, "graph.gelu f32": 1}),
    ],
)
def test_precisions_meet(
    options: list[str], expected: dict[str, int], gelu: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = text_after("quantize", capsys, *gelu, *options)
    kinds = ("graph.gelu", "graph.matmul", "graph.cast", "quantized.matmul", "quantized.look_up")
    found: dict[str, int] = {}
    for kind, element in re.findall(r"= ([a-z_.]+) .*-> tensor<(?:\d+x)*([a-z0-9]+|!.*)>", text):
        if kind in kinds:
            name = f"{kind} {element}" if kind in ("graph.gelu", "graph.matmul") else kind
            found[name] = found.get(name, 0) + 1
    assert found == expected


@pytest.mark.parametrize("listed", ["/0/Conv_output_0", "/1/BatchNormalization_output_0", "/2/Relu_output_0"])
def test_an_op_that_stands_for_several_nodes_is_listed_by_any_of_them(
    listed: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "listed.yaml").write_text(f"FP16NodeInstanceNames: [{listed}]\n")
    profile = f"-load-profile={folder}/profile.yaml"
    options = [profile, f"-node-precision-info={tmp_path}/listed.yaml", f"-weights={tmp_path}/weights"]
    text = text_after("quantize", capsys, MODEL, *options)
    assert len(re.findall(r"= graph.conv .*-> tensor<1x8x8x16xf16>", text)) == 1
    assert text.count("= quantized.conv") == 3


def test_nodes_are_found_whose_tensors_are_gone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"-load-profile={folder}/profile.yaml", f"-weights={tmp_path}/weights"]
    pooled = re.compile(r"= graph.max_pool .*-> tensor<1x4x4x16xf16>")
    assert pooled.search(text_after("quantize", capsys, MODEL, *options)) is None
    text = text_after("quantize", capsys, MODEL, *options, "-execute-nodes-in-fp16=MaxPool")
    assert pooled.search(text)
    assert text.count("= quantized.conv") == 4


def test_nodes_that_compute_no_values_keep_nobody_in_float(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = Nodes(17)
    weight = nodes.op("Sqrt", nodes.constant(nodes.random.random(size=(16, 16))))
    x = nodes.op("Transpose", nodes.op("Transpose", nodes.op("MatMul", "x", weight), perm=[1, 0]), perm=[1, 0])
    rows = nodes.op("Gather", nodes.op("Shape", "x"), nodes.constant([0], np.int64))
    shape = nodes.op("Concat", rows, nodes.constant([16], np.int64), axis=0)
    nodes.nodes.append(helper.make_node("MatMul", [nodes.op("Reshape", x, shape), weight], ["y"], "last"))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 16]) for name in ("x", "y")]
    graph = helper.make_graph(nodes.nodes, "shapes", ports[:1], ports[1:], nodes.initializers)
    path = tmp_path / "shapes.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    options = [f"-m={path}", "-convert-to-quantize", "-use-random-input-data"]
    listed = "-execute-nodes-in-fp16=Sqrt,Transpose,Reshape,Gather,Shape,Concat"
    assert text_after("quantize", capsys, *options, listed).count("= quantized.matmul") == 2


# ---------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-convert-to-quantize", "-load-profile=p"], "-convert-to-quantize profiles and quantizes by itself"),
        (["-convert-to-quantize", "-dump-profile=p"], "-convert-to-quantize profiles and quantizes by itself"),
        (["-dump-profile=p", "-load-profile=q"], "-dump-profile is made in floating point"),
        (["-dump-profile=p", "-external-quantization=q"], "-dump-profile is made in floating point"),
        (["-dump-profile=p", "-aic-binary-dir=o"], "-dump-profile stops when the profile is made: it excludes"),
        (["-dump-profile=p", "-quantization-report=r"], "-dump-profile stops when the profile is made: it excludes"),
        (["-load-profile=p", "-quantization-report=r.json"], "the same as JSON lies beside it, under this very name"),
        (["-load-profile=p", "-profiling-threads=2"], "-profiling-threads: a profile is made by"),
        (["-num-histogram-bins=4"], "-num-histogram-bins: a profile is made by"),
        (["-enable-channelwise"], "-enable-channelwise: nothing is quantized without"),
        (
            ["-keep-original-precision-for-nodes=Conv"],
            "-keep-original-precision-for-nodes: nothing is quantized without",
        ),
        (["-load-profile=p", "-percentile-calibration-value=99"], "is for -quantization-calibration=Percentile"),
        (["-convert-to-quantize", "-from=quantize"], "profiles are made of the model"),
        (["-load-profile=p", "-from=shard"], "quantization belongs to the phase quantize: it excludes -from=shard"),
        (["-load-profile=p", "-from=quantize", "-execute-nodes-in-fp16=Relu"], "operators of the model, which IR text"),
        (["-load-profile=p", "-quantization-precision=Int4"], "must be Int8 or Int16"),
        (["-load-profile=p", "-percentile-calibration-value=80"], "must be at least 90"),
        (["-convert-to-quantize"], "needs -input-list-file=<list>, -json-input-file=<file>, or -use-random-input-data"),
        (["-dump-profile=p"], "needs -input-list-file=<list>, -json-input-file=<file>, or -use-random-input-data"),
    ],
)
def test_what_excludes_what(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    text = refusal(capsys, MODEL, *arguments)
    assert message in text
    assert len(text.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_samples_that_do_not_fit(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "p.yaml"
    image = np.zeros((1, 1, 8, 8), np.float32)
    image[0, 0, 2, 3] = np.nan
    image[0, 0, 5, 5] = np.inf
    image.tofile(tmp_path / "nan.raw")
    image[..., 0].tofile(tmp_path / "short.raw")
    good = (folder / "list.txt").read_text().splitlines()[0]
    for wrong, message in (
        (
            "nan.raw",
            f"list.txt:2: {tmp_path}/nan.raw: input 'x' holds nan at [0, 0, 2, 3] (not finite: 2 of 64 values)",
        ),
        ("short.raw", f"list.txt:2: {tmp_path}/short.raw has 32 bytes; 'x' float32[1, 1, 8, 8] takes 256"),
        ("none.raw", f"list.txt:2: {tmp_path}/none.raw: there is no such file"),
    ):
        (tmp_path / "list.txt").write_text(f"{good}\n{tmp_path / wrong}\n")
        for options in ([f"-dump-profile={out}"], ["-convert-to-quantize", "-compile-only", f"-aic-binary-dir={out}"]):
            assert message in refusal(capsys, MODEL, f"-input-list-file={tmp_path}/list.txt", *options)
            assert not out.exists()


def test_profiles_that_do_not_fit(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = (folder / "profile.yaml").read_text()
    wrong = tmp_path / "wrong.yaml"

    def loading(text: str, model: Path = DIGITS_BN) -> str:
        wrong.write_text(text)
        out = tmp_path / "out"
        target = ["-batchsize=1", "-compile-only", f"-aic-binary-dir={out}"]
        message = refusal(capsys, f"-m={model}", f"-load-profile={wrong}", *target)
        assert not out.exists()
        return message

    assert "is the profile of another model" in loading(good, DIGITS_DYN)
    assert re.search(r"wrong.yaml:\d+: '/10/Flatten.*': Min 1.0 is above Max 0.5", loading(turned(good)))
    assert "not a quantization profile" in loading("GlowToolsVersion: 1\n")
    wrong.unlink()
    missing = refusal(capsys, MODEL, f"-load-profile={wrong}", "-run-on-interpreter")
    assert f"{wrong}: cannot read a quantization profile: No such file or directory" in missing


def turned(profile: str) -> str:
    """A profile in which one range ends before it begins."""
    start = profile.index("/10/Flatten")
    record = re.sub(r"Min: .*\n  Max: .*", "Min: 1.0\n  Max: 0.5", profile[start:], count=1)
    return profile[:start] + record


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("-execute-nodes-in-fp16=Cov", "", "no operator of the model: 'Cov'; did you mean 'Conv'?"),
        ("-keep-original-precision-for-nodes=Softmax", "", "no operator of the model: 'Softmax'; there are"),
        (
            "-node-precision-info={file}",
            "FP16NodeInstanceNames: [/2/Relu_output, logits]",
            "no node's first output: '/2/Relu_output'; did you mean '/2/Relu_output_0'",
        ),
        (
            "-external-quantization={file}",
            "- {{NodeOutputName: 0.weights, Scale: 1, Offset: 0}}\n- {{NodeOutputName: none, Scale: 1, Offset: 0}}",
            "no tensor of the model:\n  '0.weights'; did you mean '0.weight'",
        ),
        (
            "-external-quantization={file}",
            "- {{NodeOutputName: 13.weight, Axis: 1, Scale: [1, 2], Offset: [0, 0]}}",
            "encodings that do not fit the model:\n  '13.weight': 2 scales for 10 output channels",
        ),
    ],
)
def test_names_that_the_model_does_not_have(
    option: str, text: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "names.yaml"
    file.write_text(text.format())
    out = tmp_path / "out"
    options = [option.format(file=file), f"-load-profile={folder}/profile.yaml"]
    assert message in refusal(capsys, MODEL, "-compile-only", f"-aic-binary-dir={out}", *options)
    assert not out.exists()
