"""Custom inputs and outputs from the command line, on the trained digits: templates, the ways of the vendor's
documents, mistakes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

import aic
from aic.phases import PHASES
from aic.qpc.container import NETWORK_DESC, QPC_FILE, NewSegment, open_container, write_container
from aic.qpc.descriptor import DataType, IoDescriptor, parse_descriptor, serialize_descriptor
from dialects.quantized.parameters import Parameters
from passes.quantization.files.profile import read_profile
from tests.lit.commands import run_line
from tests.models.custom_io import Asked, write_custom_io
from tests.models.digits import DIGITS_BN, digits_test
from tools import aic_runner
from tools.aic_exec import main

SAMPLES = 8
MODEL = f"-m={DIGITS_BN}"
IMAGES, _, LOGITS = digits_test()
PIXEL = Asked("x", "NHWC", "int8", 1 / 255, -128)
"""Digits are from 0 to 1."""
TEMPLATE = """\
# Inputs and outputs of digits_cnn_bn.onnx as they are in the model. Edit, and give the file with -custom-IO-list-file.
# Layout: NCHW or NHWC. Precision: float, float16 or int8. An int8 q means Scale * (q - Offset), from -128 to 127.
# Inputs
- IOName: 'x'
  Layout: NCHW
  Precision: float
  Scale:
  Offset:
# Outputs
- IOName: 'logits'
  Precision: float
  Scale:
  Offset:
"""


def write_list(path: Path, images: npt.NDArray[np.generic]) -> Path:
    """A list of raw files, one per inference."""
    files = [path.with_name(f"{path.stem}{number}.raw") for number in range(len(images))]
    for file, image in zip(files, images, strict=True):
        image.tofile(file)
    path.write_text("".join(f"{file}\n" for file in files))
    return path


def template(path: Path, *arguments: str, model: str = MODEL) -> str:
    """The template of a command line."""
    assert main([model, f"-dump-custom-IO-config-template={path}", *arguments]) == 0
    return Path(str(path).partition(",")[0]).read_text()


def scaling(text: str, name: str) -> tuple[str, str]:
    """Scale and offset that a template has for a port."""
    entry = text.partition(f"'{name}'")[2].splitlines()
    scale, offset = (next(line for line in entry if key in line).split()[1] for key in ("Scale", "Offset"))
    return scale, offset


def compiled(folder: Path, name: str, *arguments: str, model: str = MODEL) -> bytes:
    """The QPC of a command line."""
    out = folder / name
    assert main([model, "-compile-only", f"-aic-binary-dir={out}", *arguments]) == 0
    return (out / QPC_FILE).read_bytes()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one message of a command line that is wrong."""
    capsys.readouterr()
    assert main([*arguments]) == 1
    message = capsys.readouterr().err
    assert message.startswith("aic-exec: error: ")
    return message


# --------------------------------------------------------------------------------------------------------- templates


def test_a_template_says_what_the_model_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert template(tmp_path / "io.yaml") == TEMPLATE
    assert capsys.readouterr().out == f"wrote {tmp_path}/io.yaml (2 inputs and outputs)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["io.yaml"]


@pytest.mark.parametrize("precision", [[], ["-convert-to-fp16"], ["-load-profile={folder}/p.yaml"]])
def test_a_template_as_it_is_changes_nothing(precision: list[str], tmp_path: Path) -> None:
    images = write_list(tmp_path / "images.txt", IMAGES[:SAMPLES])
    assert main([MODEL, f"-input-list-file={images}", f"-dump-profile={tmp_path}/p.yaml"]) == 0
    template(Path(f"{tmp_path}/io.yaml,{tmp_path}/p.yaml"))
    options = [option.format(folder=tmp_path) for option in precision]
    plain = compiled(tmp_path, "plain", *options)
    assert compiled(tmp_path, "custom", f"-custom-IO-list-file={tmp_path}/io.yaml", *options) == plain


