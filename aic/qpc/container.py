"""The QPC container: a header, a table of named segments, their names, their data.

    offset 0   header    u32 magic, u8 major, u8 minor, u16 compression, u64 size, u64 base, u64 images, u64 table
    offset 40  table     per segment: u64 size, u64 static bytes, u64 name pointer, u64 data pointer
               names     NUL-terminated, in table order
               data      in table order

All little endian. A stored pointer `p` means file offset `p - base`; this writer uses base 0. Every element starts at a
multiple of 8, and the data of `constants.bin` at a multiple of 4096 so that it can be mapped on its own; so is that of
a QPC for one of several cards, which has such a segment.
"""

import mmap
import os
import re
import struct
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from aic.qpc.errors import QpcError
from dialects.files import written_aside

MAGIC = 0x00A1CD7C
MAJOR, MINOR = 0, 1
SELF_CONTAINED = 1
"""The compression type of a file whose pointers are file offsets (historically SLOWPATH); nothing is compressed."""

QPC_FILE = "programqpc.bin"
"""Name of a QPC in a folder."""

NETWORK_ELF = "network.elf"
NETWORK_DESC = "networkdesc.bin"
CONSTANTS_DESC = "constantsdesc.bin"
CONSTANTS = "constants.bin"
MDP_META_INFO = "mdp_meta_info"
"""Marks a QPC for several cards."""
SLICE = "QAicGraph_slice"
"""How names of segments begin that are QPCs themselves, one for each card."""

MAX_SEGMENTS = 4096
MAX_NAME_BYTES = 255
MAX_FILE_BYTES = 1 << 40

_HEADER = struct.Struct("<IBBHQQQQ")
_ENTRY = struct.Struct("<QQQQ")
_ALIGNMENT = 8
_MAPPED_ALIGNMENT = 4096
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_COPY_BYTES = 1 << 20

Chunk = bytes | bytearray | memoryview


@dataclass(frozen=True)
class NewSegment:
    """A segment to write: its data at once, or as chunks that are asked for only when they are written.

    `chunks` must yield exactly `size` bytes. `static_size` is the number of leading bytes of `constants.bin` that are
    static constants, 0 for every other segment (1.4 of the format: a 0 there makes the whole segment dynamic).
    """

    name: str
    size: int
    chunks: Callable[[], Iterable[Chunk]]
    static_size: int = 0

    @staticmethod
    def of_bytes(name: str, data: Chunk, static_size: int = 0) -> "NewSegment":
        """A segment whose data is in memory."""
        return NewSegment(name, len(data), lambda: (data,), static_size)

    @staticmethod
    def of_file(name: str, path: str | Path, static_size: int = 0) -> "NewSegment":
        """A segment whose data is copied from a file, a mebibyte at a time. Raises QpcError if it cannot be read."""
        try:
            size = os.stat(path).st_size
        except OSError as error:
            raise QpcError(f"cannot read '{path}': {error.strerror}") from error
        return NewSegment(name, size, lambda: _file_chunks(path), static_size)

    @staticmethod
    def of_segments(name: str, segments: Sequence["NewSegment"]) -> "NewSegment":
        """A segment that is a container itself, of which no more than a chunk is held. Raises QpcError as
        `write_container` does.
        """
        _check_segments(segments)
        return NewSegment(name, _layout(segments)[1], lambda: container_chunks(segments))


@dataclass(frozen=True)
class Segment:
    """A segment of a container: its data (not copied), where the data starts in the file, its static byte count."""

    name: str
    data: memoryview = field(repr=False)
    offset: int
    static_size: int = 0


def check_name(name: str) -> None:
    """Raise QpcError unless `name` can name a segment, and a file when the segment is extracted."""
    if len(name) > MAX_NAME_BYTES or _PLAIN_NAME.fullmatch(name) is None:
        raise QpcError(
            f"segment name {name[:64]!r}: use letters, digits, '_', '-' and '.', at most {MAX_NAME_BYTES} of them"
        )


def write_container(path: str | Path, segments: Sequence[NewSegment]) -> None:
    """Write a container file: aside first, then renamed over `path`.

    Raises QpcError if names repeat or are not plain, or if a segment does not yield the size it announced, and AicError
    if the file cannot be written; `path` is then as it was.
    """
    with written_aside(path) as aside, open(aside, "wb") as out:
        for chunk in container_chunks(segments):
            out.write(chunk)


def container_bytes(segments: Sequence[NewSegment]) -> bytes:
    """A container in memory, as nested in a segment of another one. Raises QpcError as `write_container` does."""
    return b"".join(container_chunks(segments))


