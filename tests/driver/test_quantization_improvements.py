"""Options that change a network so that integers fit it, from the command line and from Python: profiles that go with
them, and mistakes.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

import aic
from aic.options import UsageError
from aic.qpc.container import QPC_FILE
from dialects.errors import AicError
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.nodes import Nodes
from tests.models.quantized import RECIPES, quantized
from tests.models.uneven import TOKENS, WIDTH, uneven_separable, uneven_transformer
from tools.aic_exec import main

IMPROVED: dict[str, Sequence[str]] = {
    "transformer": ["-quantization-smoothquant", "-quantization-bias-correction"],
    "after": ["-quantization-smoothquant=0.75", "-quantization-bias-correction"],
    "separable": ["-quantization-cross-layer-equalization", "-quantization-bias-correction"],
}
"""Options by the network that they are for."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx.save(uneven_transformer(2), folder / "transformer.onnx")
    onnx.save(uneven_transformer(2, first=False), folder / "after.onnx")
    onnx.save(uneven_separable(2), folder / "separable.onnx")
    return folder


def arguments(models: Path, name: str) -> list[str]:
    return [f"-m={models}/{name}.onnx", "-use-random-input-data=gaussian", "-num-iter=3"]


def compiled(folder: Path, *options: str) -> bytes:
    """The QPC of a command line."""
    assert main([*options, "-compile-only", f"-aic-binary-dir={folder}"]) == 0
    return (folder / QPC_FILE).read_bytes()


