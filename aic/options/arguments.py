"""From a command line in the documents' syntax, or from keywords, to `Options`; all mistakes are reported at once."""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aic.options.conflicts import conflicts, refused_together
from aic.options.option import Kind, Option
from aic.options.table import OPTIONS, Options
from dialects.errors import AicError


class UsageError(AicError):
    """What is wrong with the options given."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        """Each as a sentence."""
        listed = problems[0] if len(problems) == 1 else "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"options: {listed}")


@dataclass(frozen=True)
class _Given:
    """An option as it was given: the row of the table, how it was spelled, and the text of its value."""

    option: Option
    spelled: str
    text: str


def parse_arguments(argv: Sequence[str]) -> Options:
    """Options of a command line: `-name=value`, `-name value`, `-flag`; two dashes are as good as one.

    An argument without a dash is the model.

    Raises:
        UsageError: unknown, refused or conflicting options, missing values, values out of range: all of them.
    """
    given, problems = _scan(argv)
    options = _build(given, problems)
    stops_early = options.help or options.version or options.operators_supported is not None
    if options.model is None and not stops_early:
        raise UsageError(["the model is missing: -m=<model.onnx>"])
    return options


def options_from_keywords(**keywords: Any) -> Options:
    """Options of the Python API: keywords are the fields of `Options`, and None means: not given.

    Raises:
        UsageError: as for the command line.
    """
    by_keyword = {option.python_name: option for option in OPTIONS}
    given: list[_Given] = []
    problems: list[str] = []
    for keyword, value in keywords.items():
        option = by_keyword.get(keyword)
        if option is None:
            problems.append(_unknown(keyword, by_keyword, prefix=""))
        elif value is not None:
            texts = _texts(value)
            if texts and option.kind in (Kind.PER_CLUSTER, Kind.COUNTS, Kind.PATHS):
                texts = [",".join(texts)]
            given.extend(_Given(option, f"{keyword}=", text) for text in texts)
    return _build(given, problems)


def options_among(allowed: Sequence[str], argv: Sequence[str]) -> dict[str, object]:
    """Values of a command line that may hold a few options only, by their keywords.

    Raises:
        UsageError: any other option, by its name, and what `parse_arguments` refuses.
    """
    given, problems = _scan(argv)
    others = dict.fromkeys(each.option.name for each in given if each.option.name not in allowed)
    if others:
        may = ", ".join(f"-{name}" for name in allowed)
        problems.append(f"{', '.join(f'-{name}' for name in others)}: only {may} may be given here")
    values = _values([each for each in given if each.option.name in allowed], problems)
    if problems:
        raise UsageError(problems)
    return values


def _scan(argv: Sequence[str]) -> tuple[list[_Given], list[str]]:
    """Split a command line into options with the texts of their values, and what is wrong with it."""
    by_name = {name: option for option in OPTIONS for name in option.names}
    given: list[_Given] = []
    problems: list[str] = []
    arguments = list(reversed(argv))
    while arguments:
        argument = arguments.pop()
        if not _is_option(argument):
            given.append(_Given(by_name["m"], "-m=", argument))
            continue
        name, equals, text = argument.lstrip("-").partition("=")
        option = by_name.get(name)
        if option is None:
            problems.append(_unknown(name, by_name, prefix="-"))
            continue
        if not text and option.takes_value and arguments and not _is_option(arguments[-1]):
            text = arguments.pop()
        elif not equals:
            text = _meaning_alone(option, name)
        if not text:
            problems.append(f"-{name}: a value is missing")
            continue
        given.append(_Given(option, f"-{name}=", text))
    return given, problems


def _is_option(argument: str) -> bool:
    """A dash alone, or before a digit, begins a value."""
    name = argument.lstrip("-")
    return argument.startswith("-") and name != "" and not name[0].isdigit()


def _meaning_alone(option: Option, name: str) -> str:
    """The value that an option has when it stands without one; empty when it may not."""
    match option.kind:
        case Kind.FLAG:
            return "true"
        case Kind.LEVEL:
            return str(len(name))
        case _:
            return option.bare or ""


def _build(given: Iterable[_Given], problems: list[str]) -> Options:
    """Convert the values and check them one by one, then together."""
    given = list(given)
    values = _values(given, problems)
    problems += refused_together([each.option.name for each in given])
    if problems:
        raise UsageError(problems)
    options = Options(**cast(dict[str, Any], values))
    if found := conflicts(options):
        raise UsageError(found)
    return options


def _values(given: Iterable[_Given], problems: list[str]) -> dict[str, object]:
    """The values by keyword, each checked by itself; adds to the problems."""
    values: dict[str, object] = {}
    refused: dict[str, None] = {}
    for each in given:
        option = each.option
        if not option.supported:
            refused[f"-{option.name}"] = None
        try:
            value = option.convert(each.text)
        except ValueError as error:
            problems.append(f"{each.spelled}{each.text}: {error}")
            continue
        clash = _enter(values, option, value)
        if clash is not None:
            problems.append(f"{each.spelled}{each.text}: {clash}")
    if refused:
        problems.append(f"not supported yet: {', '.join(refused)}")
    return values


def _enter(values: dict[str, object], option: Option, value: object) -> str | None:
    """Enter a value under its option's keyword; say so when it contradicts one that is there."""
    key = option.python_name
    match value:
        case _ if option.kind is Kind.PER_CLUSTER:
            values[key] = value
            return None
        case tuple() if option.kind is Kind.NAMES:
            values[key] = (*cast(tuple[str, ...], values.get(key, ())), *cast(tuple[str, ...], value))
            return None
        case (str(symbol), int(size)):
            symbols = cast(dict[str, int], values.setdefault(key, {}))
            entered = symbols.setdefault(symbol, size)
            return None if entered == size else f"{symbol} is {entered} already"
        case _:
            entered = values.setdefault(key, value)
            return None if entered == value or option.repeatable else f"given as {entered} already"


def _unknown(name: str, known: Mapping[str, Option], prefix: str) -> str:
    near = difflib.get_close_matches(name, known)
    hint = f"; did you mean {' or '.join(prefix + each for each in near)}?" if near else ""
    return f"unknown option {prefix}{name}{hint}"


def _texts(value: object) -> list[str]:
    """The command line's texts for the value of a keyword."""
    if isinstance(value, Mapping):
        return [f"{name},{size}" for name, size in value.items()]
    if isinstance(value, os.PathLike):
        return [os.fspath(value)]
    if isinstance(value, list | tuple):
        return [str(item) for item in cast(Sequence[object], value)]
    return [str(value)]
