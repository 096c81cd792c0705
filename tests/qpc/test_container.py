import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aic.qpc.container import (
    NewSegment,
    container_bytes,
    open_container,
    read_container,
    write_container,
)
from aic.qpc.errors import QpcError
from dialects.errors import AicError
from tests.qpc import independent_reader
from tests.qpc.samples import damaged, sample

NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)
CONTENTS = st.dictionaries(NAMES | st.just("constants.bin"), st.binary(max_size=200), min_size=1, max_size=6)
SAMPLE = container_bytes(sample().segments())


@given(CONTENTS)
@settings(max_examples=60, deadline=None)
def test_round_trip(contents: dict[str, bytes]) -> None:
    data = container_bytes([NewSegment.of_bytes(name, raw, len(raw)) for name, raw in contents.items()])
    segments = read_container(memoryview(data))
    assert {name: bytes(segment.data) for name, segment in segments.items()} == contents
    assert all(segment.static_size == len(segment.data) for segment in segments.values())
    assert all(segment.offset % (4096 if name == "constants.bin" else 8) == 0 for name, segment in segments.items())
    seen = independent_reader.read_segments(data)
    assert {name: raw for name, (raw, _, _) in seen.items()} == contents


def test_header_is_as_described() -> None:
    data = container_bytes([NewSegment.of_bytes("network.elf", b"abc")])
    assert struct.unpack_from("<IBBHQQQQ", data) == (0x00A1CD7C, 0, 1, 1, len(data), 0, 1, 40)
    assert len(data) % 8 == 0


@given(damaged(SAMPLE))
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_harmless(data: bytes) -> None:
    try:
        read_container(memoryview(data))
    except QpcError:
        return


def test_base_is_subtracted_from_pointers() -> None:
    data = bytearray(container_bytes([NewSegment.of_bytes("a", b"xyz")]))
    base = 0x7F0000001000
    for at in (32, 40 + 16, 40 + 24):
        struct.pack_into("<Q", data, at, struct.unpack_from("<Q", data, at)[0] + base)
    struct.pack_into("<Q", data, 16, base)
    assert bytes(read_container(memoryview(data))["a"].data) == b"xyz"


@pytest.mark.parametrize(
    ("at", "layout", "value", "message"),
    [
        (0, "<I", 1, "magic"),
        (6, "<H", 0, "compression type 0"),
        (8, "<Q", 7, "size says 7"),
        (24, "<Q", 1 << 40, "segments"),
        (32, "<Q", 1 << 50, "segment table"),
        (32, "<Q", 8, "segment name"),
        (40, "<Q", 1 << 62, "outside the file"),
        (48, "<Q", 4, "static bytes"),
        (56, "<Q", 1 << 63, "name of segment 0"),
        (64, "<Q", 0, "overlaps"),
        (72 + 16, "<Q", 104, "occurs twice"),
    ],
)
def test_each_header_field_is_checked(at: int, layout: str, value: int, message: str) -> None:
    data = bytearray(container_bytes([NewSegment.of_bytes("a", b"xyz"), NewSegment.of_bytes("b", b"xyz")]))
    struct.pack_into(layout, data, at, value)
    with pytest.raises(QpcError, match=message):
        read_container(memoryview(data))


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a\0b", "a" * 300, "ü"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(QpcError, match="segment name"):
        container_bytes([NewSegment.of_bytes(name, b"")])


def test_two_segments_of_one_name_are_refused() -> None:
    with pytest.raises(QpcError, match="two segments are called 'a'"):
        container_bytes([NewSegment.of_bytes("a", b""), NewSegment.of_bytes("a", b"")])


def test_large_segments_are_streamed(tmp_path: Path) -> None:
    produced = 0

    def chunks() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(64):
            produced += 1
            yield bytes(1 << 16)

    segment = NewSegment("constants.bin", 64 << 16, chunks, 64 << 16)
    assert produced == 0
    write_container(tmp_path / "a.qpc", [segment])
    assert produced == 64
    with open_container(tmp_path / "a.qpc") as segments:
        assert len(segments["constants.bin"].data) == 64 << 16


@pytest.mark.parametrize("chunks", [[b"abc"], [b"abc", b"de"], []])
def test_a_wrong_announced_size_leaves_the_old_file(tmp_path: Path, chunks: list[bytes]) -> None:
    path = tmp_path / "a.qpc"
    path.write_bytes(b"old")
    with pytest.raises(QpcError, match="announced 4 bytes"):
        write_container(path, [NewSegment("a", 4, lambda: chunks)])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_unreadable_and_unwritable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(QpcError, match=r"missing\.qpc"), open_container(tmp_path / "missing.qpc"):
        pass
    with pytest.raises(AicError, match="cannot write"):
        write_container(tmp_path / "no" / "such" / "a.qpc", [NewSegment.of_bytes("a", b"")])
    (tmp_path / "empty.qpc").write_bytes(b"")
    with pytest.raises(QpcError, match="not a QPC"), open_container(tmp_path / "empty.qpc"):
        pass