def container_chunks(segments: Sequence[NewSegment]) -> Iterator[Chunk]:
    """The bytes of a container, in order, without holding more than one chunk of any segment."""
    _check_segments(segments)
    starts, total = _layout(segments)
    name_starts, data_starts = starts
    yield _HEADER.pack(MAGIC, MAJOR, MINOR, SELF_CONTAINED, total, 0, len(segments), _HEADER.size)
    for segment, name_start, data_start in zip(segments, name_starts, data_starts, strict=True):
        yield _ENTRY.pack(segment.size, segment.static_size, name_start, data_start)
    position = _HEADER.size + _ENTRY.size * len(segments)
    for segment, start in zip(segments, name_starts, strict=True):
        name = segment.name.encode() + b"\0"
        yield bytes(start - position) + name
        position = start + len(name)
    for segment, start in zip(segments, data_starts, strict=True):
        yield bytes(start - position)
        yield from _checked_chunks(segment)
        position = start + segment.size
    yield bytes(total - position)


@dataclass(frozen=True)
class Contents:
    """The segments of a container that can be read, by name, in table order, and what is wrong with the container."""

    segments: dict[str, Segment]
    problems: tuple[str, ...]


@contextmanager
def open_container(path: str | Path) -> Generator[dict[str, Segment]]:
    """Map a container file into memory and give its checked segments, in file order, for the duration of the block.

    Raises QpcError if the file cannot be opened or is not a well-formed container.
    """
    data = map_file(path)
    try:
        segments = read_container(data)
    except QpcError as error:
        raise QpcError(f"{path}: {error}") from error
    yield segments


def map_file(path: str | Path) -> memoryview:
    """The bytes of a file, mapped into memory. Raises QpcError if it cannot be read or is no regular file."""
    try:
        if not S_ISREG(os.stat(path).st_mode):  # a pipe or a device might have no end
            raise QpcError(f"cannot read '{path}': not a regular file")
        with open(path, "rb") as file:
            return memoryview(_map(file))
    except OSError as error:
        raise QpcError(f"cannot read '{path}': {error.strerror}") from error


def read_container(data: memoryview) -> dict[str, Segment]:
    """Check the container in `data` and give its segments, by name, in table order; nothing is copied.

    Raises QpcError on anything that the format does not allow: wrong magic or compression type, a size that is not the
    length of `data`, parts out of bounds or overlapping, names without end, not plain, or repeated.
    """
    contents = examine_container(data)
    if contents.problems:
        others = len(contents.problems) - 1
        raise QpcError(contents.problems[0] + (f" (and {others} more)" if others else ""))
    return contents.segments


def examine_container(data: memoryview, at: int = 0) -> Contents:
    """All that is wrong with the container in `data`, and its segments that have a name and lie in it. `data` begins at
    byte `at` of the file, from whose beginning the segments' offsets count.
    """
    if len(data) < _HEADER.size:
        return Contents({}, (f"not a QPC: {len(data)} bytes are less than the {_HEADER.size}-byte header",))
    magic, _, _, compression, size, base, count, table = _HEADER.unpack_from(data)
    if magic != MAGIC:
        return Contents({}, (f"not a QPC: magic number mismatch, 0x{magic:08X} instead of 0x{MAGIC:08X}",))
    problems: list[str] = []
    if compression != SELF_CONTAINED:
        problems.append(f"QPC header: compression type {compression}, only {SELF_CONTAINED} is read from a file")
    if size != len(data):
        problems.append(f"QPC header: size says {size} bytes, the file has {len(data)}")
    if count > MAX_SEGMENTS:
        return Contents({}, (*problems, f"QPC header: {count} segments, at most {MAX_SEGMENTS} are read"))
    rows = _Rows(data, base, table - base, count)
    try:
        _check_range("segment table", rows.table, count * _ENTRY.size, len(data))
    except QpcError as error:
        return Contents({}, (*problems, str(error)))
    segments = rows.read(problems)
    placed = {name: replace(segment, offset=segment.offset + at) for name, segment in segments.items()}
    return Contents(placed, tuple(problems))


