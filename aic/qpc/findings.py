"""What is wrong with a QPC: findings, each with its place in the file and what can be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aic.qpc.container import Segment

Severity: TypeAlias = Literal["error", "warning"]
Kind: TypeAlias = Literal["file", "checksum", "program"]
"""What a finding is about: the file and its parts, a checksum, or the NSP program."""

_MESSAGE_CHARACTERS = 2000
_REMEDIES: Mapping[Kind, str] = {
    "file": "copy the file again from where it was made, or compile the model again",
    "checksum": "copy the file again; if the change is meant, `aic-qpc addCRC32` makes new checksums",
    "program": "compile the model again with this version of the compiler",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (`error`) or unusual (`warning`).

    `segment` and `offset` say which segment it is in and at which byte of the file this begins, where it is in one.
    """

    message: str
    severity: Severity = "error"
    kind: Kind = "file"
    segment: str = ""
    offset: int | None = None

    @property
    def text(self) -> str:
        """The finding for people to read, without a line break at the end."""
        message = self.message
        if len(message) > _MESSAGE_CHARACTERS:
            message = f"{message[:_MESSAGE_CHARACTERS]} .. ({len(message)} characters)"
        first, *others = message.splitlines()
        place = "" if self.offset is None else f" [{self.segment} at byte {self.offset}]"
        return "\n".join([f"{self.severity}: {first}{place}", *others])


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
        """The report for people to read, ending in a line break: all findings, then what can be done."""
        lines: list[str] = []
        if self.network_name:
            lines.append(f"Network: {self.network_name[:_MESSAGE_CHARACTERS]!r}")
        if self.required_nsps is not None:
            lines.append(f"Number of NSP required: {self.required_nsps}")
        lines += [finding.text for finding in self.findings]
        lines += [f"to do: {remedy}" for remedy in dict.fromkeys(_REMEDIES[error.kind] for error in self.errors)]
        lines.append(f"not valid: {len(self.errors)} error(s)" if self.errors else "valid")
        return "\n".join(lines) + "\n"


class Findings:
    """Findings as they are made, on the segments of one file."""

    def __init__(self, segments: Mapping[str, Segment]) -> None:
        self._segments = segments
        self.found: list[Finding] = []

    def add(self, segment: str, messages: Iterable[str], kind: Kind = "file", severity: Severity = "error") -> None:
        """What is wrong with a segment, or with the container (`segment` is empty)."""
        offset = self._segments[segment].offset if segment in self._segments else None
        self.found += [Finding(message, severity, kind, segment, offset) for message in messages]
