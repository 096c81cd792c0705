"""Runs what a page shows: files that it names are written, changes applied, commands run, and their output compared.

Blocks of code happen in order, in one folder:

- `mlir` or `python` whose first line is a comment that names a file: the file is written;
- `mlir` without a name: must parse, verify, and print to text that parses back equal;
- `python` without a name: is run;
- `diff`: is applied;
- `console`: lines that start with `$ ` are run by a shell. What is shown below a command must be lines of its output in
  this order, if numbers are taken for equal; `..` within a line and `...` as a line stand for anything.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lit.commands import run_command

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?://|#) ([\w./-]+\.(?:mlir|py))\n")
_NUMBER = re.compile(r"\d[\d,.e+-]*")
_RULE = re.compile(r"[━─]+")


@dataclass(frozen=True)
class Block:
    """A block of code of a page, with its place."""

    place: str
    language: str
    text: str


class WrongDocument(Exception):
    """A page shows what does not work, or not what happens."""


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of code of a page, in order."""
    text = page.read_text()
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(f"{page.name}:{line}", match[1], match[2])


def run_page(page: Path, folder: Path) -> None:
    """Runs the blocks of a page in a folder. Raises WrongDocument for the first that does not do what it shows."""
    for block in blocks(page):
        match block.language, _FILE.match(block.text):
            case (("mlir" | "python"), re.Match() as named):
                _write(folder / named[1], block.text)
            case "mlir", _:
                _check_ir(block)
            case "python", _:
                _succeed(block, "python -", folder, block.text)
            case "diff", _:
                _succeed(block, "git apply --whitespace=nowarn -", folder, block.text)
            case "console", _:
                _check_console(block, folder)
            case _:
                pass


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _check_ir(block: Block) -> None:
    done = run_command(["aic-opt", "--verify-roundtrip"], block.text.encode())
    if done.code != 0:
        raise WrongDocument(f"{block.place}: {done.stderr}")


def _check_console(block: Block, folder: Path) -> None:
    _, *steps = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    for step in steps:
        command, _, shown = re.sub(r"\\\n", "", step).partition("\n")
        _compare(block, command, shown, _succeed(block, command, folder))


def _succeed(block: Block, command: str, folder: Path, stdin: str = "") -> str:
    """Standard output and standard error of a command that must succeed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise WrongDocument(f"{block.place}: exit code {done.returncode} from: {command}\n{done.stdout}")
    return done.stdout


def _compare(block: Block, command: str, shown: str, actual: str) -> None:
    lines = iter(_plain(actual).splitlines())
    for line in _plain(shown).splitlines():
        if line in ("", "..."):
            continue
        pattern = re.compile(".*".join(map(re.escape, line.split(".."))))
        if not any(pattern.fullmatch(candidate) for candidate in lines):
            raise WrongDocument(f"{block.place}: {command}\nno line, after those before, is\n{line}\nbut:\n{actual}")


def _plain(text: str) -> str:
    """Text in which numbers, the widths of columns and those of rules do not matter."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(_NUMBER.sub("#", _RULE.sub("-", line)) for line in lines)
