"""`aic-qpc validate` names all that is wrong with a QPC: in which segment, at which byte, and what can be done."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64

from aic.emit import emit_qpc, placed_program
from aic.load import load_qpc, validate_qpc
from aic.qpc.container import NewSegment, container_bytes, read_container
from aic.qpc.crc import pack_crc
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError
from aic.qpc.metadata import read_metadata, write_metadata
from dialects.aic import TargetAttr, WeightAttr
from dialects.module import main_of, set_signals
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.instructions import ComputeOp
from dialects.tile.transfers import StoreOp
from tests.driver.programs import tiny_program
from tools.aic_qpc import main

Segments = dict[str, bytes]
Change = Callable[[Segments], None]


@pytest.fixture(scope="module")
def qpc(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "x.bin"
    emit_qpc(tiny_program(), path)
    return path.read_bytes()


def segments_of(data: bytes) -> Segments:
    return {name: bytes(segment.data) for name, segment in read_container(memoryview(data)).items()}


def packed(segments: Segments) -> bytes:
    return container_bytes(
        [NewSegment.of_bytes(n, d, len(d) if n == "constants.bin" else 0) for n, d in segments.items()]
    )


def replaced(name: str, content: bytes) -> Change:
    return lambda segments: segments.update({name: content})


def elf(change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> Change:
    """Changes the encoded program and the metadata."""

    def changed(segments: Segments) -> None:
        sections = read_elf(segments["network.elf"]).sections
        segments["network.elf"] = write_elf(
            *change(bytes(sections[PROGRAM_SECTION]), bytes(sections[METADATA_SECTION]))
        )

    return changed


def program(change: Callable[[ModuleOp], None]) -> Change:
    """Changes the program's operations."""

    def changed(_: bytes, metadata: bytes) -> tuple[bytes, bytes]:
        module, _ = placed_program(tiny_program())
        change(module)
        return encode(module), metadata

    return elf(changed)


def the(kind: type, module: ModuleOp, index: int = 0) -> TensorOp | AllocOp | ComputeOp | StoreOp:
    return [op for op in main_of(module).body.walk() if isinstance(op, kind)][index]


def renamed_output(module: ModuleOp) -> None:
    the(TensorOp, module, 1).properties["label"] = StringAttr("z")


def wrong_kernel_and_signals(module: ModuleOp) -> None:
    the(ComputeOp, module).properties["kernel"] = StringAttr("softmax")
    set_signals(module, (1, 1, 1, 1, 2))


def far_address(module: ModuleOp) -> None:
    the(AllocOp, module).properties["address"] = IntegerAttr(1 << 40, i64)


def box_outside(module: ModuleOp) -> None:
    the(StoreOp, module).properties["box"] = BoxAttr(Box.whole((5, 600), (2,)))


def larger_card(module: ModuleOp) -> None:
    module.attributes["aic.target"] = TargetAttr.of("pro", {"vtcm_bytes": 1 << 40})


def constant_elsewhere(module: ModuleOp) -> None:
    tensor = the(TensorOp, module, 2)
    assert isinstance(tensor, TensorOp)
    assert tensor.value is not None
    tensor.properties["value"] = WeightAttr.of("constants.bin@8192+4800", tensor.value.type)


def without_vtcm(encoded: bytes, metadata: bytes) -> tuple[bytes, bytes]:
    return encoded, write_metadata(replace(read_metadata(metadata), VTCMSize=0, numSemaphores=3))


