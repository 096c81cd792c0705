"""Files to QPC and QPC to files: what the `aic-qpc` commands create, extract, addCRC32 and info do."""

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path

from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import (
    CONSTANTS,
    CONSTANTS_DESC,
    MAGIC,
    MDP_META_INFO,
    NETWORK_DESC,
    NETWORK_ELF,
    SLICE,
    NewSegment,
    Segment,
    check_name,
    open_container,
    read_container,
    write_container,
)
from aic.qpc.crc import CRC_SEGMENTS, compute_crcs, pack_crc
from aic.qpc.descriptor import IoBinding, NetworkDescriptor, TensorShape, descriptor_json
from aic.qpc.elf import PROGRAM_SECTION, read_elf
from aic.qpc.errors import QpcError
from aic.qpc.program_format import read_header
from aic.qpc.validate import read_parts
from dialects.files import written_aside

MAX_NESTING = 8
"""How deep QPCs inside QPCs are extracted."""


def pack_files(files: Mapping[str, Path], output: Path) -> None:
    """Pack files, given by segment name, into one QPC; segments are ordered by name.

    The static part of constants.bin is what constantsdesc.bin says. Raises QpcError if network.elf is missing (but of a
    QPC for several cards, which has none), a file
    cannot be read, or a name cannot name a segment; AicError if the output cannot be written.
    """
    if NETWORK_ELF not in files and MDP_META_INFO not in files:
        raise QpcError(f"a QPC needs {NETWORK_ELF}: it is neither in the input directory nor named by an option")
    if CONSTANTS in files and CONSTANTS_DESC not in files:
        raise QpcError(f"{CONSTANTS} without {CONSTANTS_DESC}, which says how many of its bytes are static")
    static_size = 0
    if CONSTANTS in files:
        descriptor = b"".join(bytes(chunk) for chunk in NewSegment.of_file("", files[CONSTANTS_DESC]).chunks())
        static_size = ConstantsDescriptor.unpack(descriptor).static_size
    write_container(
        output,
        [
            NewSegment.of_file(name, path, static_size if name == CONSTANTS else 0)
            for name, path in sorted(files.items())
        ],
    )


def directory_files(directory: Path) -> dict[str, Path]:
    """Segment name -> file, of all regular files in a directory. Raises QpcError if one cannot name a segment."""
    files = {path.name: path for path in sorted(directory.iterdir()) if path.is_file()}
    for name in files:
        check_name(name)
    return files


def extract(source: Path, directory: Path, patterns: Sequence[str] = ()) -> list[Path]:
    """Write the segments of a QPC as files, and give their paths.

    What a segment X holds goes into X_dir: `networkdesc.json` of the network descriptor, and the segments of a segment
    that is itself a QPC. With patterns (globs), only files whose name matches one of them are written.
    Raises QpcError if the QPC is malformed, AicError if a file cannot be written.
    """
    with open_container(source) as segments:
        return _extract(segments, directory, patterns, 0)


def add_crcs(source: Path, output: Path) -> dict[str, int]:
    """Write a copy of a QPC with up-to-date CRC segments at the end, and give their values by segment name.

    Raises QpcError if the QPC is malformed, AicError if the output cannot be written.
    """
    with open_container(source) as segments:
        crcs: dict[str, int] = {}
        write_container(output, _with_crcs(segments, crcs, ""))
    return crcs


def _with_crcs(segments: Mapping[str, Segment], crcs: dict[str, int], path: str) -> list[NewSegment]:
    """A container's segments and CRC segments, and those of the QPCs that are for one of several cards. The values go
    to `crcs`; `path` goes before their names.
    """
    if NETWORK_ELF in segments:
        read_elf(segments[NETWORK_ELF].data)  # what cannot be read has no metadata to cover
    made = compute_crcs(segments)
    crcs |= {path + name: crc for name, crc in made.items()}
    kept: list[NewSegment] = []
    for segment in segments.values():
        if MDP_META_INFO in segments and segment.name.startswith(SLICE):
            inner = read_container(segment.data)
            kept.append(NewSegment.of_segments(segment.name, _with_crcs(inner, crcs, f"{path}{segment.name}/")))
        elif segment.name not in CRC_SEGMENTS:
            kept.append(NewSegment.of_bytes(segment.name, segment.data, segment.static_size))
    return [*kept, *(NewSegment.of_bytes(name, pack_crc(crc)) for name, crc in made.items())]


