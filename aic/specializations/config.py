"""The file of `-network-specialization-config`: the shapes that a network is compiled for.

    {"specializations": [{"batch": "1", "height": "56", "compile_opts": "-ols=2"}, {"batch": "2", "height": "56"}]}

Each has values of the model's symbols, and may have options of its own.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aic.files.json_file import kind_of, read_json
from aic.options import UsageError
from aic.options.arguments import options_among
from dialects.errors import AicError, in_lines
from dialects.tuning import Tuning
from passes.specialize_symbols import Specialization

_WHAT = "a configuration of specializations"
_LIST, _OPTIONS = "specializations", "compile_opts"
_OWN_OPTIONS = ("ols",)
"""Options that a specialization may have of its own, as the vendor documents."""
_MOST_DIGITS = 18


def read_config(path: Path, common: Mapping[str, int]) -> list[Specialization]:
    """The specializations of a file, in its order. `common` are symbols that all of them have, given otherwise.

    Raises AicError that lists everything that is wrong: types, options, and values that `common` contradicts. What the
    model has to say to them `specialize-symbols` tells.
    """
    entries = _entries(read_json(path, _WHAT), path)
    found: list[Specialization] = []
    problems: list[str] = []
    for number, entry in enumerate(entries):
        read = _Reader(f"specialization {number}")
        found.append(read.specialization(entry, common))
        problems += read.problems
    if problems:
        raise AicError(f"{path}:" + in_lines(problems))
    return found


def _entries(document: object, path: Path) -> Sequence[object]:
    fields = cast(dict[str, object], document) if isinstance(document, dict) else {}
    entries = fields.get(_LIST)
    if not isinstance(entries, list):
        raise AicError(f'{path}: not {_WHAT}: expected {{"{_LIST}": [{{"symbol": "value", ..}}, ..]}}')
    others = [name for name in fields if name != _LIST]
    if others:
        raise AicError(f"{path}: beside {_LIST!r} there is {', '.join(map(repr, others))}, which means nothing")
    return cast(list[object], entries)


@dataclass
class _Reader:
    """Reads one entry, and collects what is wrong with it."""

    origin: str
    problems: list[str] = field(default_factory=list[str])

    def specialization(self, entry: object, common: Mapping[str, int]) -> Specialization:
        if not isinstance(entry, dict):
            self._note(f"is {kind_of(entry)}, not an object of symbols")
            return Specialization({})
        fields = cast(dict[str, object], entry)
        own = {name: self._size(name, value) for name, value in fields.items() if name != _OPTIONS}
        for name in own.keys() & common.keys():
            if own[name] != common[name]:
                self._note(f"{name!r} is {own[name]}, but -onnx-define-symbol gives {common[name]} to all")
        return Specialization({**common, **own}, self._tuning(fields.get(_OPTIONS, "")))

    def _size(self, name: str, value: object) -> int:
        """A positive integer, which the documents write as text."""
        text = str(value) if type(value) in (int, str) else ""
        if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and int(text) > 0):
            shown = repr(value) if isinstance(value, str | int | float) else kind_of(value)
            self._note(f'{name!r} is {shown}; a symbol takes a positive integer, such as "8"')
            return 1
        return int(text)

    def _tuning(self, value: object) -> Tuning:
        if not isinstance(value, str):
            self._note(f"{_OPTIONS!r} is {kind_of(value)}, not the text of options")
            return Tuning()
        try:
            given: dict[str, Any] = options_among(_OWN_OPTIONS, shlex.split(value))
        except UsageError as error:
            self._note(f"{_OPTIONS!r}: {'; '.join(error.problems)}")
            return Tuning()
        except ValueError as error:
            self._note(f"{_OPTIONS!r}: {value!r}: {error}")
            return Tuning()
        return Tuning(**given)

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.origin}: {problem}")
