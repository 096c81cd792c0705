"""Validates a QPC: every part by itself, then every size, count and offset that two parts state, against each other.

A part that cannot be read is one finding, and the rest is checked nevertheless.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import (
    CONSTANTS,
    CONSTANTS_DESC,
    NETWORK_DESC,
    NETWORK_ELF,
    Segment,
    examine_container,
    map_file,
    require,
)
from aic.qpc.crc import CRC_SEGMENTS, compute_crcs, unpack_crc
from aic.qpc.decoding import decode
from aic.qpc.descriptor import MAJOR_VERSION, NetworkDescriptor, parse_descriptor
from aic.qpc.elf import MACHINE_HEXAGON, METADATA_SECTION, PROGRAM_SECTION, ElfImage, read_elf, require_section
from aic.qpc.errors import QpcError
from aic.qpc.findings import Finding, Findings, Kind, Report
from aic.qpc.metadata import Metadata, read_metadata
from aic.qpc.validate_descriptor import check_descriptor
from aic.qpc.validate_metadata import check_metadata, check_transfers

PartT = TypeVar("PartT")


@dataclass(frozen=True)
class Parts:
    """The typed parts of a QPC."""

    descriptor: NetworkDescriptor
    elf: ElfImage
    metadata: Metadata
    constants: ConstantsDescriptor


@dataclass(frozen=True)
class Examined:
    """What of a QPC can be read, and all that is wrong with it. `program` is decoded if asked for."""

    segments: Mapping[str, Segment]
    descriptor: NetworkDescriptor | None
    metadata: Metadata | None
    constants: ConstantsDescriptor | None
    program: ModuleOp | None
    findings: tuple[Finding, ...]

    def report(self, more: Iterable[Finding] = ()) -> Report:
        """The findings, and `more` of them, as a report."""
        name = "" if self.descriptor is None else self.descriptor.name
        nsps = None if self.metadata is None else self.metadata.numNSPs
        return Report((*self.findings, *more), name, nsps)


def validate(path: str | Path, context: Context | None = None) -> Report:
    """Validate a file. With a context, the NSP program is decoded and verified too.

    Raises nothing for what is wrong inside the file: that is in the report.
    """
    return examine_file(path, context).report()


def validate_segments(segments: Mapping[str, Segment], context: Context | None = None) -> Report:
    """Validate the segments of an open container (see `validate`)."""
    return examine_segments(segments, context).report()


def examine_file(path: str | Path, context: Context | None = None) -> Examined:
    """What of a file can be read, and all that is wrong with it; segments are views of the file, which is mapped."""
    try:
        return examine_data(map_file(path), context)
    except QpcError as error:
        return Examined({}, None, None, None, None, (Finding(str(error)),))


def examine_data(data: memoryview, context: Context | None = None, at: int = 0) -> Examined:
    """The same of a QPC that begins at byte `at` of a file, from whose beginning the segments' offsets count."""
    contents = examine_container(data, at)
    if contents.problems and not contents.segments:
        return Examined({}, None, None, None, None, tuple(map(Finding, contents.problems)))
    return examine_segments(contents.segments, context, contents.problems)


def examine_segments(
    segments: Mapping[str, Segment], context: Context | None = None, problems: Iterable[str] = ()
) -> Examined:
    """What of a container can be read, and all that is wrong with it. Of a container that has `problems` itself, no
    segment is said to be missing.
    """
    findings = Findings(segments)
    findings.add("", problems)
    complete = not findings.found

    def attempt(name: str, read: Callable[[], PartT], kind: Kind = "file") -> PartT | None:
        """What a part of a segment says; None, and a finding, when it cannot be read."""
        if name not in segments and not complete:
            return None
        try:
            return read()
        except QpcError as error:
            findings.add(name, [str(error)], kind)
            return None

    descriptor = attempt(NETWORK_DESC, lambda: parse_descriptor(require(segments, NETWORK_DESC).data))
    constants = attempt(CONSTANTS_DESC, lambda: ConstantsDescriptor.unpack(require(segments, CONSTANTS_DESC).data))
    elf = attempt(NETWORK_ELF, lambda: read_elf(require(segments, NETWORK_ELF).data))
    metadata = program = None
    if elf is not None:
        metadata = attempt(NETWORK_ELF, lambda: read_metadata(require_section(elf, METADATA_SECTION)))
        findings.add(NETWORK_ELF, _check_elf(elf))
        if PROGRAM_SECTION not in elf.sections:
            absent = f"network.elf: without section {PROGRAM_SECTION}, which the simulated card runs"
            findings.add(NETWORK_ELF, [absent], severity="warning")
        elif context is not None:
            program = attempt(NETWORK_ELF, lambda: _decoded(elf, context), "program")
    if descriptor is not None:
        findings.add(NETWORK_DESC, check_descriptor(descriptor))
        findings.add(NETWORK_DESC, _check_version(descriptor), severity="warning")
    if elf is not None and metadata is not None:
        size = len(require_section(elf, METADATA_SECTION))
        findings.add(NETWORK_ELF, check_metadata(metadata, size, elf.code))
    if metadata is not None and descriptor is not None:
        findings.add(NETWORK_ELF, check_transfers(metadata, descriptor))
        findings.add(NETWORK_DESC, _check_cores(descriptor, metadata))
    if metadata is not None and constants is not None:
        findings.add(NETWORK_ELF, _check_constant_sizes(metadata, constants))
    if constants is not None:
        findings.add(CONSTANTS, _check_constants(segments, constants, complete))
    _check_crcs(segments, findings)
    for segment in segments.values():
        if segment.name != CONSTANTS and segment.static_size:
            stated = f"{segment.name}: the segment table states {segment.static_size} static bytes"
            findings.add(segment.name, [f"{stated}; only {CONSTANTS} has"])
    return Examined(segments, descriptor, metadata, constants, program, tuple(findings.found))


