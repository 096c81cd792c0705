"""`make docs`: writes the reference of options, passes and operations, from what the code says.

python -m tools.docs [folder]        (default: docs/reference)
"""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from xdsl.passes import get_pass_option_infos

from aic.options import help_text
from dialects import get_all_dialects
from dialects.files import written_aside
from passes import get_all_passes
from tools.process import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Write the reference with `argv` (None: the process's arguments) and return the exit code."""
    return run_command("docs", _run, argv)


def _run(argv: Sequence[str]) -> int:
    folder = Path(argv[0]) if argv else Path("docs/reference")
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"options.md": _options(), "passes.md": _passes()}
    pages |= {f"{name}.md": _dialect(name) for name in get_all_dialects()}
    for name, text in pages.items():
        with written_aside(folder / name) as partial:
            partial.write_text(text)
        print(folder / name)
    return 0


def _options() -> str:
    return f"# Options of aic-exec\n\n```\n{help_text()}```\n"


def _passes() -> str:
    parts = ["# Passes\n"]
    for name, factory in sorted(get_all_passes().items()):
        pass_class = factory()
        parts.append(f"\n## {name}\n\n{_documentation(pass_class)}\n")
        options = get_pass_option_infos(pass_class)
        if options:
            parts.append("\n| option | type | default |\n| --- | --- | --- |\n")
        for option in options:
            kind = option.expected_type.replace("|", "\\|")
            parts.append(f"| `{option.name.replace('_', '-')}` | `{kind}` | {option.default_value or ''} |\n")
    return "".join(parts)


def _dialect(name: str) -> str:
    dialect = get_all_dialects()[name]()
    parts = [f"# The dialect `{name}`\n"]
    for title, definitions in (("Attributes and types", dialect.attributes), ("Operations", dialect.operations)):
        rows = sorted(definitions, key=lambda definition: definition.name)
        if rows:
            parts.append(f"\n## {title}\n")
        parts.extend(f"\n### `{row.name}`\n\n{_documentation(row)}\n" for row in rows)
    return "".join(parts)


def _documentation(documented: type) -> str:
    return inspect.getdoc(documented) or ""


if __name__ == "__main__":
    sys.exit(main())
