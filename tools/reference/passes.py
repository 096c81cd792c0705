"""The page of passes."""

import inspect
import sys

from xdsl.passes import ModulePass, get_pass_option_infos

from passes import get_all_passes
from passes.rewriting.precision import Precision, precision_of
from tools.reference.markdown import code, table
from tools.reference.source import documentation, field_documentation


def passes_page() -> str:
    """Every pass with its documentation and options."""
    intro = (
        "# Passes\n\nEach runs alone on IR text: `aic-opt x.mlir -p 'pass-a{option=1},pass-b'`. What it may do to\n"
        "values is checked by `aic-opt --validate-passes` and `aic-exec -validate-passes`.\n"
    )
    return intro + "".join(_section(name, factory()) for name, factory in sorted(get_all_passes().items()))


def _section(name: str, pass_class: type[ModulePass]) -> str:
    module = inspect.getdoc(sys.modules[pass_class.__module__]) or documentation(pass_class)
    text = module.removeprefix(f"`{name}`: ")
    values = _VALUES[precision_of(pass_class)]
    return f"\n## `{name}`\n\n{text[0].upper()}{text[1:]}\n\nValues: {values}.\n{_options(pass_class)}"


_VALUES = {
    Precision.EXACT: "equal bits",
    Precision.ROUNDING: "equal up to roundings in their element types",
    Precision.FP16: "equal up to roundings to fp16",
    Precision.QUANTIZED: "as near as the steps between integers allow, which the user has chosen",
}


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