def read_parts(segments: Mapping[str, Segment]) -> Parts:
    """Read the parts that every QPC has. Raises QpcError for the first that is missing or malformed."""
    elf = read_elf(require(segments, NETWORK_ELF).data)
    return Parts(
        parse_descriptor(require(segments, NETWORK_DESC).data),
        elf,
        read_metadata(require_section(elf, METADATA_SECTION)),
        ConstantsDescriptor.unpack(require(segments, CONSTANTS_DESC).data),
    )


def _decoded(elf: ElfImage, context: Context) -> ModuleOp:
    try:
        return decode(elf.sections[PROGRAM_SECTION], context)
    except QpcError as error:
        raise QpcError(f"network.elf: section {PROGRAM_SECTION}: {error}") from error


def _check_version(descriptor: NetworkDescriptor) -> Iterator[str]:
    """What does not make the file invalid."""
    if descriptor.major_version != MAJOR_VERSION:
        version = f"{descriptor.major_version}.{descriptor.minor_version}"
        yield f"networkdesc.bin: version {version}, {MAJOR_VERSION}.x is expected"


def _check_cores(descriptor: NetworkDescriptor, metadata: Metadata) -> Iterator[str]:
    if descriptor.num_cores != metadata.numNSPs:
        yield f"networkdesc.bin: num_cores is {descriptor.num_cores}, but metadata numNSPs is {metadata.numNSPs}"


def _check_constant_sizes(metadata: Metadata, constants: ConstantsDescriptor) -> Iterator[str]:
    for name, here, there in (
        ("staticConstantsSize", metadata.staticConstantsSize, constants.static_size),
        ("dynamicConstantsSize", metadata.dynamicConstantsSize, constants.dynamic_size),
        ("staticConstantsECCEnabled", metadata.staticConstantsECCEnabled, int(constants.static_ecc)),
        ("dynamicConstantsECCEnabled", metadata.dynamicConstantsECCEnabled, int(constants.dynamic_ecc)),
    ):
        if here != there:
            yield f"metadata: {name} is {here}, but constantsdesc.bin states {there}"


def _check_constants(segments: Mapping[str, Segment], constants: ConstantsDescriptor, complete: bool) -> Iterator[str]:
    total = constants.static_size + constants.dynamic_size
    if CONSTANTS not in segments:
        if total and complete:
            yield f"QPC missing required section: {CONSTANTS}, constantsdesc.bin states {total} bytes"
        return
    segment = segments[CONSTANTS]
    if len(segment.data) != total:
        yield f"constants.bin: {len(segment.data)} bytes, but constantsdesc.bin states {total}"
    if segment.static_size != constants.static_size:
        yield (
            f"constants.bin: the segment table states {segment.static_size} static bytes, "
            f"but constantsdesc.bin {constants.static_size}"
        )


def _check_elf(elf: ElfImage) -> Iterator[str]:
    if elf.machine != MACHINE_HEXAGON:
        yield f"network.elf: machine {elf.machine}, {MACHINE_HEXAGON} (Hexagon) is expected"
    if not any(elf.entry in addresses for addresses in elf.code):
        yield f"network.elf: the entry point 0x{elf.entry:X} lies in no executable section"


def _check_crcs(segments: Mapping[str, Segment], findings: Findings) -> None:
    stored: dict[str, int] = {}
    for name in CRC_SEGMENTS:
        if name in segments:
            try:
                stored[name] = unpack_crc(name, segments[name].data)
            except QpcError as error:
                findings.add(name, [str(error)], "checksum")
    computed = compute_crcs(segments, stored)
    for name, value in stored.items():
        if name not in computed:
            findings.add(name, [f"{name}: CRC-32 0x{value:08X}, but nothing is there to cover"], "checksum")
        elif value != computed[name]:
            actual = f"the content gives 0x{computed[name]:08X}"
            findings.add(name, [f"{name}: CRC-32 0x{value:08X}, but {actual}"], "checksum")