def test_ports_of_every_kind(tmp_path: Path) -> None:
    """Layouts of four dimensions, precisions of what may have another; scales of int8 that the model itself gives."""
    ports = {
        "a": (TensorProto.FLOAT16, ["n", 3, 2, 2]),
        "b": (TensorProto.INT64, [1, 3, 2, 2]),
        "c": (TensorProto.UINT8, [4]),
        "d: e": (TensorProto.INT8, [4]),
        "f": (TensorProto.INT8, [4]),
        "g": (TensorProto.DOUBLE, []),
    }
    inputs = [helper.make_tensor_value_info(name, *port) for name, port in ports.items()]
    outputs = [helper.make_tensor_value_info(f"{name}_out", *port) for name, port in ports.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in ports if name != "d: e"]
    nodes.append(helper.make_node("DequantizeLinear", ["d: e", "s", "z"], ["d: e_out"]))
    outputs[3].type.tensor_type.elem_type = TensorProto.FLOAT
    constants = [
        helper.make_tensor("s", TensorProto.FLOAT, [], [0.25]),
        helper.make_tensor("z", TensorProto.INT8, [], [3]),
    ]
    graph = helper.make_graph(nodes, "ports", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "ports.onnx")
    text = template(tmp_path / "io.yaml", "-onnx-define-symbol=n,2", model=f"-m={tmp_path}/ports.onnx")
    floats, open_ended = "  Layout: NCHW\n  Precision: float16\n", "  Scale:\n  Offset:\n"
    assert text.split("# Inputs\n")[1] == (
        f"- IOName: 'a'\n{floats}{open_ended}- IOName: 'b'\n  Layout: NCHW\n- IOName: 'c'\n"
        "- IOName: 'd: e'\n  Precision: int8\n  Scale: 0.25\n  Offset: 3\n- IOName: 'f'\n- IOName: 'g'\n"
        f"# Outputs\n- IOName: 'a_out'\n{floats}{open_ended}- IOName: 'b_out'\n  Layout: NCHW\n- IOName: 'c_out'\n"
        f"- IOName: 'd: e_out'\n  Precision: float\n{open_ended}- IOName: 'f_out'\n- IOName: 'g_out'\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["-quantization-schema-activations=asymmetric"],
        ["-quantization-schema-activations=symmetric"],
        ["-quantization-schema-activations=symmetric_with_power2_scale"],
        ["-quantization-calibration=Percentile", "-percentile-calibration-value=99"],
    ],
)
def test_scales_of_a_template_are_those_of_the_quantized_network(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_list(tmp_path / "images.txt", IMAGES[:SAMPLES])
    profile = tmp_path / "p.yaml"
    assert main([MODEL, f"-input-list-file={images}", f"-dump-profile={profile}"]) == 0
    text = template(Path(f"{tmp_path}/io.yaml,{profile}"), *arguments)
    capsys.readouterr()
    assert main([MODEL, f"-load-profile={profile}", *arguments, "-to=quantize", f"-weights={tmp_path}/w"]) == 0
    integers = capsys.readouterr().out
    for name in ("x", "logits"):
        scale, offset = scaling(text, name)
        assert f"!quantized.uniform<i8, {scale} : {offset}>" in integers


# ---------------------------------------------------------------------------------------- the ways of the documents


def test_scales_that_nobody_knows_beforehand(tmp_path: Path) -> None:
    """Profile the model's inputs, take scales from there, profile with custom inputs and quantize: as one command."""
    images, profile = write_list(tmp_path / "images.txt", IMAGES[:SAMPLES]), tmp_path / "model.yaml"
    asymmetric = "-quantization-schema-activations=asymmetric"
    assert main([MODEL, f"-input-list-file={images}", f"-dump-profile={profile}"]) == 0
    file = tmp_path / "io.yaml"
    text = template(Path(f"{file},{profile}"), asymmetric)
    file.write_text(text.replace("NCHW", "NHWC").replace("float", "int8"))
    asked = [
        Asked(name, layout, "int8", float(scale), int(offset))
        for name, layout in (("x", "NHWC"), ("logits", None))
        for scale, offset in [scaling(text, name)]
    ]
    custom = write_list(
        tmp_path / "custom.txt", np.stack([asked[0].of_model(image[None]) for image in IMAGES[:SAMPLES]])
    )
    common = [MODEL, f"-custom-IO-list-file={file}", asymmetric]
    given = f"-input-list-file={custom}"
    assert main([*common, given, f"-dump-profile={tmp_path}/custom.yaml"]) == 0
    assert (
        main([*common, f"-load-profile={tmp_path}/custom.yaml", "-compile-only", f"-aic-binary-dir={tmp_path}/a"]) == 0
    )
    assert main([*common, given, "-convert-to-quantize", "-compile-only", f"-aic-binary-dir={tmp_path}/b"]) == 0
    assert (tmp_path / "a" / QPC_FILE).read_bytes() == (tmp_path / "b" / QPC_FILE).read_bytes()
    raw = [argument for line in custom.read_text().split() for argument in ("-i", line)]
    assert aic_runner.main(["-t", f"{tmp_path}/a", *raw[:2], "--write-output-dir", f"{tmp_path}/out"]) == 0
    found = np.fromfile(tmp_path / "out" / "logits-activation-0-inf-0.bin", np.int8)
    error = asked[1].to_model(found) - LOGITS[0]
    assert np.abs(error).max() < 0.05 * np.abs(LOGITS[0]).max()


def test_a_profile_belongs_to_its_inputs_and_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        scale: write_custom_io(tmp_path / f"{scale}.yaml", [Asked("x", None, "int8", scale, -128)])
        for scale in (0.004, 0.005)
    }
    custom = write_list(tmp_path / "custom.txt", np.zeros((1, 1, 8, 8), np.int8))
    profile = tmp_path / "profile.yaml"
    given = [MODEL, f"-custom-IO-list-file={files[0.004]}"]
    assert main([*given, f"-input-list-file={custom}", f"-dump-profile={profile}"]) == 0
    assert "x" in read_profile(profile).records
    for others in ([], [f"-custom-IO-list-file={files[0.005]}"]):
        message = refusal(capsys, MODEL, *others, f"-load-profile={profile}", "-to=quantize")
        assert "is the profile of another model, or of this one with other options" in message
        assert "custom-IO-list-file" in message
    message = refusal(capsys, MODEL, f"-dump-custom-IO-config-template={tmp_path}/io.yaml,{profile}")
    assert "is the profile of another model" in message
    assert not (tmp_path / "io.yaml").exists()


