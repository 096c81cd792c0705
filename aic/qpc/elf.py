"""network.elf: a small ELF32 file for Hexagon that carries the NSP program and its metadata.

    .text         `_qaic_start`, a stub that only returns (the program is not Hexagon code)
    .note.aic     owner "aic": says that the program is for simulation
    .aic.program  the encoded NSP program, not loaded
    metadata      guard and flatbuffer (see `aic.qpc.metadata`), not loaded

Source of the header layouts: System V ABI, chapters 4 and 5; of the Hexagon values: Qualcomm Hexagon ABI.
"""

import struct
from dataclasses import dataclass

from aic.qpc.errors import QpcError

PROGRAM_SECTION = ".aic.program"
METADATA_SECTION = "metadata"
NOTE_SECTION = ".note.aic"
NOTE_OWNER = b"aic\0"
NOTE_TEXT = (
    "The NSP program in section .aic.program is for simulation only; it is not Hexagon code. "
    "The entry point _qaic_start is a stub that returns."
)
ENTRY_SYMBOL = "_qaic_start"
IMAGE_BASE = 0x02000000
PAGE_BYTES = 4096
ENTRY_POINT = IMAGE_BASE + PAGE_BYTES
"""Address of `_qaic_start`; thread descriptors in the metadata name it."""

MACHINE_HEXAGON = 164
MAX_SECTIONS = 256

_JUMP_R31 = struct.pack("<I", 0x529FC000)  # `jumpr r31`: return to the caller
_HEXAGON_V68 = 0x68
_EXECUTABLE, _VERSION = 2, 1
_IDENTIFICATION = b"\x7fELF" + bytes((1, 1, 1)) + bytes(9)  # 32-bit, little endian, version 1

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<IIIIIIII")
_SECTION = struct.Struct("<IIIIIIIIII")
_SYMBOL = struct.Struct("<IIIBBH")
_NOTE = struct.Struct("<III")

_LOAD, _READ_EXECUTE = 1, 5
_PROGBITS, _SYMTAB, _STRTAB, _NOTE_TYPE, _NOBITS = 1, 2, 3, 7, 8
_ALLOC_EXECUTE = 0x6
_GLOBAL_FUNCTION = 0x12


@dataclass(frozen=True)
class ElfImage:
    """What an ELF file holds.

    `code`: the address ranges of executable sections. `sections`: section name -> bytes, not copied.
    """

    machine: int
    entry: int
    code: tuple[range, ...]
    sections: dict[str, memoryview]


@dataclass(frozen=True)
class _Section:
    name: str
    kind: int
    data: bytes
    alignment: int = 1
    flags: int = 0
    address: int = 0
    link: int = 0
    info: int = 0
    entry_size: int = 0


def write_elf(program: bytes, metadata: bytes) -> bytes:
    """network.elf around an encoded program and the content of the metadata section."""
    symbol_names = b"\0" + ENTRY_SYMBOL.encode() + b"\0"
    symbols = _SYMBOL.pack(0, 0, 0, 0, 0, 0) + _SYMBOL.pack(1, ENTRY_POINT, len(_JUMP_R31), _GLOBAL_FUNCTION, 0, 1)
    return _assemble(
        [
            _Section(".text", _PROGBITS, _JUMP_R31, PAGE_BYTES, _ALLOC_EXECUTE, ENTRY_POINT),
            _Section(NOTE_SECTION, _NOTE_TYPE, _note(), 4),
            _Section(PROGRAM_SECTION, _PROGBITS, program, 8),
            _Section(METADATA_SECTION, _PROGBITS, metadata),
            _Section(".symtab", _SYMTAB, symbols, 4, link=6, info=1, entry_size=_SYMBOL.size),
            _Section(".strtab", _STRTAB, symbol_names),
        ]
    )


