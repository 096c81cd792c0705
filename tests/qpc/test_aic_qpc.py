import json
from pathlib import Path

import pytest

from aic.qpc.container import NewSegment, container_bytes, write_container
from tests.qpc import independent_reader
from tests.qpc.samples import sample, without_program
from tools.aic_qpc import main


@pytest.fixture
def qpc(tmp_path: Path) -> Path:
    path = tmp_path / "programqpc.bin"
    write_container(path, sample().segments())
    return path


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A QPC whose program is not one of ours."""
    path = tmp_path / "foreign.bin"
    write_container(path, without_program(sample().segments()))
    return path


def test_validate(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "-i", str(foreign)]) == 0
    assert "Number of NSP required: 2" in capsys.readouterr().out


def test_validate_fails_with_one_line(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_container(foreign, without_program(sample().with_metadata(VTCMSize=0, numSemaphores=3).segments()))
    assert main(["validate", "--input-file", str(foreign)]) == 1
    printed = capsys.readouterr()
    assert "error: metadata: VTCMSize is 0" in printed.out
    assert printed.err.count("\n") == 1
    assert printed.err.endswith("VTCMSize is 0, 1 to 8388608 are possible (and 3 more)\n")


@pytest.mark.parametrize("option", ["-i", "--input-file", "--qpc"])
def test_extract_and_create_give_the_same_file(qpc: Path, tmp_path: Path, option: str) -> None:
    assert main(["extract", option, str(qpc), "-o", str(tmp_path / "out")]) == 0
    described = json.loads((tmp_path / "out" / "networkdesc.bin_dir" / "networkdesc.json").read_text())
    assert described["network_name"] == "sample"
    assert main(["create", "-i", str(tmp_path / "out"), "-o", str(tmp_path / "again.bin")]) == 0
    assert (tmp_path / "again.bin").read_bytes() == qpc.read_bytes()


def test_extract_filters_and_looks_into_inner_qpcs(qpc: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.bin"
    write_container(
        outer,
        [NewSegment.of_bytes("slice00", qpc.read_bytes()), NewSegment.of_bytes("mdp_meta_info", b"x")],
    )
    arguments = ["extract", "--qpc", str(outer), "--output-dir", str(tmp_path / "out")]
    assert main([*arguments, "-s", "*.json", "-s", "constantsdesc*"]) == 0
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {"slice00_dir/constantsdesc.bin", "slice00_dir/networkdesc.bin_dir/networkdesc.json"}
    assert main([*arguments, "-s", "nothing"]) == 1


def test_nesting_is_limited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"x"
    for _ in range(20):
        data = container_bytes([NewSegment.of_bytes("a", data)])
    (tmp_path / "deep.bin").write_bytes(data)
    assert main(["extract", "-i", str(tmp_path / "deep.bin"), "-o", str(tmp_path / "out")]) == 1
    assert "nested deeper" in capsys.readouterr().err


def test_create_from_named_files(qpc: Path, tmp_path: Path) -> None:
    assert main(["extract", "-i", str(qpc), "-o", str(tmp_path / "out")]) == 0
    named = {"-n": "network.elf", "-d": "networkdesc.bin", "-c": "constants.bin", "-e": "constantsdesc.bin"}
    arguments: list[str] = []
    for option, name in named.items():
        (tmp_path / "out" / name).rename(tmp_path / f"my-{name}")
        arguments += [option, str(tmp_path / f"my-{name}")]
    (tmp_path / "extra").write_bytes(b"network binary")
    arguments += ["-b", str(tmp_path / "extra"), "-o", str(tmp_path / "again.bin")]
    assert main(["create", *arguments]) == 0
    seen = independent_reader.read((tmp_path / "again.bin").read_bytes())
    assert set(seen["segments"]) == {*named.values(), "network.bin"}


def test_a_named_file_of_the_directory_is_packed_once(qpc: Path, tmp_path: Path) -> None:
    assert main(["extract", "-i", str(qpc), "-o", str(tmp_path / "out")]) == 0
    (tmp_path / "out" / "network.elf").rename(tmp_path / "out" / "mine.elf")
    arguments = ["create", "-i", str(tmp_path / "out"), "-n", "mine.elf", "-o", str(tmp_path / "again.bin")]
    assert main(arguments) == 0
    assert (tmp_path / "again.bin").read_bytes() == qpc.read_bytes()


def test_add_crcs(foreign: Path, tmp_path: Path) -> None:
    before = foreign.read_bytes()
    for _ in range(2):  # the second time replaces the first values
        assert main(["addCRC32", "-i", str(foreign), "-o", str(tmp_path)]) == 0
    seen = independent_reader.read(foreign.read_bytes())
    plain = independent_reader.read(before)
    assert seen["crcs"] == {
        "network.elf.crc": independent_reader.crc32(plain["segments"]["network.elf"][0]),
        "metadata.crc": independent_reader.crc32(plain["sections"]["metadata"][0]),
        "constants.bin.crc": independent_reader.crc32(plain["segments"]["constants.bin"][0]),
    }
    assert main(["validate", "-i", str(foreign)]) == 0


def test_add_crcs_under_another_name(qpc: Path, tmp_path: Path) -> None:
    assert main(["addCRC32", "-i", str(qpc), "-o", str(tmp_path / "new"), "checked.bin"]) == 0
    assert (tmp_path / "new" / "checked.bin").exists()


def test_info(qpc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "-i", str(qpc)]) == 0
    shown = capsys.readouterr().out
    assert "'image': FloatTy 2x3, 24 bytes" in shown
    assert "2 NSPs" in shown
    assert "simulation only" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["pack"],
        ["validate"],
        ["validate", "-i", "/no/such/file"],
        ["create", "-o", "/tmp/never.bin"],
        ["create", "-i", "/no/such/directory", "-o", "/tmp/never.bin"],
        ["extract", "-i", __file__, "-o", "/no/such/directory"],
    ],
)
def test_mistakes_give_one_line_and_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("aic-qpc: error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["-h"], ["create", "--help"], ["validate", "-h"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "usage: aic-qpc" in capsys.readouterr().out
