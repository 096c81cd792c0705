"""The page of passes."""

import inspect
import sys

from xdsl.passes import ModulePass, get_pass_option_infos

from passes import get_all_passes
from tools.reference.markdown import code, table
from tools.reference.source import documentation, field_documentation


def passes_page() -> str:
    """Every pass with its documentation and options."""
    intro = "# Passes\n\nEach runs alone on IR text: `aic-opt x.mlir -p 'pass-a{option=1},pass-b'`.\n"
    return intro + "".join(_section(name, factory()) for name, factory in sorted(get_all_passes().items()))


def _section(name: str, pass_class: type[ModulePass]) -> str:
    module = inspect.getdoc(sys.modules[pass_class.__module__]) or documentation(pass_class)
    text = module.removeprefix(f"`{name}`: ")
    return f"\n## `{name}`\n\n{text[0].upper()}{text[1:]}\n{_options(pass_class)}"


def _options(pass_class: type[ModulePass]) -> str:
    meanings = field_documentation(pass_class)
    rows = [
        (
            code(option.name.replace("_", "-")),
            option.expected_type,
            option.default_value or "",
            meanings.get(option.name, ""),
        )
        for option in get_pass_option_infos(pass_class)
    ]
    return f"\n{table(('option', 'type', 'default', 'meaning'), rows)}".rstrip("\n") + "\n" if rows else ""
