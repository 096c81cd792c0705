import io
import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings

from aic.qpc.elf import ENTRY_POINT, MACHINE_HEXAGON, read_elf, write_elf
from aic.qpc.errors import QpcError
from tests.qpc import independent_reader
from tests.qpc.samples import damaged

IMAGE = write_elf(b"program" * 9, b"metadata!")


def test_round_trip() -> None:
    elf = read_elf(IMAGE)
    assert (elf.machine, elf.entry) == (MACHINE_HEXAGON, ENTRY_POINT)
    assert bytes(elf.sections[".aic.program"]) == b"program" * 9
    assert bytes(elf.sections["metadata"]) == b"metadata!"
    assert any(ENTRY_POINT in addresses for addresses in elf.code)
    _, sections = independent_reader.read_sections(IMAGE)
    assert sections["metadata"][0] == b"metadata!"
    kind, flags, address, alignment = (sections["metadata"][1][i] for i in (1, 2, 3, 8))
    assert (kind, flags, address, alignment) == (1, 0, 0, 1)


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not installed")
def test_readelf_opens_it_without_warnings(tmp_path: Path) -> None:
    path = tmp_path / "network.elf"
    path.write_bytes(IMAGE)
    result = subprocess.run(["readelf", "-aW", path], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert "QUALCOMM DSP6" in result.stdout
    assert "_qaic_start" in result.stdout
    assert "arning" not in result.stdout


def test_pyelftools_opens_it() -> None:
    elf = ELFFile(io.BytesIO(IMAGE))
    assert elf["e_machine"] == "EM_QDSP6"
    (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name("_qaic_start")
    assert symbol["st_value"] == elf["e_entry"] == ENTRY_POINT
    (note,) = elf.get_section_by_name(".note.aic").iter_notes()
    assert note["n_name"] == "aic"
    assert b"simulation only" in IMAGE[note["n_offset"] : note["n_offset"] + note["n_size"]]
    # One loaded segment, congruent to its file offset, that holds the stub: `jumpr r31`.
    (segment,) = elf.iter_segments()
    assert segment["p_type"] == "PT_LOAD"
    assert (segment["p_vaddr"] - segment["p_offset"]) % segment["p_align"] == 0
    assert segment.data() == (0x529FC000).to_bytes(4, "little")


@given(damaged(IMAGE))
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_harmless(data: bytes) -> None:
    try:
        read_elf(data)
    except QpcError:
        return
