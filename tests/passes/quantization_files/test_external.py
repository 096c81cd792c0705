"""Our list of external quantization."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.errors import AicError
from passes.quantization.files.encodings import PRECISIONS, TensorEncoding
from passes.quantization.files.external import read_external

REFERENCE = """
- NodeOutputName: /stem/Relu_output_0
  Precision: int8
  Scale: 0.024
  Offset: -128
- NodeOutputName: stem.weight
  Axis: 0
  Scale: [0.005, 0.0025]
  Offset: [0, 0]
"""


def read(folder: Path, text: str) -> Mapping[str, TensorEncoding]:
    path = folder / "external.yaml"
    path.write_text(text)
    return read_external(path)


def rounded(*scales: float) -> tuple[float, ...]:
    return tuple(float(np.float32(scale)) for scale in scales)


def test_the_reference(tmp_path: Path) -> None:
    assert read(tmp_path, REFERENCE) == {
        "/stem/Relu_output_0": TensorEncoding("/stem/Relu_output_0", "int8", rounded(0.024), (-128,), None, False),
        "stem.weight": TensorEncoding("stem.weight", "int8", rounded(0.005, 0.0025), (0, 0), 0, False),
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision(tmp_path: Path, precision: str) -> None:
    parameters = ", Scale: 1e-3, Offset: -5" if precision.startswith("int") else ""
    for spelled in (precision, precision.upper()):
        found = read(tmp_path, f"- {{NodeOutputName: 109, Precision: {spelled}{parameters}}}")["109"]
        assert found.precision == precision
        assert found.bits == (int(precision.removeprefix("int")) if parameters else None)
        assert (found.scales, found.offsets) == ((rounded(1e-3), (-5,)) if parameters else ((), ()))


@given(
    scales=st.lists(st.floats(2.0**-126, 3.4028234663852886e38, width=32), min_size=1, max_size=4),
    offset=st.integers(-32768, 32767),
)
def test_scales_and_offsets_are_read_exactly(
    tmp_path_factory: pytest.TempPathFactory, scales: list[float], offset: int
) -> None:
    text = (
        f"- NodeOutputName: x\n  Precision: int16\n  Axis: 3\n  Scale: {scales}\n  Offset: {[offset] * len(scales)}\n"
    )
    found = read(tmp_path_factory.mktemp("external"), text)["x"]
    assert (found.scales, found.offsets, found.axis) == (tuple(scales), (offset,) * len(scales), 3)


def test_an_empty_list(tmp_path: Path) -> None:
    assert read(tmp_path, "[]") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "yaml: not an external quantization profile: it has no YAML documents, not one"),
        ("a", "yaml:1: not an external quantization profile: neither a list nor AIMET's encodings"),
        ("a: 1", "yaml:1: not AIMET's encodings"),
        ("[", "yaml:2: not YAML: did not find expected node content"),
        ("- x", "yaml:1: an entry is 'x', not keys with values"),
        ("- Scale: 1", "yaml:1: an entry has no NodeOutputName"),
        ("- NodeOutputName: x\n  Sclae: 1", "yaml:2: an entry has no key 'Sclae' (did you mean Scale?); it has Node"),
        ("- {NodeOutputName: x, IOName: x, Layout: NHWC}", "an entry has no key 'IOName' and no 'Layout'"),
        ("- NodeOutputName: x", "yaml:1: 'x': int8 needs Scale and Offset"),
        ("- {NodeOutputName: x, Scale: 1}", "'x': int8 needs Offset"),
        ("- {NodeOutputName: x, Precision: int4}", "'x': Precision is 'int4'; there are int8, int16, int32, float16"),
        ("- {NodeOutputName: x, Precision: float16, Scale: 1}", "'x': float16 has no Scale"),
        ("- {NodeOutputName: x, Scale: 1, Offset: 0, Axis: 0}", "'x': Axis goes with a list of scales, and a list"),
        ("- {NodeOutputName: x, Scale: [1], Offset: [0]}", "'x': Axis goes with a list of scales, and a list of"),
        ("- {NodeOutputName: x, Scale: [1], Offset: 0, Axis: 0}", "'x': Offset is '0', not a list"),
        ("- {NodeOutputName: x, Scale: [1, 1], Offset: [0], Axis: 0}", "'x': 2 scales go with 1 offsets"),
        ("- {NodeOutputName: x, Scale: [], Offset: [], Axis: 0}", "'x': 0 scales go with 0 offsets"),
        ("- {NodeOutputName: x, Scale: [1], Offset: [0], Axis: -1}", "'x': Axis is -1; dimensions are counted from 0"),
        ("- {NodeOutputName: x, Scale: 0, Offset: 0}", "'x': Scale is 0.0, not a number from 1.18e-38 to 3.4e+38"),
        ("- {NodeOutputName: x, Scale: .inf, Offset: 0}", "'x': Scale is inf, not a number from"),
        ("- {NodeOutputName: x, Scale: 1, Offset: 128}", "'x': Offset is 128, not from -128 to 127"),
        (
            "- {NodeOutputName: x, Precision: int16, Scale: 1, Offset: 32768}",
            "Offset is 32768, not from -32768 to 32767",
        ),
    ],
)
def test_what_is_no_external_quantization(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AicError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "correct it, or export it anew (docs/quantization-files.md shows the forms)" in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"none\.yaml: cannot read an external quantization profile: No such file"):
        read_external(tmp_path / "none.yaml")


def test_all_entries_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"2 mistakes; .*:\n  line 1: 'x': .*\n  line 2: 'y': "):
        read(tmp_path, "- NodeOutputName: x\n- NodeOutputName: y\n")
    with pytest.raises(AicError, match=r"external\.yaml:2: 'x' is there twice, first in line 1"):
        read(tmp_path, "- {NodeOutputName: x, Precision: float16}\n" * 2)
