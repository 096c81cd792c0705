"""Lists of what aic defines: its passes with their options, its operations, one line each."""

import inspect
from collections.abc import Iterable

from xdsl.passes import get_pass_option_infos

from dialects import get_all_dialects
from passes import get_all_passes


def list_passes() -> str:
    """Every pass, with its options in the syntax of `-p` and the first line of its documentation."""
    rows: list[tuple[str, str]] = []
    for name, factory in sorted(get_all_passes().items()):
        pass_class = factory()
        options = " ".join(
            f"{option.name.replace('_', '-')}={option.default_value or option.expected_type}"
            for option in get_pass_option_infos(pass_class)
        )
        rows.append((f"{name}{{{options}}}" if options else name, _first_line(pass_class)))
    return _columns(rows)


def list_operations() -> str:
    """Every operation of our dialects with the first line of its documentation."""
    rows = [
        (operation.name, _first_line(operation))
        for _, factory in sorted(get_all_dialects().items())
        for operation in sorted(factory().operations, key=lambda operation: operation.name)
    ]
    return _columns(rows)


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:<{width}}  {text}".rstrip() + "\n" for name, text in rows)
