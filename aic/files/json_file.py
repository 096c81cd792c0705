"""JSON that users write: read whole, names that come twice refused, mistakes told with their line."""

import json
from collections.abc import Sequence
from pathlib import Path

from dialects.errors import AicError

_STRAIGHT = str.maketrans("“”", '""')
"""The documents' own examples have typographic quotes."""


class _Twice(ValueError):
    """A name that an object has twice."""


def read_json(path: Path, what: str) -> object:
    """What a file holds; `what` says for messages what it should be. Raises AicError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AicError(f"{path}: cannot read {what}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AicError(f"{path}: not {what}: it is not text") from error
    try:
        return _parsed(text)
    except (ValueError, RecursionError) as error:
        try:
            return _parsed(text.translate(_STRAIGHT))
        except (ValueError, RecursionError):
            raise AicError(f"{path}: not {what} in JSON: {error}") from error


def _parsed(text: str) -> object:
    return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(f"an object names {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number in JSON")


def kind_of(value: object) -> str:
    """What a value is called in JSON."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"
