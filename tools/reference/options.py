"""The page of options."""

from itertools import groupby

from aic.options.option import Kind, Option
from aic.options.table import OPTIONS
from tools.reference.markdown import code, table

_INTRO = """# Options of aic-exec

`-name=value`, or `-name value`; two dashes are taken like one. A supported option has its documented effect, and is a
keyword of `aic.compile` where one is named. An option that is refused is recognised, and stops with "not supported yet"
and a non-zero exit code: nothing is ignored.

"""


def options_page() -> str:
    """Every option by group, those that are refused last."""
    supported = [option for option in OPTIONS if option.supported]
    refused = [option for option in OPTIONS if not option.supported]
    return (_INTRO + "## Supported\n" + _groups(supported) + "\n## Refused\n" + _groups(refused)).rstrip("\n") + "\n"


def _groups(options: list[Option]) -> str:
    parts: list[str] = []
    for group, members in groupby(options, key=lambda option: option.group):
        rows = [_row(option) for option in members]
        parts.append(f"\n### {group}\n\n{table(('option', 'values', 'since', 'meaning'), rows)}".rstrip("\n") + "\n")
    return "".join(parts)


def _row(option: Option) -> tuple[str, str, str, str]:
    names = ", ".join(code(f"-{name}") for name in option.names)
    return names, _values(option), option.since or "", option.help


def _values(option: Option) -> str:
    if option.choices:
        return ", ".join(map(code, option.choices))
    if option.kind in (Kind.FLAG, Kind.LEVEL):
        return option.kind.value
    range_ends = (("from", option.minimum), ("to", option.maximum))
    limits = [f"{word} {limit:g}" for word, limit in range_ends if limit is not None]
    return " ".join([option.kind.value, *limits])