def test_the_interpreter_has_the_same_inputs_and_outputs(tmp_path: Path) -> None:
    file = write_custom_io(tmp_path / "io.yaml", [Asked("x", "NHWC", "float16"), Asked("logits", None, "float16")])
    images = write_list(tmp_path / "images.txt", IMAGES[:2].transpose(0, 2, 3, 1).astype(np.float16))
    for name, options in {"card": [], "host": ["-run-on-interpreter"]}.items():
        given = [f"-input-list-file={images}", f"-custom-IO-list-file={file}", f"-write-output-dir={tmp_path}/{name}"]
        assert main([MODEL, *given, *options]) == 0
        logits = np.fromfile(tmp_path / name / "logits-activation-0-inf-1.bin", np.float16)
        np.testing.assert_allclose(logits, LOGITS[1], rtol=2e-3, atol=2e-3)


# ------------------------------------------------------------------------------------------------------------ the QPC


def test_the_qpc_says_what_integers_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_custom_io(tmp_path / "io.yaml", [PIXEL, Asked("logits", None, "float16")])
    compiled(tmp_path, "qpc", f"-custom-IO-list-file={file}")
    path = tmp_path / "qpc" / QPC_FILE
    with open_container(path) as segments:
        descriptor = parse_descriptor(segments[NETWORK_DESC].data)
    (pixels,), (logits,) = descriptor.inputs, descriptor.outputs
    meaning = IoDescriptor(DataType.Int8QTy, (1, 8, 8, 1), float(np.float32(1 / 255)), -128)
    assert pixels.initial == pixels.transformed == meaning
    assert logits.initial == IoDescriptor(DataType.Float16Ty, (1, 10))
    session = aic.Session(path)
    assert session.inputs[0].scaling == Parameters(float(np.float32(1 / 255)), -128)
    assert session.outputs[0].scaling is None
    assert "'x': Int8QTy 1x8x8x1, 64 bytes, 0.003921569 * (q - -128)\n" in aic.Qpc(path).info()


def test_a_descriptor_with_another_scale_is_refused(tmp_path: Path) -> None:
    file = write_custom_io(tmp_path / "io.yaml", [PIXEL])
    compiled(tmp_path, "qpc", f"-custom-IO-list-file={file}")
    path = tmp_path / "qpc" / QPC_FILE
    with open_container(path) as segments:
        kept = [NewSegment.of_bytes(s.name, bytes(s.data), s.static_size) for s in segments.values()]
        descriptor = parse_descriptor(segments[NETWORK_DESC].data)
    (pixels,) = descriptor.inputs
    other = serialize_descriptor(replace(descriptor, inputs=(pixels.quantized(0.5, 0),)))
    changed = [NewSegment.of_bytes(NETWORK_DESC, other) if each.name == NETWORK_DESC else each for each in kept]
    write_container(tmp_path / "changed.bin", changed)
    with pytest.raises(aic.AicError, match=r"networkdesc\.bin: its inputs are not those of the program"):
        aic.Session(tmp_path / "changed.bin")