def refusal(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one message of a command line that is wrong."""
    capsys.readouterr()
    assert main([*options]) == 1
    message = capsys.readouterr().err
    assert message.startswith("aic-exec: error: ")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("name", IMPROVED)
def test_dumped_loaded_and_made_on_the_way_give_the_same_bytes(name: str, models: Path, tmp_path: Path) -> None:
    options, profile = IMPROVED[name], tmp_path / "profile.yaml"
    model, *inputs = arguments(models, name)
    assert main([model, *inputs, f"-dump-profile={profile}", "-profiling-threads=3", *options]) == 0
    loaded = compiled(tmp_path / "loaded", model, f"-load-profile={profile}", *options)
    made = compiled(tmp_path / "made", model, *inputs, "-convert-to-quantize", *options, f"-dump-dir={tmp_path}/ir")
    plain = compiled(tmp_path / "plain", model, *inputs, "-convert-to-quantize")
    assert loaded == made != plain
    text = [f"-m={tmp_path}/ir/01.graph.mlir", "-from=quantize", f"-load-profile={profile}"]
    assert compiled(tmp_path / "text", *text) == made


@pytest.mark.parametrize("name", IMPROVED)
def test_each_option_alone_changes_the_qpc(name: str, models: Path, tmp_path: Path) -> None:
    model = [*arguments(models, name), "-convert-to-quantize"]
    made = [
        compiled(tmp_path / f"{n}", *model, *options) for n, options in enumerate([[], *([o] for o in IMPROVED[name])])
    ]
    assert len(set(made)) == len(made)


def test_a_profile_goes_with_the_options_that_change_ranges(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused without them and with others; means that nobody asks for are harmless."""
    smoothed, plain = "-quantization-smoothquant", list[str]()
    cases: list[tuple[str, list[str], list[str], str]] = [
        ("transformer", [smoothed], plain, "of this one with other options"),
        ("transformer", [smoothed], [f"{smoothed}=0.7"], "of this one with other options"),
        ("transformer", plain, [smoothed], "has no channel maxima that fit tensor 'LayerNormalization_0_output_0'"),
        ("transformer", plain, ["-quantization-bias-correction"], "has no channel means that fit tensor"),
        ("separable", ["-quantization-cross-layer-equalization"], plain, "of this one with other options"),
        ("separable", plain, ["-quantization-cross-layer-equalization"], "of this one with other options"),
    ]
    for number, (name, dumped, loaded, message) in enumerate(cases):
        profile, (model, *inputs) = tmp_path / f"{number}.yaml", arguments(models, name)
        assert main([model, *inputs, f"-dump-profile={profile}", *dumped]) == 0
        out = tmp_path / "out"
        loading = [model, f"-load-profile={profile}", "-compile-only", f"-aic-binary-dir={out}", *loaded]
        assert message in refusal(capsys, *loading)
        assert not out.exists()
    model, *inputs = arguments(models, "separable")
    profile = tmp_path / "means.yaml"
    assert main([model, *inputs, f"-dump-profile={profile}", "-quantization-bias-correction"]) == 0
    plain_bytes = compiled(tmp_path / "plain", model, *inputs, "-convert-to-quantize")
    assert compiled(tmp_path / "harmless", model, f"-load-profile={profile}") == plain_bytes


def test_the_report_compares_smoothed_activations(models: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = [*arguments(models, "transformer"), "-convert-to-quantize", "-quantization-smoothquant"]
    compiled(tmp_path / "out", *options, f"-quantization-report={report.with_suffix('.html')}")
    found = json.loads(report.read_text())
    assert len(found["nodes"]) >= 6
    assert all(each["sqnr_db"] > 25 for each in (*found["tensors"], *found["nodes"]))


@pytest.mark.parametrize(
    ("name", "option", "warning"),
    [
        ("separable", "-quantization-smoothquant", "no matrix product reads a normalization"),
        ("alone", "-quantization-cross-layer-equalization", "no layer alone reads another's channels"),
    ],
)
def test_what_finds_nothing_to_change_says_so(
    name: str, option: str, warning: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = Nodes()
    onnx.save(nodes.model({"x": [2, 4]}, {"y": nodes.linear("x", 4, 4)}), models / "alone.onnx")
    model = [*arguments(models, name), "-convert-to-quantize"]
    plain = compiled(tmp_path / "plain", *model)
    capsys.readouterr()
    assert compiled(tmp_path / "changed", *model, option) == plain
    assert f"aic-exec: warning: {option[1:]}: {warning}" in capsys.readouterr().err


ALL = ("bias-correction", "cross-layer-equalization", "smoothquant")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(([f"-quantization-{name}"], f"-quantization-{name}: nothing is quantized without") for name in ALL),
        (["-load-profile=p", "-quantization-smoothquant=1.5"], "-quantization-smoothquant=1.5: must be at most 1"),
        (["-external-quantization=e", "-quantization-bias-correction"], "needs the means of a profile"),
        *(
            (
                ["-load-profile=p", "-external-quantization=e", f"-quantization-{name}"],
                f"-quantization-{name}: other ranges than those that the scales of -external-quantization are made for",
            )
            for name in ALL[1:]
        ),
        (
            ["-load-profile=p", "-from=quantize", "-quantization-cross-layer-equalization"],
            "belongs to the phase graph: it excludes -from=quantize",
        ),
    ],
)
def test_what_excludes_what(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refusal(capsys, f"-m={DIGITS_BN}", *options)


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_comes_quantized_stays_as_it_is(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = quantized(DIGITS_BN, [{"x": digits_test()[0][:1]}], RECIPES[0], tmp_path / "model.onnx")
    options = ["-use-random-input-data", "-convert-to-quantize", f"-quantization-{name}"]
    assert f"-quantization-{name}: the model comes quantized" in refusal(capsys, f"-m={model}", *options)


def test_from_python(models: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    inputs = [{"x": random.standard_normal((2, TOKENS, WIDTH)).astype(np.float32)} for _ in range(3)]
    bytes_of = [
        aic.compile(
            models / "transformer.onnx",
            convert_to_quantize=True,
            calibration_inputs=inputs,
            quantization_smoothquant=strength,
            quantization_bias_correction=correction,
        ).to_bytes()
        for strength, correction in ((None, False), (0.0, False), (0.5, False), (0.5, True))
    ]
    assert bytes_of[0] == bytes_of[1]
    assert len(set(bytes_of)) == 3
    with pytest.raises(UsageError, match="takes calibration_inputs twice: give a list, not an iterator"):
        aic.compile(
            models / "transformer.onnx",
            convert_to_quantize=True,
            calibration_inputs=iter(inputs),
            quantization_smoothquant=0.5,
        )
    wrong = [{"x": np.full((2, TOKENS, WIDTH), np.nan, np.float32)}]
    with pytest.raises(AicError, match="calibration input 0: input 'x' holds nan"):
        aic.compile(
            models / "transformer.onnx",
            convert_to_quantize=True,
            calibration_inputs=wrong,
            quantization_smoothquant=0.5,
        )