class _Rows:
    """The rows of the segment table in `data`, at byte `table`; pointers are less `base`."""

    def __init__(self, data: memoryview, base: int, table: int, count: int) -> None:
        self.data = data
        self.base = base
        self.table = table
        self.count = count

    def read(self, problems: list[str]) -> dict[str, Segment]:
        """The segments that can be read; what is wrong with the others goes to `problems`."""
        taken = [("header", 0, _HEADER.size), ("segment table", self.table, self.count * _ENTRY.size)]
        segments: dict[str, Segment] = {}
        for index in range(self.count):
            try:
                segment, name_start = self._segment(index)
                if segment.name in segments:
                    raise QpcError(f"segment table: '{segment.name}' occurs twice")
            except QpcError as error:
                problems.append(str(error))
                continue
            name, length = segment.name, len(segment.data)
            segments[name] = segment
            taken += [(f"name of {name}", name_start, len(name) + 1), (f"data of {name}", segment.offset, length)]
        problems += _overlaps(taken)
        return segments

    def _segment(self, index: int) -> tuple[Segment, int]:
        """A segment, and where its name lies. Raises QpcError."""
        row = self.table + index * _ENTRY.size
        length, static_size, name_pointer, start = _ENTRY.unpack_from(self.data, row)
        name = _read_name(self.data, name_pointer - self.base, index)
        start -= self.base
        _check_range(f"segment {name}", start, length, len(self.data))
        if static_size > length:
            raise QpcError(f"segment {name}: {static_size} static bytes, but only {length} bytes in all")
        return Segment(name, self.data[start : start + length], start, static_size), name_pointer - self.base


def require(segments: Mapping[str, Segment], name: str) -> Segment:
    """The segment called `name`; raises QpcError if there is none."""
    if name not in segments:
        raise QpcError(f"QPC missing required section: {name}")
    return segments[name]


def _check_segments(segments: Sequence[NewSegment]) -> None:
    if not segments:
        raise QpcError("a QPC needs at least one segment")
    if len(segments) > MAX_SEGMENTS:
        raise QpcError(f"{len(segments)} segments, a QPC holds at most {MAX_SEGMENTS}")
    seen: set[str] = set()
    for segment in segments:
        check_name(segment.name)
        if segment.name in seen:
            raise QpcError(f"two segments are called '{segment.name}'")
        if not 0 <= segment.static_size <= segment.size:
            raise QpcError(f"segment {segment.name}: {segment.static_size} static bytes of {segment.size}")
        seen.add(segment.name)


def _layout(segments: Sequence[NewSegment]) -> tuple[tuple[list[int], list[int]], int]:
    """File offsets of all names and of all data, and the length of the file."""
    position = _HEADER.size + _ENTRY.size * len(segments)
    name_starts: list[int] = []
    for segment in segments:
        name_starts.append(position)
        position = _align(position + len(segment.name) + 1, _ALIGNMENT)
    data_starts: list[int] = []
    for segment in segments:
        position = _align(position, _alignment(segment.name))
        data_starts.append(position)
        position += segment.size
    total = _align(position, _ALIGNMENT)
    if total > MAX_FILE_BYTES:
        raise QpcError(f"the QPC would have {total} bytes, at most {MAX_FILE_BYTES} are written")
    return (name_starts, data_starts), total


def _alignment(name: str) -> int:
    return _MAPPED_ALIGNMENT if name == CONSTANTS or name.startswith(SLICE) else _ALIGNMENT


def _align(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _checked_chunks(segment: NewSegment) -> Iterator[Chunk]:
    left = segment.size
    for chunk in segment.chunks():
        left -= memoryview(chunk).nbytes
        if left < 0:
            break
        yield chunk
    if left != 0:
        raise QpcError(f"segment {segment.name}: its data does not have the announced {segment.size} bytes")


def _file_chunks(path: str | Path) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_COPY_BYTES):
                yield chunk
    except OSError as error:
        raise QpcError(f"cannot read '{path}': {error.strerror}") from error


def _map(file: BinaryIO) -> mmap.mmap | bytes:
    # An empty file cannot be mapped.
    if os.fstat(file.fileno()).st_size == 0:
        return b""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _check_range(what: str, start: int, length: int, limit: int) -> None:
    if start < 0 or start + length > limit:
        raise QpcError(f"{what}: bytes {start} to {start + length} lie outside the file of {limit} bytes")


def _read_name(data: memoryview, start: int, index: int) -> str:
    _check_range(f"name of segment {index}", start, 1, len(data))
    raw = bytes(data[start : start + MAX_NAME_BYTES + 1])
    end = raw.find(b"\0")
    if end < 0:
        raise QpcError(f"name of segment {index}: no end within {MAX_NAME_BYTES} bytes")
    name = raw[:end].decode("ascii", errors="backslashreplace")
    check_name(name)
    return name


def _overlaps(ranges: list[tuple[str, int, int]]) -> Iterator[str]:
    occupied = sorted((start, length, what) for what, start, length in ranges if length)
    for (start, length, what), (next_start, _, next_what) in pairwise(occupied):
        if start + length > next_start:
            yield f"{what} (up to byte {start + length}) overlaps {next_what} (from byte {next_start})"
