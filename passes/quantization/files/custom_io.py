"""What inputs and outputs are to be: what `-custom-IO-list-file` reads and `-dump-custom-IO-config-template` writes.

A YAML list of ports: layout, precision, and of int8 what the integers mean, x = Scale * (q - Offset). Form: the
vendor's documents on custom I/O. A key without a value counts as left out: a template leaves open what is not known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from dialects.quantized.parameters import Parameters
from passes.ports.customization import LAYOUTS
from passes.quantization.files.documents import counted, quoted, read_text, yaml_documents
from passes.quantization.files.encodings import checked_offset, checked_scale
from passes.quantization.files.nodes import (
    Flaw,
    Flaws,
    Node,
    Scalar,
    about,
    check_once,
    collected,
    fields_of,
    items_of,
    number_of,
    text_of,
)

REMEDY = "correct it, or start from what -dump-custom-IO-config-template writes (docs/custom-io.md)"
FLOAT, FLOAT16, INT8 = PRECISIONS = ("float", "float16", "int8")
"""Precisions by the names of the documents."""

_T = TypeVar("_T")

_WHAT = "a custom I/O file"
_NAME, _LAYOUT, _PRECISION, _SCALE, _OFFSET = "IOName", "Layout", "Precision", "Scale", "Offset"
_BITS = 8


@dataclass(frozen=True)
class PortEntry:
    """What one input or output is to be; None: as it is in the model."""

    name: str
    layout: str | None = None
    precision: str | None = None
    scaling: Parameters | None = None
    """What int8 means; in a template of other precisions, too."""
    line: int | None = None


def read_custom_io(path: Path, *, scales: bool = True) -> tuple[PortEntry, ...]:
    """The entries of a file, in its order. Without `scales`, those of int8 are known from elsewhere, and left out.

    Raises Flaw when it cannot be read or is of another form, Flaws for all entries that are wrong.
    """
    documents = yaml_documents(read_text(path, _WHAT))
    if len(documents) != 1:
        raise Flaw(f"not {_WHAT}: it has {counted(documents)}, not one", None)
    entries = collected(items_of(documents[0], "the file"), partial(_entry, scales=scales))
    check_once((entry.name, entry.line) for entry in entries)
    return tuple(entries)


def _entry(node: Node, *, scales: bool) -> PortEntry:
    fields = fields_of(node, "an entry", [_NAME], [_LAYOUT, _PRECISION, _SCALE, _OFFSET])
    name = text_of(fields[_NAME], _NAME)
    reader = _Reader(name, {key: value for key, value in fields.items() if not _is_empty(value)})
    layout = reader.get(_LAYOUT, partial(_word, what=_LAYOUT, known=LAYOUTS))
    precision = reader.get(_PRECISION, partial(_word, what=_PRECISION, known=PRECISIONS))
    scaling = None
    if precision == INT8 and scales:
        scaling = reader.scaling(node.line)
    else:
        reader.get(_SCALE, partial(number_of, what=_SCALE))
        reader.get(_OFFSET, partial(number_of, what=_OFFSET))
    if reader.flaws:
        raise Flaws(reader.flaws)
    return PortEntry(name, layout, precision, scaling, node.line)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text and not node.quoted


@dataclass
class _Reader:
    """The values of one entry, and what is wrong with them."""

    name: str
    fields: Mapping[str, Node]
    flaws: list[Flaw] = field(default_factory=list[Flaw])

    def get(self, key: str, convert: Callable[[Node], _T]) -> _T | None:
        """The value of a key; None where it is left out or wrong."""
        if key not in self.fields:
            return None
        try:
            with about(self.name):
                return convert(self.fields[key])
        except Flaw as flaw:
            self.flaws.append(flaw)
            return None

    def scaling(self, line: int | None) -> Parameters | None:
        """What int8 means, which an entry must say."""
        if missing := [key for key in (_SCALE, _OFFSET) if key not in self.fields]:
            self.flaws.append(Flaw(f"{self.name!r}: {INT8} needs {' and '.join(missing)}", line))
        scale = self.get(_SCALE, partial(checked_scale, what=_SCALE))
        offset = self.get(_OFFSET, partial(checked_offset, what=_OFFSET, bits=_BITS))
        return None if scale is None or offset is None else Parameters(scale, offset)


def _word(node: Node, what: str, known: Sequence[str]) -> str:
    text = text_of(node, what)
    if text not in known:
        near = get_close_matches(text, known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        raise Flaw(f"{what} is {text!r}{hint}", node.line)
    return text


def custom_io_text(comment: str, parts: Mapping[str, Iterable[PortEntry]]) -> str:
    """The text of a file: a comment, and under a heading each the entries of some ports. What is not known of an entry
    that has a precision is left open.
    """
    lines = [f"# {line}" for line in comment.splitlines()]
    for heading, entries in parts.items():
        lines.append(f"# {heading}")
        for entry in entries:
            lines += _entry_lines(entry)
    return "\n".join(lines) + "\n"


def _digits(scaling: Parameters) -> tuple[str, str]:
    """A scale in as many digits as an fp32 number needs, and an offset."""
    return f" {np.float32(scaling.scale)!s}", f" {scaling.offset}"


def _entry_lines(entry: PortEntry) -> list[str]:
    lines = [f"- {_NAME}: {quoted(entry.name)}"]
    if entry.layout is not None:
        lines.append(f"  {_LAYOUT}: {entry.layout}")
    if entry.precision is not None:
        lines.append(f"  {_PRECISION}: {entry.precision}")
        scale, offset = ("", "") if entry.scaling is None else _digits(entry.scaling)
        lines += [f"  {_SCALE}:{scale}", f"  {_OFFSET}:{offset}"]
    return lines