def describe(source: Path) -> str:
    """What is in a QPC, for people to read, ending in a line break. Raises QpcError if it is malformed."""
    with open_container(source) as segments:
        lines = ["segment                       offset         bytes"]
        lines += [f"{segment.name:24} {segment.offset:11} {len(segment.data):13}" for segment in segments.values()]
        if MDP_META_INFO not in segments:
            return "\n".join([*lines, *_describe_parts(segments)]) + "\n"
        for name, segment in segments.items():
            if name.startswith(SLICE):
                lines += ["", f"{name}, for a card of its own", *_describe_parts(read_container(segment.data))]
        return "\n".join(lines) + "\n"


def _describe_parts(segments: Mapping[str, Segment]) -> list[str]:
    """What the parts of a QPC for one card say."""
    parts = read_parts(segments)
    descriptor, metadata, constants = parts.descriptor, parts.metadata, parts.constants
    lines = [f"network    {descriptor.name!r}, batch {descriptor.batch_size}, {metadata.numNSPs} NSPs"]
    lines += [f"input      {_describe_binding(binding)}" for binding in descriptor.inputs]
    lines += [f"output     {_describe_binding(binding)}" for binding in descriptor.outputs]
    lines += [f"shapes     {_describe_shapes(descriptor, shapes)}" for shapes in descriptor.allowed_shapes]
    lines.append(f"buffers    {len(descriptor.dma_buffers)} DMA buffers, {len(metadata.dmaRequests)} requests")
    lines.append(f"constants  {constants.static_size} bytes static, {constants.dynamic_size} dynamic")
    if PROGRAM_SECTION in parts.elf.sections:
        program = parts.elf.sections[PROGRAM_SECTION]
        header = read_header(program)
        lines.append(
            f"program    {header.operations} operations, {len(program)} bytes, "
            f"encoding {header.major}.{header.minor}, for simulation only"
        )
    return lines


def _describe_binding(binding: IoBinding) -> str:
    stays = "" if binding.transforms and not binding.is_partial_allowed else ", stays on the card"
    tensor = binding.initial
    meaning = f", {tensor.qscale:.7g} * (q - {tensor.qoffset})" if (tensor.qscale, tensor.qoffset) != (1, 0) else ""
    shape = _describe_dims(tensor.dims)
    return f"{binding.name!r}: {tensor.type.name} {shape}, {tensor.byte_size} bytes{meaning}{stays}"


def _describe_shapes(descriptor: NetworkDescriptor, shapes: Sequence[TensorShape]) -> str:
    """Inputs and outputs of a specialization."""
    pairs = zip(descriptor.bindings, shapes, strict=False)
    return ", ".join(f"{binding.name!r} {_describe_dims(shape.dims)}" for binding, shape in pairs)


def _describe_dims(dims: Sequence[int]) -> str:
    return "x".join(map(str, dims)) or "scalar"


def _extract(segments: Mapping[str, Segment], directory: Path, patterns: Sequence[str], depth: int) -> list[Path]:
    if depth > MAX_NESTING:
        raise QpcError(f"QPCs are nested deeper than {MAX_NESTING}")
    written: list[Path] = []
    for segment in segments.values():
        written += _write_matching(directory / segment.name, segment.data, patterns)
        inner = directory / f"{segment.name}_dir"
        if segment.name == NETWORK_DESC:
            written += _write_matching(inner / "networkdesc.json", descriptor_json(segment.data).encode(), patterns)
        elif bytes(segment.data[:4]) == MAGIC.to_bytes(4, "little"):
            written += _extract(read_container(segment.data), inner, patterns, depth + 1)
    return written


def _write_matching(path: Path, data: bytes | memoryview, patterns: Sequence[str]) -> list[Path]:
    if patterns and not any(fnmatch.fnmatchcase(path.name, pattern) for pattern in patterns):
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside, open(aside, "wb") as out:
        out.write(data)
    return [path]
