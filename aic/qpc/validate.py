"""Validates a QPC: every part by itself, then every size, count and offset that two parts state, against each other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xdsl.context import Context

from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import CONSTANTS, CONSTANTS_DESC, NETWORK_DESC, NETWORK_ELF, Segment, open_container, require
from aic.qpc.crc import CRC_SEGMENTS, compute_crcs, unpack_crc
from aic.qpc.decoding import decode
from aic.qpc.descriptor import MAJOR_VERSION, NetworkDescriptor, parse_descriptor
from aic.qpc.elf import MACHINE_HEXAGON, METADATA_SECTION, PROGRAM_SECTION, ElfImage, read_elf, require_section
from aic.qpc.errors import QpcError
from aic.qpc.metadata import Metadata, read_metadata
from aic.qpc.program_format import read_header
from aic.qpc.validate_descriptor import check_descriptor
from aic.qpc.validate_metadata import check_metadata, check_transfers


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (`error`) or unusual (`warning`), in one line that says where."""

    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class Report:
    """The result of validating a QPC."""

    findings: tuple[Finding, ...]
    network_name: str = ""
    required_nsps: int | None = None
    """Number of NSPs that the network needs; None if the metadata could not be read."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the QPC invalid."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def text(self) -> str:
        """The report for people to read, ending in a line break."""
        lines = [f"{finding.severity}: {finding.message}" for finding in self.findings]
        if self.required_nsps is not None:
            lines.insert(0, f"Number of NSP required: {self.required_nsps}")
        if self.network_name:
            lines.insert(0, f"Network: {self.network_name!r}")
        lines.append(f"not valid: {len(self.errors)} error(s)" if self.errors else "valid")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Parts:
    """The typed parts of a QPC."""

    descriptor: NetworkDescriptor
    elf: ElfImage
    metadata: Metadata
    constants: ConstantsDescriptor


def validate(path: str | Path, context: Context | None = None) -> Report:
    """Validate a file. With a context, the NSP program is decoded and verified too.

    Raises nothing for what is wrong inside the file: that is in the report.
    """
    try:
        with open_container(path) as segments:
            return validate_segments(segments, context)
    except QpcError as error:
        return Report((Finding(str(error)),))


def validate_segments(segments: Mapping[str, Segment], context: Context | None = None) -> Report:
    """Validate the segments of an open container (see `validate`)."""
    try:
        parts = read_parts(segments)
    except QpcError as error:
        return Report((Finding(str(error)),))
    findings = [Finding(message) for message in _cross_checks(segments, parts, context)]
    findings += [Finding(message, "warning") for message in _oddities(parts)]
    return Report(tuple(findings), parts.descriptor.name, parts.metadata.numNSPs)


def read_parts(segments: Mapping[str, Segment]) -> Parts:
    """Read the parts that every QPC has. Raises QpcError for the first that is missing or malformed."""
    elf = read_elf(require(segments, NETWORK_ELF).data)
    return Parts(
        parse_descriptor(require(segments, NETWORK_DESC).data),
        elf,
        read_metadata(require_section(elf, METADATA_SECTION)),
        ConstantsDescriptor.unpack(require(segments, CONSTANTS_DESC).data),
    )


def _cross_checks(segments: Mapping[str, Segment], parts: Parts, context: Context | None) -> Iterator[str]:
    yield from check_descriptor(parts.descriptor)
    yield from check_metadata(parts.metadata, len(require_section(parts.elf, METADATA_SECTION)), parts.elf.code)
    yield from check_transfers(parts.metadata, parts.descriptor)
    yield from _check_cores(parts)
    yield from _check_constants(segments, parts)
    yield from _check_elf(parts.elf, context)
    yield from _check_crcs(segments)
    for segment in segments.values():
        if segment.name != CONSTANTS and segment.static_size:
            yield f"{segment.name}: the segment table states {segment.static_size} static bytes; only {CONSTANTS} has"


def _oddities(parts: Parts) -> Iterator[str]:
    """What does not make the file invalid."""
    if parts.descriptor.major_version != MAJOR_VERSION:
        version = f"{parts.descriptor.major_version}.{parts.descriptor.minor_version}"
        yield f"networkdesc.bin: version {version}, {MAJOR_VERSION}.x is expected"
    if PROGRAM_SECTION not in parts.elf.sections:
        yield f"network.elf: without section {PROGRAM_SECTION}, which the simulated card runs"


def _check_cores(parts: Parts) -> Iterator[str]:
    if parts.descriptor.num_cores != parts.metadata.numNSPs:
        yield (
            f"networkdesc.bin: num_cores is {parts.descriptor.num_cores}, "
            f"but metadata numNSPs is {parts.metadata.numNSPs}"
        )


def _check_constants(segments: Mapping[str, Segment], parts: Parts) -> Iterator[str]:
    constants, metadata = parts.constants, parts.metadata
    yield from _disagreements(
        "metadata", "constantsdesc.bin",
        (
            ("staticConstantsSize", metadata.staticConstantsSize, constants.static_size),
            ("dynamicConstantsSize", metadata.dynamicConstantsSize, constants.dynamic_size),
            ("staticConstantsECCEnabled", metadata.staticConstantsECCEnabled, int(constants.static_ecc)),
            ("dynamicConstantsECCEnabled", metadata.dynamicConstantsECCEnabled, int(constants.dynamic_ecc)),
        ),
    )  # fmt: skip
    total = constants.static_size + constants.dynamic_size
    if CONSTANTS not in segments:
        if total:
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


def _disagreements(left: str, right: str, values: Iterable[tuple[str, int, int]]) -> Iterator[str]:
    for name, here, there in values:
        if here != there:
            yield f"{left}: {name} is {here}, but {right} states {there}"


def _check_elf(elf: ElfImage, context: Context | None) -> Iterator[str]:
    if elf.machine != MACHINE_HEXAGON:
        yield f"network.elf: machine {elf.machine}, {MACHINE_HEXAGON} (Hexagon) is expected"
    if not any(elf.entry in addresses for addresses in elf.code):
        yield f"network.elf: the entry point 0x{elf.entry:X} lies in no executable section"
    if PROGRAM_SECTION not in elf.sections:
        return
    program = elf.sections[PROGRAM_SECTION]
    try:
        read_header(program)
        if context is not None:
            decode(program, context)
    except QpcError as error:
        yield f"network.elf: section {PROGRAM_SECTION}: {error}"


def _check_crcs(segments: Mapping[str, Segment]) -> Iterator[str]:
    if not any(name in segments for name in CRC_SEGMENTS):
        return
    computed = compute_crcs(segments)
    for name in CRC_SEGMENTS:
        if name not in segments:
            continue
        try:
            stored = unpack_crc(name, segments[name].data)
        except QpcError as error:
            yield str(error)
            continue
        if stored != computed.get(name):
            actual = (
                "nothing is there to cover" if name not in computed else f"the content gives 0x{computed[name]:08X}"
            )
            yield f"{name}: CRC-32 0x{stored:08X}, but {actual}"
