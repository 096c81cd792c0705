"""Files of custom inputs and outputs: what they say, what is wrong with them, and what is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.errors import AicError
from dialects.quantized.parameters import Parameters
from passes.quantization.files.custom_io import REMEDY, PortEntry, custom_io_text, read_custom_io
from passes.quantization.files.nodes import refusing

DOCUMENTED = """\
- IOName: input_0
  Layout: NHWC
  Precision: int8
  Scale: 0.12
  Offset: 3

- IOName: input_1
  Layout: NHWC

- IOName: output_1
  Precision: float16
"""
"""The example of the vendor's documents, shortened."""


def read(folder: Path, text: str, *, scales: bool = True) -> tuple[PortEntry, ...]:
    path = folder / "io.yaml"
    path.write_text(text)
    with refusing(path, REMEDY):
        return read_custom_io(path, scales=scales)


def test_the_example_of_the_documents(tmp_path: Path) -> None:
    assert read(tmp_path, DOCUMENTED) == (
        PortEntry("input_0", "NHWC", "int8", Parameters(0.11999999731779099, 3), 1),
        PortEntry("input_1", "NHWC", None, None, 7),
        PortEntry("output_1", None, "float16", None, 10),
    )


def test_what_does_not_count(tmp_path: Path) -> None:
    """Scales of what is no int8, or are known from elsewhere; keys without a value; files that ask for nothing."""
    text = (
        "- {IOName: 109, Precision: float, Scale: -1, Offset: 1000}\n- IOName: b\n  Layout:\n  Precision:\n  Scale:\n"
    )
    assert read(tmp_path, text) == (PortEntry("109", None, "float", None, 1), PortEntry("b", line=2))
    assert read(tmp_path, "- {IOName: c, Precision: int8}", scales=False) == (PortEntry("c", None, "int8", None, 1),)
    assert read(tmp_path, "[]") == ()


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["io.yaml: not a custom I/O file: it has no YAML documents, not one"]),
        ("IOName: a", ["io.yaml:1: the file is keys with values, not a list"]),
        ("- a", ["io.yaml:1: an entry is 'a', not keys with values"]),
        ("- {Layout: NHWC}", ["io.yaml:1: an entry has no IOName"]),
        ("- {IOName: [a]}", ["io.yaml:1: IOName is a list, not a name"]),
        (
            "- {IOName: a, Layuot: NHWC}",
            ["an entry has no key 'Layuot' (did you mean Layout?); it has IOName, Layout, Precision, Scale, Offset"],
        ),
        ("- IOName: a\n- IOName: b\n- IOName: a\n", ["io.yaml:3: 'a' is there twice, first in line 1"]),
        (
            "- {IOName: a, Layout: NWHC, Precision: float64}\n- {IOName: b, Precision: uint8}\n"
            "- {IOName: c, Layout: x}",
            [
                "io.yaml: 4 mistakes; ",
                "\n  line 1: 'a': Layout is 'NWHC'; did you mean NHWC?",
                "\n  line 1: 'a': Precision is 'float64'; did you mean float16?",
                "\n  line 2: 'b': Precision is 'uint8'; did you mean int8?",
                "\n  line 3: 'c': Layout is 'x'; there are NCHW, NHWC",
            ],
        ),
        (
            "- {IOName: a, Precision: int8}\n- {IOName: b, Precision: int8, Scale: 1}\n"
            "- {IOName: c, Precision: int8, Scale: 0, Offset: 200}\n"
            "- {IOName: d, Precision: int8, Scale: .inf, Offset: 0.5}\n"
            "- {IOName: e, Precision: int8, Scale: -0.1, Offset: x}\n- {IOName: f, Scale: [1], Offset: .nan}\n",
            [
                "io.yaml: 10 mistakes; ",
                "\n  line 1: 'a': int8 needs Scale and Offset",
                "\n  line 2: 'b': int8 needs Offset",
                "\n  line 3: 'c': Scale is 0.0, not a number from 1.18e-38 to 3.4e+38",
                "\n  line 3: 'c': Offset is 200, not from -128 to 127",
                "\n  line 4: 'd': Scale is inf, not a number from 1.18e-38 to 3.4e+38",
                "\n  line 4: 'd': Offset is '0.5', not a whole number of 64 bits",
                "\n  line 5: 'e': Scale is -0.1, not a number from 1.18e-38 to 3.4e+38",
                "\n  line 5: 'e': Offset is 'x', not a number",
                "\n  line 6: 'f': Scale is a list, not a number",
                "\n  line 6: 'f': Offset is NaN",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_at_once(tmp_path: Path, text: str, messages: list[str]) -> None:
    with pytest.raises(AicError) as caught:
        read(tmp_path, text)
    for message in messages:
        assert message in str(caught.value)
    assert REMEDY in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(AicError, match=r"none\.yaml: cannot read a custom I/O file: No such file"), refusing(path, ""):
        read_custom_io(path)


_ENTRIES = st.builds(
    lambda name, layout, precision, scale, offset: PortEntry(
        name, layout, precision, Parameters(scale, offset) if precision == "int8" else None
    ),
    st.text(min_size=1),
    st.sampled_from([None, "NCHW", "NHWC"]),
    st.sampled_from([None, "float", "float16", "int8"]),
    st.floats(2.0**-126, 2.0**127, width=32),
    st.integers(-128, 127),
)


@given(st.lists(_ENTRIES, unique_by=lambda entry: entry.name))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, entries: list[PortEntry]) -> None:
    text = custom_io_text("of a model\nwith lines", {"Inputs": entries, "Outputs": [PortEntry("the last")]})
    found = read(tmp_path_factory.mktemp("io"), text)
    assert [PortEntry(each.name, each.layout, each.precision, each.scaling) for each in found] == [
        *entries,
        *([] if "the last" in {entry.name for entry in entries} else [PortEntry("the last")]),
    ]
