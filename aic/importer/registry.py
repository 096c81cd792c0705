"""The operators that have a converter, by domain, name and opset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aic.importer.builder import Builder, Value
from aic.importer.node import Node

Converter: TypeAlias = Callable[[Builder, Node], Value | Sequence[Value]]
"""Makes the node's outputs. Raises Unsupported or Misfit (or VerifyException from an op's type rule)."""

OLDEST_OPSET = 7
"""Opset of ONNX's own domain from which operators have the meaning that converters rely on."""


@dataclass(frozen=True)
class Entry:
    """A converter with the opsets of its domain for which it is right, and what it does not cover."""

    domain: str
    operator: str
    since: int
    until: int | None
    note: str
    converter: Converter

    def covers(self, opset: int) -> bool:
        """Whether the converter is right for a model of this opset."""
        return self.since <= opset and (self.until is None or opset <= self.until)


_ENTRIES: dict[tuple[str, str], list[Entry]] = {}


def converts(
    *operators: str, since: int = OLDEST_OPSET, until: int | None = None, domain: str = "", note: str = ""
) -> Callable[[Converter], Converter]:
    """Registers a converter for operators of the opsets [since, until]; `note` says what it leaves out."""

    def register(converter: Converter) -> Converter:
        for operator in operators:
            entry = Entry(domain, operator, since, until, note, converter)
            _ENTRIES.setdefault((domain, operator), []).append(entry)
        return converter

    return register


def find(domain: str, operator: str, opset: int) -> Entry | None:
    """The converter for an operator in a model of this opset, or None."""
    return next((entry for entry in _ENTRIES.get((domain, operator), ()) if entry.covers(opset)), None)


def entries() -> list[Entry]:
    """All converters, by domain, operator and opset."""
    every = [entry for same in _ENTRIES.values() for entry in same]
    return sorted(every, key=lambda entry: (entry.domain, entry.operator, entry.since))
