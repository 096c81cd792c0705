"""AIMET's encodings mean the same numbers here, in every version and in both syntaxes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialects.errors import AicError
from passes.quantization.files.encodings import TensorEncoding
from passes.quantization.files.external import read_external

REFERENCE = """{"version":"0.6.1",
 "activation_encodings":{"/stem/Relu_output_0":[{"bitwidth":8,"dtype":"int","is_symmetric":"False","min":0.0,"max":6.12,"offset":0,"scale":0.024}]},
 "param_encodings":{"stem.weight":[{"bitwidth":8,"dtype":"int","is_symmetric":"True","min":-0.64,"max":0.635,"offset":-128,"scale":0.005},
                                   {"bitwidth":8,"dtype":"int","is_symmetric":"True","min":-0.32,"max":0.3175,"offset":-128,"scale":0.0025}]}}
"""


def read(folder: Path, content: object) -> Mapping[str, TensorEncoding]:
    path = folder / "model.encodings"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_external(path)


def old(*channels: dict[str, Any], section: str = "param_encodings", **more: object) -> dict[str, object]:
    return {"version": "0.6.1", section: {"w": list(channels)}, **more}


def new(section: str = "param_encodings", **encoding: object) -> dict[str, object]:
    defaults = {"name": "w", "dtype": "INT", "bw": 8, "enc_type": "PER_TENSOR", "is_sym": False}
    given = {key: value for key, value in {**defaults, **encoding}.items() if value is not None}
    return {"version": "1.0.0", section: [given]}


def channel(offset: int, bits: int = 8, scale: float = 0.5, symmetric: bool = False, **more: object) -> dict[str, Any]:
    low = scale * offset
    ends = {"min": low, "max": low + scale * ((1 << bits) - 1)}
    return {"bitwidth": bits, "is_symmetric": str(symmetric), "offset": offset, "scale": scale, **ends, **more}


def rounded(*scales: float) -> tuple[float, ...]:
    return tuple(float(np.float32(scale)) for scale in scales)


@pytest.mark.parametrize("text", [REFERENCE, yaml.safe_dump(json.loads(REFERENCE))], ids=["json", "yaml"])
def test_the_reference(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == {
        "/stem/Relu_output_0": TensorEncoding("/stem/Relu_output_0", "int8", rounded(0.024), (-128,), None, False),
        "stem.weight": TensorEncoding("stem.weight", "int8", rounded(0.005, 0.0025), (0, 0), None, True),
    }


@given(data=st.data(), bits=st.sampled_from([8, 16, 32]), symmetric=st.booleans())
def test_integers_mean_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, bits: int, symmetric: bool
) -> None:
    greatest = (1 << bits) - 1
    offsets = data.draw(st.lists(st.integers(-greatest, 0), min_size=1, max_size=3))
    scale = data.draw(st.floats(2.0**-40, 2.0**40, width=32))
    folder = tmp_path_factory.mktemp("encodings")
    by_version = [
        read(folder, old(*(channel(offset, bits, scale, symmetric) for offset in offsets)))["w"],
        read(
            folder, new(bw=bits, enc_type="PER_CHANNEL", is_sym=symmetric, scale=[scale] * len(offsets), offset=offsets)
        )["w"],
    ]
    assert by_version[0] == by_version[1]
    found = by_version[0]
    assert found.bits == bits
    assert found.scales == (scale,) * len(offsets)
    for ours, theirs in zip(found.offsets, offsets, strict=True):
        for u in (0, 1, greatest - 1):
            q = u + theirs + ours
            assert (q == u - (1 << (bits - 1))) != found.narrow
            assert -(1 << (bits - 1)) <= q < 1 << (bits - 1)


@pytest.mark.parametrize(("bits", "half"), [(8, 128), (16, 32768)])
def test_strict_symmetric_leaves_the_least_integer_out(tmp_path: Path, bits: int, half: int) -> None:
    for content in (
        old(channel(1 - half, bits, symmetric=True), channel(1 - half, bits, symmetric=True)),
        new(bw=bits, enc_type="PER_CHANNEL", is_sym=True, scale=[0.5, 0.5], offset=[1.0 - half, 1.0 - half]),
    ):
        found = read(tmp_path, content)["w"]
        assert (found.offsets, found.narrow) == ((0, 0), True)
    asymmetric = read(tmp_path, old(channel(1 - half, bits)))["w"]
    assert (asymmetric.offsets, asymmetric.narrow) == ((-1,), False)
    mixed = read(tmp_path, old(channel(1 - half, bits, symmetric=True), channel(-half, bits, symmetric=True)))["w"]
    assert (mixed.offsets, mixed.narrow) == ((-1, 0), False)


@pytest.mark.parametrize(
    ("encoding", "scale", "offset"),
    [
        ({"offset": 50, "scale": 0.5, "min": -25.0, "max": 102.5}, 0.5, 50 - 128),  # the other sign
        ({"offset": 0, "scale": 0.1, "min": -1.0, "max": 1.55}, 0.01, 100 - 128),
        ({"min": 0.0, "max": 25.5}, 0.1, -128),  # nothing but the range
        ({"offset": -128, "scale": 0.1, "min": -12.804, "max": 12.7}, 0.1, 0),  # rounded when written: near enough
        ({"offset": -128, "scale": 0.1}, 0.1, 0),
        (
            {"bitwidth": 32, "offset": -(1 << 31), "scale": 1e-9, "min": -2.1474837, "max": 2.1474837},
            1e-9,
            0,
        ),  # in fp32
    ],
)
def test_the_range_decides_where_offsets_do_not_fit_it(
    tmp_path: Path, encoding: dict[str, float], scale: float, offset: int
) -> None:
    found = read(tmp_path, old({"bitwidth": 8, **encoding}))["w"]
    assert found.scales == pytest.approx((scale,))
    assert found.offsets == (offset,)


@pytest.mark.parametrize(
    "content",
    [
        old({"dtype": "float", "bitwidth": 16}),
        old({"dtype": "float", "bitwidth": 16}, {"dtype": "float", "bitwidth": 16}),
        new(dtype="FLOAT", bw=16),
    ],
)
def test_floating_point(tmp_path: Path, content: object) -> None:
    assert read(tmp_path, content) == {"w": TensorEncoding("w", "float16", (), (), None, True)}


@pytest.mark.parametrize("version", [None, "0.4.0", "0.5.0"])
def test_older_versions(tmp_path: Path, version: str | None) -> None:
    content = old(channel(-3), section="activation_encodings") | {"version": version}
    if version is None:
        del content["version"]
    found = read(tmp_path, content)["w"]
    assert (found.offsets, found.axis, found.is_constant) == ((3 - 128,), None, False)


def test_an_axis_is_taken_where_there_is_one(tmp_path: Path) -> None:
    found = read(tmp_path, new(enc_type="PER_CHANNEL", scale=[1, 2], offset=[-128.0, -128.0], axis=1, is_sym=None))["w"]
    assert (found.axis, found.scales, found.offsets) == (1, (1.0, 2.0), (0, 0))


def test_what_does_not_concern_tensors_is_passed_over(tmp_path: Path) -> None:
    more = {"quantizer_args": {"activation_bitwidth": 8}, "excluded_layers": [], "producer": None}
    assert list(read(tmp_path, old(channel(0), **more))) == ["w"]


def test_yaml_may_share_encodings(tmp_path: Path) -> None:
    shared = [channel(-3)]
    text = yaml.safe_dump({"activation_encodings": {"109": shared, "no": shared}, "param_encodings": {}})
    assert "*id001" in text
    assert {name: found.offsets for name, found in read(tmp_path, text).items()} == {"109": (-125,), "no": (-125,)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"version": ', "encodings:1: not JSON: Expecting value; correct it, or export it anew"),
        ('{"a":' * 100_000, "not JSON that can be read: it is nested too deeply"),
        ('{"param_encodings": {"w": [], "w": []}}', "key 'w' is there twice"),
        ("{}", "not AIMET's encodings: there is neither activation_encodings nor param_encodings"),
        ({"version": "2.0.0", "encodings": []}, "version 2.0.0 of AIMET's encodings is not read: export them as 0.6.1"),
        ({"version": [], "param_encodings": {}}, "version is a list, not a name"),
        ({"param_encodings": 7}, "param_encodings is '7', not keys with values"),
        ({"param_encodings": {"w": {"output": {}}}}, "'w': its value is keys with values, not a list"),
        (old(), "'w': its list of encodings is empty"),
        (old({"dtype": "int"}), "'w': an encoding has no bitwidth"),
        (old({"bitwidth": 4}), "'w': int4 is not supported; there are int8, int16, int32, float16, float32"),
        (old({"bitwidth": 8, "dtype": "float"}), "'w': float8 is not supported"),
        (old({"bitwidth": "8"}), "'w': bitwidth is '8', not a number"),
        (old({"bitwidth": None}), "'w': bitwidth is empty, not a number"),
        (old(channel(0), channel(0, 16)), "'w': its channels differ in dtype or bitwidth"),
        (old({"bitwidth": 8, "min": 0.0}), "'w': an encoding has neither scale and offset nor min and max"),
        (old({"bitwidth": 8, "scale": 1.0, "offset": 3}), "'w': offset 3 is not from -255 to 0"),
        (
            old({"bitwidth": 8, "scale": -1.0, "offset": -3, "min": 3.0}),
            "'w': scale is -1.0, not a number from 1.18e-38",
        ),
        (old({"bitwidth": 8, "min": 1.0, "max": 1.0}), "'w': its range from 1.0 to 1.0 gives no scale"),
        (old({"bitwidth": 8, "min": -1e39, "max": float("inf")}), "'w': its range from -1e+39 to inf gives no scale"),
        (old({"bitwidth": 8, "min": float("nan")}), "'w': min is NaN"),
        (old({"bitwidth": 8, "min": 1.0, "max": 2.0}), "'w': offset 255 is not from -255 to 0"),
        (old(channel(0, symmetric=False, is_symmetric="maybe")), "'w': is_symmetric is 'maybe', not true or false"),
        (new(name=None), "an encoding has no name"),
        (new(scale=[0.1]), "'w': an encoding has no offset"),
        (
            new(enc_type="PER_BLOCK", block_size=2),
            "'w': enc_type PER_BLOCK is not read; there are PER_TENSOR and PER_CH",
        ),
        (new(scale=[0.1, 0.1], offset=[0, 0]), "'w': 2 scales and 2 offsets do not make a PER_TENSOR encoding"),
        (new(enc_type="PER_CHANNEL", scale=[0.1, 0.1], offset=[0]), "'w': 2 scales and 1 offsets do not make"),
        (new(enc_type="PER_CHANNEL", scale=[], offset=[]), "'w': 0 scales and 0 offsets do not make"),
        (new(scale=[0], offset=[0]), "'w': a scale is 0.0, not a number from"),
        (new(scale=[1e-45], offset=[0]), "'w': a scale is 1e-45, not a number from"),
        (new(scale=[0.1], offset=[0.5]), "'w': an offset is '0.5', not a whole number"),
        (new(scale=0.1, offset=[0]), "'w': scale is '0.1', not a list"),
        (new(scale=[0.1], offset=[-256]), "'w': offset -256 is not from -255 to 0"),
        (
            new(enc_type="PER_CHANNEL", scale=[0.1], offset=[0], axis=-1),
            "'w': axis is -1; dimensions are counted from 0",
        ),
    ],
)
def test_what_are_no_encodings(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(AicError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/model.encodings:")
    assert "correct it, or export it anew (docs/quantization-files.md shows the forms)" in str(caught.value)


def test_all_tensors_are_listed_at_once(tmp_path: Path) -> None:
    wrong = {f"t{i}": [{"bitwidth": 4}] for i in range(12)}
    with pytest.raises(AicError, match=r"12 mistakes; .*:\n  't0': int4 (.|\n)*\n  't9': .*\n  and 2 more$"):
        read(tmp_path, {"activation_encodings": wrong})
    with pytest.raises(AicError, match=r"model.encodings: 'w' is there twice; correct it"):
        read(tmp_path, old(channel(0), activation_encodings={"w": [channel(0)]}))


def test_flaws_in_yaml_have_lines(tmp_path: Path) -> None:
    text = "activation_encodings:\n  x:\n  - bitwidth: 8\n    offset: 1.5\n    scale: 0.1\nparam_encodings: {}\n"
    with pytest.raises(AicError, match=r"model\.encodings:4: 'x': offset is '1.5', not a whole number of 64 bits"):
        read(tmp_path, text)