def read_elf(data: bytes | memoryview) -> ElfImage:
    """Read the section table of a 32-bit little-endian ELF file.

    Raises QpcError if headers, sections or names lie outside the file, or if a section name repeats.
    """
    data = memoryview(data)
    if len(data) < _HEADER.size or bytes(data[:7]) != _IDENTIFICATION[:7]:
        raise QpcError("network.elf: not a 32-bit little-endian ELF file")
    header = _HEADER.unpack_from(data)
    machine, entry, table = header[2], header[4], header[6]
    entry_size, count, names_index = header[11:14]
    if entry_size != _SECTION.size or count > MAX_SECTIONS or table + count * _SECTION.size > len(data):
        raise QpcError(
            f"network.elf: section table ({count} entries of {entry_size} bytes at {table}) is out of bounds"
        )
    if names_index >= count:
        raise QpcError(f"network.elf: section {names_index} should hold the names, but there are {count} sections")
    headers = [_SECTION.unpack_from(data, table + index * _SECTION.size) for index in range(count)]
    names = _section_bytes(data, headers[names_index], "section names")

    sections: dict[str, memoryview] = {}
    for section in headers[1:]:
        name = _string(names, section[0])
        if name in sections:
            raise QpcError(f"network.elf: section {name[:64]!r} occurs twice")
        sections[name] = _section_bytes(data, section, name)
    code = tuple(
        range(section[3], section[3] + section[5])
        for section in headers
        if section[2] & _ALLOC_EXECUTE == _ALLOC_EXECUTE
    )
    return ElfImage(machine, entry, code, sections)


def require_section(image: ElfImage, name: str) -> memoryview:
    """The bytes of a section; raises QpcError if there is none of that name."""
    if name not in image.sections:
        raise QpcError(f"network.elf: section '{name}' is missing")
    return image.sections[name]


def _note() -> bytes:
    text = NOTE_TEXT.encode() + b"\0"
    return _NOTE.pack(len(NOTE_OWNER), len(text), 1) + NOTE_OWNER + text + bytes(-len(text) % 4)


def _assemble(sections: list[_Section]) -> bytes:
    """Lay the sections out behind the headers, then the section names, then the section table."""
    names = b"\0"
    name_offsets: list[int] = []
    for name in [*(section.name for section in sections), ".shstrtab"]:
        name_offsets.append(len(names))
        names += name.encode() + b"\0"
    sections = [*sections, _Section(".shstrtab", _STRTAB, names)]

    body = bytearray(_HEADER.size + _SEGMENT.size)
    table = _SECTION.pack(*[0] * 10)
    text_offset = PAGE_BYTES
    for section, name_offset in zip(sections, name_offsets, strict=True):
        body += bytes(-len(body) % section.alignment)
        table += _SECTION.pack(
            name_offset, section.kind, section.flags, section.address, len(body), len(section.data),
            section.link, section.info, section.alignment, section.entry_size,
        )  # fmt: skip
        body += section.data
    body += bytes(-len(body) % 4)
    count = len(sections) + 1
    _HEADER.pack_into(
        body, 0, _IDENTIFICATION, _EXECUTABLE, MACHINE_HEXAGON, _VERSION, ENTRY_POINT, _HEADER.size, len(body),
        _HEXAGON_V68, _HEADER.size, _SEGMENT.size, 1, _SECTION.size, count, count - 1,
    )  # fmt: skip
    _SEGMENT.pack_into(
        body, _HEADER.size, _LOAD, text_offset, ENTRY_POINT, ENTRY_POINT, len(_JUMP_R31), len(_JUMP_R31),
        _READ_EXECUTE, PAGE_BYTES,
    )  # fmt: skip
    return bytes(body + table)


def _section_bytes(data: memoryview, header: tuple[int, ...], name: str) -> memoryview:
    kind, offset, size = header[1], header[4], header[5]
    if kind == _NOBITS:
        return data[:0]
    if offset + size > len(data):
        raise QpcError(
            f"network.elf: section {name[:64]!r} (bytes {offset} to {offset + size}) exceeds {len(data)} bytes"
        )
    return data[offset : offset + size]


def _string(names: memoryview, start: int) -> str:
    raw = bytes(names[start : start + 256])
    end = raw.find(b"\0")
    if start >= len(names) or end < 0:
        raise QpcError(f"network.elf: section name at {start} does not end within its table")
    return raw[:end].decode("ascii", errors="backslashreplace")