def test_a_pipe_of_tools_gives_the_same_qpc(tmp_path: Path) -> None:
    file = write_custom_io(tmp_path / "io.yaml", [PIXEL, Asked("logits", None, "float16")])
    stages = [f"aic-translate --import-onnx {DIGITS_BN} --custom-IO-list-file {file} --weights {tmp_path}/weights"]
    stages += [f"aic-opt -p '{pipeline}'" for phase in PHASES if (pipeline := phase.passes(fp16=True))]
    done = run_line(" | ".join([*stages, f"aic-translate --emit-qpc -o {tmp_path}/piped.bin"]))
    assert done.code == 0, done.stderr
    whole = compiled(tmp_path, "whole", f"-custom-IO-list-file={file}", "-convert-to-fp16")
    assert (tmp_path / "piped.bin").read_bytes() == whole


# ----------------------------------------------------------------------------------------------------------- mistakes


def test_entries_that_the_model_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "io.yaml"
    given = [MODEL, f"-custom-IO-list-file={file}", "-to=import"]
    file.write_text("- IOName: X\n- IOName: x\n- IOName: logit\n")
    message = refusal(capsys, *given)
    assert f"{file}: 2 mistakes; " in message
    assert "\n  line 1: no input or output of the model: 'X'; there are 'logits', 'x'\n" in message
    assert "\n  line 3: no input or output of the model: 'logit'; did you mean 'logits'?\n" in message
    file.write_text("- {IOName: logits, Layout: NHWC}\n- {IOName: x, Layout: NHWC, Precision: float64}")
    assert "'x': Precision is 'float64'; did you mean float16?" in refusal(capsys, *given)
    file.write_text("- {IOName: logits, Layout: NHWC}")
    message = refusal(capsys, *given)
    assert "io.yaml:1: 'logits': layout NHWC: it is tensor<1x10xf32>, and only tensors of 4 dimensions have" in message


def test_scales_that_the_external_file_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    external, file = tmp_path / "external.yaml", tmp_path / "io.yaml"
    external.write_text("- {NodeOutputName: x, Precision: int16, Scale: 0.1, Offset: 0}\n")
    write_custom_io(file, [Asked("x", None, "int8", 1, 0), Asked("logits", None, "int8", 1, 0)])
    message = refusal(capsys, MODEL, f"-custom-IO-list-file={file}", f"-external-quantization={external}", "-to=import")
    assert f"'x': scale and offset of int8 are those of {external}, which says int16" in message
    assert f"'logits': scale and offset of int8 are those of {external}, which says nothing of it" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-dump-custom-IO-config-template=a,b,c"],
            "has 3 files; it takes template[,profile]",
        ),
        (
            ["-dump-custom-IO-config-template=a", "-custom-IO-list-file=b", "-compile-only", "-aic-binary-dir=c"],
            "stops when the file is written: it excludes -custom-IO-list-file, -compile-only, -aic-binary-dir",
        ),
        (["-dump-custom-IO-config-template=a", "-use-random-input-data"], "it excludes -use-random-input-data"),
        (["-dump-custom-IO-config-template=a", "-quantization-calibration=MSE"], "nothing is quantized without"),
        (
            ["-dump-custom-IO-config-template=a,b", "-quantization-precision=Int16"],
            "integers of inputs and outputs",
        ),
        (
            ["-custom-IO-list-file=a", "-from=graph"],
            "-from starts with the inputs and outputs that its module has",
        ),
        (["-dump-custom-IO-config-template=a,none.yaml"], "none.yaml: cannot read a quantization profile"),
        (["-dump-custom-IO-config-template=/none/a"], "cannot write /none/a: No such file or directory"),
    ],
)
def test_what_does_not_go_together(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, MODEL, *arguments)
    assert not list(tmp_path.iterdir())


def test_integers_that_mean_nothing_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = helper.make_tensor_value_info("q", TensorProto.INT8, [4]), helper.make_tensor_value_info("o", 3, [4])
    graph = helper.make_graph([helper.make_node("Identity", ["q"], ["o"])], "bare", port[:1], port[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    file = write_custom_io(tmp_path / "io.yaml", [Asked("q", None, "float")])
    message = refusal(capsys, f"-m={tmp_path}/m.onnx", f"-custom-IO-list-file={file}", "-to=import")
    assert "'q': the model does not say right at this port what its integers mean: their precision stays" in message
