"""Profiles are read as they were written, and nothing that is wrong in one is taken for a number."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialects.errors import AicError
from passes.quantization.files.profile import Profile, TensorProfile, read_profile, write_profile

HEAD = "---\nGlowToolsVersion: '2.3.0'\n...\n---\nGraphPreLowerHash: 0x5C1D22F07A4B9E10\n...\n"
REFERENCE = (
    HEAD
    + """---
- NodeOutputName:  'data:0'
  Min:             -2.1179039478302
  Max:             2.640000104904175
  Histogram:       [ 14, 230, 811, 1207, 903, 402, 77, 9 ]
- NodeOutputName:  'stem_conv__1:0'
  Min:             -8.25
  Max:             11.5
  Histogram:       [ 0, 4, 90, 1900, 640, 51, 6, 1 ]
...
"""
)


def record(name: str = "x", low: str = "-1.0", high: str = "1.0", counts: str = "[ 1, 2 ]") -> str:
    return f"- NodeOutputName: {name}\n  Min: {low}\n  Max: {high}\n  Histogram: {counts}\n"


def read(folder: Path, text: str | bytes) -> Profile:
    path = folder / "profile.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_profile(path)


def profile(*records: TensorProfile, version: str = "aic 0.1.0", graph_hash: int = 7) -> Profile:
    return Profile(version, graph_hash, {each.name: each for each in records})


def plain(of: Profile) -> tuple[object, ...]:
    """A profile as values that compare; numbers by their text, so that -0 is not 0."""
    records = {name: (repr(r.low), repr(r.high), r.counts.tolist()) for name, r in of.records.items()}
    return of.tool_version, of.graph_hash, records


def test_channels_are_read_as_they_were_written(tmp_path: Path) -> None:
    channels = np.array([-0.1, 3.0, 1e-7, 0.0]).astype(np.float32).astype(np.float64)
    counts = np.array([1, 2], np.int64)
    first = TensorProfile("a", -1.0, 1.0, counts, channel_means=channels)
    second = TensorProfile("b", -1.0, 1.0, counts, channel_means=channels[:1], channel_maxima=np.abs(channels))
    write_profile(profile(first, second, TensorProfile("c", -1.0, 1.0, counts)), tmp_path / "written.yaml")
    text = (tmp_path / "written.yaml").read_text()
    assert (
        list(yaml.safe_load_all(text))[2][1]["ChannelMaxima"] == "0.10000000149011612 3.0 0.00000010000000116860974 0.0"
    )
    found = read_profile(tmp_path / "written.yaml").records
    for name, means, maxima in (("a", channels, None), ("b", channels[:1], np.abs(channels)), ("c", None, None)):
        np.testing.assert_equal(found[name].channel_means, means)
        np.testing.assert_equal(found[name].channel_maxima, maxima)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("ChannelMeans: '1.0 x'", "ChannelMeans is '1.0 x', not numbers separated by spaces"),
        ("ChannelMeans: '1.0 nan'", "ChannelMeans has numbers that are not finite"),
        ("ChannelMaxima: '1.0 inf'", "ChannelMaxima has numbers that are not finite"),
        ("ChannelMaxima: '-1.0'", "ChannelMaxima has a number below 0"),
        ("ChannelMeans: [1.0]", "ChannelMeans is a list, not a name"),
        ("ChannelMinima: '1.0'", "no key 'ChannelMinima' (did you mean ChannelMaxima?)"),
    ],
)
def test_channels_that_mean_nothing(channels: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(AicError, match=re.escape(message)):
        read(tmp_path, f"{HEAD}---\n{record()}  {channels}\n...\n")


def test_the_reference_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    found = read(tmp_path, REFERENCE)
    assert found.tool_version == "2.3.0"
    assert found.graph_hash == 0x5C1D22F07A4B9E10
    assert list(found.records) == ["data:0", "stem_conv__1:0"]
    data = found.records["data:0"]
    assert (data.low, data.high) == (-2.1179039478302, 2.640000104904175)
    assert data.counts.dtype == np.int64
    assert data.counts.tolist() == [14, 230, 811, 1207, 903, 402, 77, 9]
    write_profile(found, tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_text() == REFERENCE


names = st.one_of(
    st.text(), st.sampled_from(["109", "no", "~", "1e5", "''", '"', "a: b", "- x", "\\n", "\x85\u2028\ufeff", "%"])
)
floats = st.floats(width=32, allow_nan=False)
tensors = st.builds(
    lambda name, ends, counts: TensorProfile(name, min(ends), max(ends), np.array(counts, np.int64)),
    names,
    st.tuples(floats, floats),
    st.lists(st.one_of(st.integers(0, 1000), st.integers(0, (1 << 63) - 1)), min_size=1, max_size=5),
)


@given(
    st.builds(
        lambda records, version, graph_hash: profile(*records, version=version, graph_hash=graph_hash),
        st.lists(tensors, max_size=4),
        st.text(),
        st.integers(0, (1 << 64) - 1),
    )
)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, written: Profile) -> None:
    path = tmp_path_factory.mktemp("profile") / "profile.yaml"
    write_profile(written, path)
    assert plain(read_profile(path)) == plain(written)
    text = path.read_text()
    assert text.isascii()
    *_, records = yaml.safe_load_all(text)  # and by YAML alone
    assert [(r["NodeOutputName"], r["Histogram"]) for r in records] == sorted(
        (r.name, r.counts.tolist()) for r in written.records.values()
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (11.0, "11.0"),
        (np.float32(2.64), "2.640000104904175"),
        (2.0**-149, "0.000000000000000000000000000000000000000000001401298464324817"),
        (3.4028234663852886e38, "340282346638528860000000000000000000000.0"),
        (float("inf"), ".inf"),
    ],
)
def test_numbers_have_all_digits_and_no_exponent(tmp_path: Path, number: float, text: str) -> None:
    tensor = TensorProfile("x", number, float("inf"), np.array([1]))
    write_profile(profile(tensor), tmp_path / "p.yaml")
    assert f"  Min:             {text}\n" in (tmp_path / "p.yaml").read_text()


def test_the_bytes_do_not_depend_on_the_order_nor_on_the_hash_seed(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\nfrom pathlib import Path\n"
        "from passes.quantization.files.profile import Profile, TensorProfile, write_profile\n"
        "names = {f'n{i}' for i in range(50)}\n"
        "records = {n: TensorProfile(n, 0.0, 0.1, np.array([1, 2])) for n in names}\n"
        "write_profile(Profile('v', 3, records), Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program, str(tmp_path / seed)]
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parents[3])
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert list(read_profile(tmp_path / "1").records) == sorted(f"n{i}" for i in range(50))


@pytest.mark.parametrize(
    "records",
    [
        "- {NodeOutputName: x, Min: -1, Max: 1.5, Histogram: [3, 0, 1500000]}\n",
        '- Max: 1.5 # of x\n  NodeOutputName: "x"\n  Histogram:\n  - 3\n  - 0\n  - 1.5e+06\n  Min: -1e0\n',
        "- NodeOutputName: x\n  Min: -1.0\n  Max: 1.5\n  Histogram: [ 3, 0,\n                1.5e+06 ]\n",
        "- NodeOutputName: x\n  Min: -1.0\n  Max: 1.5\n  Histogram: [ 3, 0, 1500000, ]\n",
        "- &a\n  NodeOutputName: x\n  Min: -1.0\n  Max: 1.5\n  Histogram: [ 3, 0, 1500000 ] # all\n",
    ],
)
def test_any_yaml_of_the_form_is_read(tmp_path: Path, records: str) -> None:
    for text in (f"{HEAD}---\n{records}", f"\ufeff{HEAD}---\n{records}".replace("\n", "\r\n")):
        found = read(tmp_path, text)
        assert plain(found)[2] == {"x": ("-1.0", "1.5", [3, 0, 1500000])}


@pytest.mark.parametrize("name", ["109", "no", "null", "0x10", "1_000", "/head/Gather_output_0", "onnx::Conv_12"])
def test_names_need_no_quotes(tmp_path: Path, name: str) -> None:
    assert list(read(tmp_path, f"{HEAD}---\n{record(name)}").records) == [name]


def test_text_that_looks_like_a_histogram_is_left_alone(tmp_path: Path) -> None:
    text = f"{HEAD}---\n- NodeOutputName: |\n    a\n    Histogram: [ 1, 2 ]\n  Min: 0\n  Max: 1\n  Histogram: [ 3 ]\n"
    (found,) = read(tmp_path, text).records.values()
    assert found.name == "a\nHistogram: [ 1, 2 ]\n"
    assert found.counts.tolist() == [3]


def test_a_profile_without_tensors(tmp_path: Path) -> None:
    write_profile(profile(), tmp_path / "p.yaml")
    assert read_profile(tmp_path / "p.yaml").records == {}


def test_a_large_profile_takes_little_time(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    tensors = [TensorProfile(f"/layer/{i}/é", -1.25, 2.5, draw.integers(0, 3_000_000, 512)) for i in range(500)]
    path = tmp_path / "p.yaml"
    seconds = [time.process_time()]
    write_profile(profile(*tensors), path)
    seconds.append(time.process_time())
    found = read_profile(path)
    seconds.append(time.process_time())
    assert plain(found) == plain(profile(*sorted(tensors, key=lambda tensor: tensor.name)))
    assert max(np.diff(seconds)) < 2, "0.15 s to write and 0.35 s to read were measured; by YAML alone it is 7 s"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe\x00", "yaml: not a quantization profile: it is not text in UTF-8; correct it"),
        ("", "it has no YAML documents, not three documents (GlowToolsVersion, GraphPreLowerHash, and the list"),
        ("GlowToolsVersion: 1\n", "it has 1 YAML document, not three documents"),
        (HEAD, "it has 2 YAML documents"),
        (REFERENCE + "---\nmore\n", "it has 4 YAML documents"),
        (HEAD + "---\n- {a: b", "yaml:9: not YAML: did not find expected"),
        (HEAD + "---\n- \x01\n", "not YAML: unacceptable character #x0001"),
        (HEAD + "---\n" + "- " * 900, "not YAML that can be read: it is nested too deeply"),
        (HEAD + "---\n- &a [ *a ]\n", "yaml:8: an alias stands within its own anchor"),
        (HEAD + "---\n- ? [a]\n  : b\n", "yaml:8: a key is not a name"),
        (HEAD + "---\n- x: 1\n  x: 2\n", "yaml:9: key 'x' is there twice"),
        (HEAD + "---\nx: 1\n", "yaml:8: the third document is keys with values, not a list"),
        (HEAD + "---\n...\n", "the third document is empty, not a list"),
        (HEAD + "---\n- x\n", "yaml:8: a record is 'x', not keys with values"),
        (HEAD + "---\n- NodeOutputName: x\n  Min: 0\n", "yaml:8: a record has no Max and no Histogram"),
        (HEAD + "---\n" + record() + "  Minn: 0\n", "yaml:12: a record has no key 'Minn' (did you mean Min?); it has"),
        (HEAD + "---\n" + record(""), "yaml:8: NodeOutputName is empty"),
        (HEAD + "---\n" + record("[a]"), "yaml:8: NodeOutputName is a list, not a name"),
        (HEAD + "---\n" + record(low="1.5", high="1.25"), "yaml:9: 'x': Min 1.5 is above Max 1.25"),
        (HEAD + "---\n" + record(low=".nan"), "yaml:9: 'x': Min is NaN"),
        (HEAD + "---\n" + record(high="nan"), "yaml:10: 'x': Max is NaN"),
        (HEAD + "---\n" + record(low="'0'"), "yaml:9: 'x': Min is '0', not a number"),
        (HEAD + "---\n" + record(low="1_0"), "yaml:9: 'x': Min is '1_0', not a number"),
        (HEAD + "---\n" + record(counts="7"), "yaml:11: 'x': Histogram is '7', not a list"),
        (HEAD + "---\n" + record(counts="[]"), "yaml:11: 'x': Histogram has no bins"),
        (HEAD + "---\n" + record(counts="[ 1, -2 ]"), "yaml:11: 'x': bin 1 of Histogram is -2, below 0"),
        (HEAD + "---\n" + record(counts="[ 1, 2.5 ]"), "yaml:11: 'x': bin 1 of Histogram is '2.5', not a whole"),
        (
            HEAD + "---\n" + record(counts="[ 1e+99 ]"),
            "yaml:11: 'x': bin 0 of Histogram is '1e+99', not a whole",
        ),
        (HEAD + "---\n" + record(counts=f"[ {1 << 63} ]"), "bin 0 of Histogram is '9223372036854775808', not a whole"),
        (HEAD + "---\n" + record(counts="[ a ]"), "yaml:11: 'x': bin 0 of Histogram is 'a', not a number"),
        (HEAD + "---\n" + record(counts="\n  - 1\n  - []"), "yaml:13: 'x': bin 1 of Histogram is a list, not a number"),
        (HEAD.replace("0x5C", "5C") + "---\n[]\n", "yaml:5: GraphPreLowerHash is '5C1D22F07A4B9E10', not 0x"),
        (HEAD.replace("0x", "0x1") + "---\n[]\n", "not 0x and at most 16 hexadecimal digits; correct it, or write it"),
        (HEAD.replace("GraphPreLowerHash", "Hash") + "---\n[]\n", "yaml:5: the second document has no key 'Hash'"),
        (HEAD.replace("'2.3.0'", "[]") + "---\n[]\n", "yaml:2: GlowToolsVersion is a list, not a name"),
    ],
)
def test_what_is_no_profile(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(AicError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/profile.yaml:")
    assert "correct it, or write it anew with -dump-profile" in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"none\.yaml: cannot read a quantization profile: No such file.*-dump-profile"):
        read_profile(tmp_path / "none.yaml")
    with pytest.raises(AicError, match=r"cannot write .*: No such file"):
        write_profile(profile(), tmp_path / "none" / "p.yaml")


def test_all_flaws_are_listed_at_once(tmp_path: Path) -> None:
    wrong = [record(f"n{i}", low="2.0") for i in range(13)]
    with pytest.raises(AicError) as caught:
        read(tmp_path, f"{HEAD}---\n{record()}{''.join(wrong[:2])}")
    assert str(caught.value) == (
        f"{tmp_path}/profile.yaml: 2 mistakes; correct it, or write it anew with -dump-profile:\n"
        "  line 13: 'n0': Min 2.0 is above Max 1.0\n"
        "  line 17: 'n1': Min 2.0 is above Max 1.0"
    )
    with pytest.raises(AicError, match=r"13 mistakes; (.|\n)*'n9'.*\n  and 3 more$"):
        read(tmp_path, f"{HEAD}---\n{''.join(wrong)}")


def test_lines_are_those_of_the_file_after_a_histogram_of_several(tmp_path: Path) -> None:
    before = record(counts="[ 1,\n    2,\n    3 ]") + record("z", counts="[ 1,\n    2, ]")
    with pytest.raises(AicError, match=r"profile\.yaml:20: 'y': Min 2.0 is above Max 1.0"):
        read(tmp_path, f"{HEAD}---\n{before}{record('y', low='2.0')}")


def test_names_that_come_twice(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"profile\.yaml:16: 'x' is there twice, first in line 8;"):
        read(tmp_path, f"{HEAD}---\n{record()}{record('y')}{record()}")


def test_noise_is_refused_or_read_but_never_crashes(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        broken = bytearray(REFERENCE.encode())
        for position in draw.integers(0, len(broken), 2):
            broken[position] = draw.integers(0, 256)
        try:
            read(tmp_path, bytes(broken))
        except AicError:
            refused += 1
    assert refused > 100
