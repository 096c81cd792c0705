"""YAML and JSON files as trees of text. PyYAML is met here and nowhere else.

Nothing is constructed from tags: nodes are composed by the safe loader and their text is taken.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from passes.quantization.files.nodes import Entries, Flaw, Items, Node, Scalar

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where there is one: ten times as fast
_PRINTABLE = re.compile(r"[ -~]*")


def read_text(path: Path, what: str) -> str:
    """The text of a file. Raises Flaw when it cannot be read, or is no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Flaw(f"cannot read {what}: {error.strerror}", None) from error
    except UnicodeDecodeError as error:
        raise Flaw(f"not {what}: it is not text in UTF-8", None) from error


def yaml_documents(text: str) -> list[Node]:
    """The documents of a YAML stream. Raises Flaw when it is not YAML, or a key comes twice."""
    try:
        return [_of_yaml(document, {}) for document in yaml.compose_all(text, Loader=_LOADER)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise Flaw(f"not YAML: {error.problem}", None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise Flaw(f"not YAML: {str(error).splitlines()[0]}", None) from error
    except RecursionError as error:
        raise Flaw("not YAML that can be read: it is nested too deeply", None) from error


def counted(documents: Sequence[Node]) -> str:
    """How many documents these are, in words."""
    return "1 YAML document" if len(documents) == 1 else f"{len(documents) or 'no'} YAML documents"


def quoted(name: str) -> str:
    """A name as a YAML scalar on one line."""
    if _PRINTABLE.fullmatch(name):
        return "'" + name.replace("'", "''") + "'"
    escaped = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08X}" for c in name)
    return '"' + "".join(escaped) + '"'


def _of_yaml(node: yaml.Node, known: dict[int, Node | None]) -> Node:
    """The tree of a node. An alias (`*name`) shares the tree of its anchor: none takes more memory than its text."""
    line: int = node.start_mark.line + 1
    if id(node) in known:
        shared = known[id(node)]
        if shared is None:
            raise Flaw("an alias stands within its own anchor", line)
        return shared
    known[id(node)] = None
    match node:
        case yaml.ScalarNode():
            made = Scalar(str(node.value), bool(node.style), line)
        case yaml.SequenceNode():
            made = Items(tuple(_of_yaml(item, known) for item in node.value), line)
        case yaml.MappingNode():
            made = _entries([(_key(key), _of_yaml(value, known)) for key, value in node.value], line)
        case _:
            raise AssertionError(node)
    known[id(node)] = made
    return made


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Flaw("a key is not a name", node.start_mark.line + 1)
    return str(node.value)


def _entries(pairs: Sequence[tuple[str, Node]], line: int | None) -> Entries:
    keys: set[str] = set()
    for key, value in pairs:
        if key in keys:
            raise Flaw(f"key {key!r} is there twice", value.line)
        keys.add(key)
    return Entries(tuple(pairs), line)


def json_document(text: str) -> Node:
    """The value that a JSON text holds; its nodes have no lines.

    Raises Flaw when it is not JSON, or a key comes twice.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_of_pairs, parse_float=_number, parse_int=_number, parse_constant=_number
        )
    except json.JSONDecodeError as error:
        raise Flaw(f"not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise Flaw("not JSON that can be read: it is nested too deeply", None) from error
    return _of_json(value)


def _of_pairs(pairs: list[tuple[str, object]]) -> Entries:
    return _entries([(key, _of_json(value)) for key, value in pairs], None)


def _number(text: str) -> Scalar:
    return Scalar(text, quoted=False)


def _of_json(value: object) -> Node:
    match value:
        case Scalar() | Entries():
            return value
        case list():
            return Items(tuple(map(_of_json, value)))
        case str():
            return Scalar(value, quoted=True)
        case None:
            return Scalar("", quoted=False)
        case _:
            return Scalar(str(value), quoted=False)  # True or False
