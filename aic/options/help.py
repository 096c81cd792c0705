"""The help of `aic-exec`, from the table of options."""

import textwrap
from dataclasses import fields
from itertools import groupby

from aic.options.option import Kind, Option
from aic.options.table import OPTIONS, Options

_COLUMN = 32
_WIDTH = 110


def help_text() -> str:
    """All options by group, with their values and defaults; those that are refused only by name."""
    parts = ["usage: aic-exec -m=<model.onnx> [options]\n"]
    supported = [option for option in OPTIONS if option.supported]
    for group, options in groupby(supported, key=lambda option: option.group):
        parts.append(f"\n{group}:\n" + "".join(_entry(option) for option in options))
    refused = ", ".join(f"-{option.name}" for option in OPTIONS if not option.supported)
    parts.append("\nrecognised, not supported yet:\n")
    parts.append(textwrap.fill(refused, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
    return "".join(parts) + "\n"


def _entry(option: Option) -> str:
    value = _values(option)
    names = ", ".join(f"-{name}" for name in option.names)
    head = f"  {names}{value}"
    text = option.help + _range(option) + _default(option)
    lines = textwrap.wrap(text, _WIDTH - _COLUMN)
    if len(head) >= _COLUMN:
        return head + "\n" + "".join(f"{'':{_COLUMN}}{line}\n" for line in lines)
    first, *rest = lines
    return f"{head:{_COLUMN}}{first}\n" + "".join(f"{'':{_COLUMN}}{line}\n" for line in rest)


def _values(option: Option) -> str:
    if option.kind in (Kind.FLAG, Kind.LEVEL):
        return ""
    value = "|".join(option.choices) or {
        Kind.SYMBOL: "<name>,<value>",
        Kind.NAMES: "<name>,<name>",
        Kind.PATH: "<path>",
        Kind.PATHS: "<path>,<path>",
    }.get(option.kind, "<value>")
    return f"[={value}]" if option.bare is not None else f"={value}"


def _range(option: Option) -> str:
    if option.kind is Kind.LEVEL or option.minimum is None:
        return ""
    return f" (at least {option.minimum})" if option.maximum is None else f" ({option.minimum} to {option.maximum})"


def _default(option: Option) -> str:
    default = next(field.default for field in fields(Options) if field.name == option.python_name)
    return (
        f" (default {default})" if isinstance(default, str | int) and not isinstance(default, bool) and default else ""
    )
