"""Text as trees, whether it was YAML or JSON, and what can be wrong with it.

Scalars stay as they are written: a tensor may be called `109`, `no` or `1e5`, which YAML takes for something else. A
reader asks a node for what it expects there; where that fails, the flaw has the line. Flaws of one kind are collected,
and become one AicError where the file is known.
"""

import re
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan
from pathlib import Path
from typing import TypeAlias, TypeVar

from dialects.errors import AicError

_T = TypeVar("_T")
_R = TypeVar("_R")

_SHOWN = 10
"""Flaws that a message lists."""
_NUMBER = re.compile(r"([-+]?)(?:((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?)|\.?(inf|infinity|nan))", re.IGNORECASE)
"""Sign, then a finite number or one of the others: YAML writes `.inf`, C++ `inf`, Python's JSON `Infinity`."""
_WHOLE_LIMIT = 1 << 63


@dataclass(frozen=True, slots=True)
class Scalar:
    """A name, number or truth value."""

    text: str
    quoted: bool
    line: int | None = None
    """Where it stands, from 1; None in JSON."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys with their values; no key comes twice."""

    entries: tuple[tuple[str, "Node"], ...]
    line: int | None = None


Node: TypeAlias = Scalar | Items | Entries


class Flaw(Exception):
    """What is wrong at one place of a file."""

    def __init__(self, text: str, line: int | None) -> None:
        super().__init__(text)
        self.line = line


class Flaws(Exception):
    """Several flaws of one kind."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(flaws)
        self.flaws = flaws


@contextmanager
def refusing(path: Path, remedy: str) -> Generator[None]:
    """Makes of the flaws found within the block one AicError, which names the file and ends with what to do."""
    try:
        yield
    except Flaw as flaw:
        raise _refused(path, [flaw], remedy) from None
    except Flaws as several:
        raise _refused(path, several.flaws, remedy) from None


def _refused(path: Path, flaws: Sequence[Flaw], remedy: str) -> AicError:
    if len(flaws) == 1:
        (flaw,) = flaws
        return AicError(f"{path}{'' if flaw.line is None else f':{flaw.line}'}: {flaw}; {remedy}")
    lines = [f"{'' if flaw.line is None else f'line {flaw.line}: '}{flaw}" for flaw in flaws[:_SHOWN]]
    if len(flaws) > _SHOWN:
        lines.append(f"and {len(flaws) - _SHOWN} more")
    return AicError(f"{path}: {len(flaws)} mistakes; {remedy}:" + "".join(f"\n  {line}" for line in lines))


@contextmanager
def about(name: str) -> Generator[None]:
    """Puts the name of a tensor before the flaw found within the block."""
    try:
        yield
    except Flaw as flaw:
        raise Flaw(f"{name!r}: {flaw}", flaw.line) from flaw


def collected(parts: Iterable[_T], convert: Callable[[_T], _R]) -> list[_R]:
    """What `convert` makes of each part. Raises Flaws with the flaws of all parts."""
    results: list[_R] = []
    flaws: list[Flaw] = []
    for part in parts:
        try:
            results.append(convert(part))
        except Flaw as flaw:
            flaws.append(flaw)
        except Flaws as several:
            flaws += several.flaws
    if flaws:
        raise Flaws(flaws)
    return results


def check_once(names: Iterable[tuple[str, int | None]]) -> None:
    """Raises Flaws for every name, given with its line, that was there before."""
    first: dict[str, int | None] = {}
    flaws: list[Flaw] = []
    for name, line in names:
        if name in first:
            before = "" if first[name] is None else f", first in line {first[name]}"
            flaws.append(Flaw(f"{name!r} is there twice{before}", line))
        first.setdefault(name, line)
    if flaws:
        raise Flaws(flaws)


def text_of(node: Node, what: str) -> str:
    """A name as it is written. Raises Flaw for anything but a scalar, and for nothing at all."""
    if not isinstance(node, Scalar):
        raise Flaw(f"{what} is {_described(node)}, not a name", node.line)
    if not node.text and not node.quoted:
        raise Flaw(f"{what} is empty", node.line)
    return node.text


def number_of(node: Node, what: str) -> float:
    """A number, infinities among them. Raises Flaw for anything else and for NaN."""
    written = _NUMBER.fullmatch(node.text) if isinstance(node, Scalar) and not node.quoted else None
    if written is None:
        raise Flaw(f"{what} is {_described(node)}, not a number", node.line)
    number = float(written[1] + (written[2] or written[3]))
    if isnan(number):
        raise Flaw(f"{what} is NaN", node.line)
    return number


def whole_of(node: Node, what: str) -> int:
    """A whole number of at most 64 bits, however it is written: `128`, `-128.0`, `1.5e+06`. Raises Flaw otherwise."""
    number = number_of(node, what)
    assert isinstance(node, Scalar)
    if abs(number) <= _WHOLE_LIMIT and number == int(number):
        whole = int(node.text) if node.text.lstrip("+-").isdigit() else int(number)  # of 19 digits fp64 holds 15
        if -_WHOLE_LIMIT <= whole < _WHOLE_LIMIT:
            return whole
    raise Flaw(f"{what} is {_described(node)}, not a whole number of 64 bits", node.line)


def flag_of(node: Node, what: str) -> bool:
    """True or False, quoted or not, in any case. Raises Flaw for anything else."""
    if not isinstance(node, Scalar) or node.text.lower() not in ("true", "false"):
        raise Flaw(f"{what} is {_described(node)}, not true or false", node.line)
    return node.text.lower() == "true"


def items_of(node: Node, what: str) -> tuple[Node, ...]:
    """The items of a list. Raises Flaw for anything else."""
    if not isinstance(node, Items):
        raise Flaw(f"{what} is {_described(node)}, not a list", node.line)
    return node.items


def entries_of(node: Node, what: str) -> dict[str, Node]:
    """Values by key. Raises Flaw for anything else."""
    if not isinstance(node, Entries):
        raise Flaw(f"{what} is {_described(node)}, not keys with values", node.line)
    return dict(node.entries)


def fields_of(node: Node, what: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
    """Values by key, where only some keys make sense. Raises Flaw for keys that are missing or unknown."""
    fields = entries_of(node, what)
    known = [*required, *optional]
    if unknown := [key for key in fields if key not in known]:
        hinted = " and no ".join(_hinted(key, known) for key in unknown)
        raise Flaw(f"{what} has no key {hinted}; it has {', '.join(known)}", fields[unknown[0]].line)
    if missing := [key for key in required if key not in fields]:
        raise Flaw(f"{what} has no {' and no '.join(missing)}", node.line)
    return fields


def _hinted(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, 1)
    return f"{key!r} (did you mean {near[0]}?)" if near else repr(key)


def _described(node: Node) -> str:
    match node:
        case Scalar(text, quoted):
            return repr(text[:40]) if text or quoted else "empty"
        case Items():
            return "a list"
        case Entries():
            return "keys with values"
