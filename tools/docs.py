"""`make docs`: writes the reference of options, passes and operations, from what the code says.

python -m tools.docs [folder]        (default: docs/reference)
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from dialects.errors import AicError
from dialects.files import written_aside
from tools.process import run_command
from tools.reference import pages

FOLDER = Path("docs/reference")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the reference with `argv` (None: the process's arguments) and return the exit code."""
    return run_command("docs", _run, argv)


def _run(argv: Sequence[str]) -> int:
    if len(argv) > 1 or any(argument.startswith("-") for argument in argv):
        raise AicError("usage: python -m tools.docs [folder]")
    folder = Path(argv[0]) if argv else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        with written_aside(folder / name) as partial:
            partial.write_text(text)
        print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
