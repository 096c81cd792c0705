"""Lists of nodes that compute in fp16, and names that the network does not have."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aic.files.names import check_known
from dialects.errors import AicError
from passes.quantization.files.node_precision import read_node_precision


def read(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "np.yaml"
    path.write_text(text)
    return read_node_precision(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FP16NodeInstanceNames: [conv0, bn0, relu0]", ("conv0", "bn0", "relu0")),
        (
            "FP16NodeInstanceNames: [/head/Gather_output_0, /head/Div_output_0]",
            ("/head/Gather_output_0", "/head/Div_output_0"),
        ),
        ("FP16NodeInstanceNames: [109, 110, no, 0x1F, 1e5, '109']", ("109", "110", "no", "0x1F", "1e5")),
        ("# mine\nFP16NodeInstanceNames:\n  - /a/b\n  - onnx::Add_1 # last\n", ("/a/b", "onnx::Add_1")),
        ("---\nFP16NodeInstanceNames: []\n...\n", ()),
    ],
)
def test_names(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    assert read(tmp_path, text) == names


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), unique=True))
def test_names_in_single_quotes(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    assert read(tmp_path_factory.mktemp("np"), f"FP16NodeInstanceNames: [{quoted}]") == tuple(names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "np.yaml: not a node precision file: it has no YAML documents, not one"),
        ("---\na\n---\nb\n", "it has 2 YAML documents, not one"),
        ("[a]", "np.yaml:1: the file is a list, not keys with values"),
        ("FP16NodeInstanceNames: [a", "np.yaml:2: not YAML: did not find expected ',' or ']'"),
        (
            "FP16NodeInstanceName: [a]",
            "np.yaml:1: the file has no key 'FP16NodeInstanceName' (did you mean FP16NodeInst",
        ),
        ("Other: [a]", "np.yaml:1: the file has no key 'Other'; it has FP16NodeInstanceNames"),
        ("{}", "np.yaml:1: the file has no FP16NodeInstanceNames"),
        ("FP16NodeInstanceNames:", "np.yaml:1: FP16NodeInstanceNames is empty, not a list"),
        ("FP16NodeInstanceNames: a", "np.yaml:1: FP16NodeInstanceNames is 'a', not a list"),
        ("FP16NodeInstanceNames:\n- a\n-\n", "np.yaml:3: a name in FP16NodeInstanceNames is empty"),
        ("FP16NodeInstanceNames:\n- a\n- [b]\n", "np.yaml:3: a name in FP16NodeInstanceNames is a list, not a name"),
        (
            "FP16NodeInstanceNames: [a]\nFP32NodeInstanceNames: [b]",
            "np.yaml:2: FP32NodeInstanceNames: single nodes cannot be set to fp32; -keep-original-precision-for-nodes",
        ),
    ],
)
def test_what_is_no_list_of_nodes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AicError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).endswith("; correct it (docs/quantization-files.md shows the form)")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"none\.yaml: cannot read a node precision file: No such file"):
        read_node_precision(tmp_path / "none.yaml")


def test_known_names_pass() -> None:
    check_known([], [], "np.yaml: no node's first output")
    check_known(["a", "b", "a"], {"a", "b", "c"}, "np.yaml: no node's first output")


@pytest.mark.parametrize(
    ("names", "known", "message"),
    [
        (["conv1"], ["conv0", "bn"], "np.yaml: no first output: 'conv1'; did you mean 'conv0'?"),
        (["x"], ["conv0", "bn"], "np.yaml: no first output: 'x'; there are 'bn', 'conv0'"),
        (["x"], [], "np.yaml: no first output: 'x'"),
        (["x"], [f"n{i}" for i in range(9)], "np.yaml: no first output: 'x'"),
        (
            ["conv1", "bn", "bnn", "conv1"],
            ["conv0", "bn"],
            "np.yaml: no first output:\n  'conv1'; did you mean 'conv0'?\n  'bnn'; did you mean 'bn'?",
        ),
    ],
)
def test_unknown_names_are_all_listed(names: list[str], known: list[str], message: str) -> None:
    with pytest.raises(AicError) as caught:
        check_known(names, known, "np.yaml: no first output")
    assert str(caught.value) == message


def test_a_file_for_another_network_does_not_take_long() -> None:
    known = [f"/layers.{i}/MatMul" for i in range(3000)]
    with pytest.raises(AicError) as caught:
        check_known([f"/layers.{i}/Matmul" for i in range(2000)], known, "external.yaml")
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 2000
    assert sum("did you mean" in line for line in lines) == 4