@pytest.mark.parametrize(
    ("change", "segment", "messages", "remedy"),
    [
        (replaced("constantsdesc.bin", b"short"), "constantsdesc.bin", ["24 bytes expected, 5 found"], "copy"),
        (replaced("networkdesc.bin", b"\xff" * 9), "networkdesc.bin", ["not a network descriptor"], "copy"),
        (replaced("network.elf", b"\x7fELF"), "network.elf", ["not a 32-bit little-endian ELF file"], "copy"),
        (elf(lambda p, m: (p, m[:-9])), "network.elf", ["flatbuffer: "], "copy"),
        (elf(lambda p, m: (p[:-1], m)), "network.elf", ["section .aic.program: program: "], "compile"),
        (elf(lambda p, m: (b"AICPROG\0" + b"\2" + p[9:], m)), "network.elf", ["encoding version 2.0"], "compile"),
        (elf(without_vtcm), "network.elf", ["metadata: VTCMSize is 0", "numSemaphores is 3, but"], "copy"),
        (replaced("network.elf.crc", pack_crc(7)), "network.elf.crc", ["CRC-32 0x00000007, but the content"], "copy"),
        (replaced("constants.bin.crc", b""), "constants.bin.crc", ["a CRC has 4 bytes, this one has 0"], "copy"),
        (program(renamed_output), "networkdesc.bin", ["its outputs are not those of the program"], "copy"),
        (program(wrong_kernel_and_signals), "network.elf", ["Expected 1 operand", "declared to end at 2"], "compile"),
        (program(far_address), "network.elf", ["lies at 1099511627776 to 1099511630176 of 8323072 bytes"], "compile"),
        (program(box_outside), "network.elf", ["leaves the"], "compile"),
        (program(larger_card), "network.elf", ["vtcm_bytes = 1099511627776, the SKU pro 8388608"], "compile"),
        (program(constant_elsewhere), "network.elf", ["constants.bin@8192+4800 lies outside the 6152"], "compile"),
    ],
)  # fmt: skip
def test_each_defect_is_named(
    qpc: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Change,
    segment: str,
    messages: Sequence[str],
    remedy: str,
) -> None:
    segments = segments_of(qpc)
    change(segments)
    path = tmp_path / "x.bin"
    path.write_bytes(packed(segments))
    errors = validate_qpc(path).errors
    for message in messages:
        assert any(message in error.message and error.segment == segment for error in errors), errors
    offset = read_container(memoryview(packed(segments)))[segment].offset
    assert main(["validate", "-i", str(path)]) == 1
    told = capsys.readouterr()
    assert f"[{segment} at byte {offset}]" in told.out
    assert f"to do: {remedy} the " in told.out
    assert told.err.count("\n") == 1
    with pytest.raises(QpcError):
        load_qpc(path)


def test_all_defects_are_named_at_once(qpc: bytes, tmp_path: Path) -> None:
    segments = segments_of(qpc)
    for change in (
        replaced("constantsdesc.bin", b"short"),
        replaced("networkdesc.bin", b"\xff" * 9),
        elf(lambda p, m: (p[:-1], m[:-9])),
        replaced("constants.bin.crc", pack_crc(7)),
    ):
        change(segments)
    (tmp_path / "x.bin").write_bytes(packed(segments))
    errors = validate_qpc(tmp_path / "x.bin").errors
    assert [error.segment for error in errors] == [
        "networkdesc.bin", "constantsdesc.bin", "network.elf", "network.elf", "constants.bin.crc",
    ]  # fmt: skip


def test_a_file_that_is_cut_off_has_its_segments_named(qpc: bytes, tmp_path: Path) -> None:
    start = read_container(memoryview(qpc))["network.elf"].offset
    (tmp_path / "x.bin").write_bytes(qpc[: start + 100])
    messages = [error.message for error in validate_qpc(tmp_path / "x.bin").errors]
    assert len(messages) == 3
    assert messages[0] == f"QPC header: size says {len(qpc)} bytes, the file has {start + 100}"
    assert messages[1].startswith(f"segment network.elf: bytes {start} to ")
    assert messages[2].startswith("segment networkdesc.bin: bytes ")


@pytest.mark.parametrize(
    ("at", "layout", "values", "message"),
    [
        (0, "<I", (7,), "magic number mismatch"),
        (6, "<HQ", (2, 8), "compression type 2"),
        (24, "<Q", (1 << 40,), "1099511627776 segments"),
        (32, "<Q", (1 << 50,), "segment table: bytes 1125899906842624 to"),
        (40, "<Q", (1 << 62,), "segment constants.bin: bytes 4096 to"),
        (56, "<Q", (1 << 63,), "name of segment 0"),
        (64 + 32, "<Q", (4096,), "overlaps"),
    ],
)
def test_defects_of_the_container_are_named(
    qpc: bytes, tmp_path: Path, at: int, layout: str, values: tuple[int, ...], message: str
) -> None:
    data = bytearray(qpc)
    struct.pack_into(layout, data, at, *values)
    (tmp_path / "x.bin").write_bytes(data)
    report = validate_qpc(tmp_path / "x.bin")
    assert any(message in error.message for error in report.errors), report.text()
    assert "to do: copy the file again" in report.text()


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    assert "not a regular file" in validate_qpc("/dev/zero").text()
    assert "not a regular file" in validate_qpc(tmp_path).text()
