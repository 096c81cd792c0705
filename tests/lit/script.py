"""A test file's `// RUN:` lines: reading them, substituting, running."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.lit.commands import ScriptError, run_line

MACROS = {
    "AIC_ROUNDTRIP": "aic-opt %s --split-input-file --verify-roundtrip | filecheck %s",
    "AIC_GENERIC": "aic-opt %s --split-input-file --verify-roundtrip --print-op-generic"
    " | filecheck %s --check-prefix=GENERIC",
    "AIC_DIAGNOSTICS": "aic-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s",
}
"""Shorthands that may stand anywhere in a RUN line."""

_RUN = re.compile(r"^\s*(?://|#|;)\s*RUN:(.*)$", re.MULTILINE)
_UNKNOWN = re.compile(r"^\s*(?://|#|;)\s*(XFAIL|REQUIRES|UNSUPPORTED|DEFINE|REDEFINE|ALLOW_RETRIES):", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """Whether a test passed, and what a reader needs to see why not."""

    passed: bool
    report: str


def run_script(test: Path, scratch: Path) -> Outcome:
    """Run a test file's RUN lines in order up to the first that fails.

    `%s` is the test's path, `%S` its folder, `%t` a path under `scratch` that is the test's own, `%%` a percent sign.
    """
    _clean(scratch, f"{test.name}.tmp")
    try:
        lines = run_lines(test.read_text(encoding="utf-8"))
    except ScriptError as error:
        return Outcome(False, f"{test}: {error}")
    values = {"s": str(test), "S": str(test.parent), "t": str(scratch / f"{test.name}.tmp"), "%": "%"}
    for line in lines:
        command = substitute(line, values)
        try:
            done = run_line(command)
        except (ScriptError, OSError) as error:
            return Outcome(False, f"{test}: RUN: {command}\n{error}")
        if done.code != 0:
            output = done.stdout.decode(errors="replace")
            return Outcome(False, f"{test}: RUN: {command}\nexit code {done.code}\n{done.stderr}{output}")
    return Outcome(True, "")


def _clean(scratch: Path, prefix: str) -> None:
    """Make the scratch folder, without what an earlier run of the test left there."""
    scratch.mkdir(parents=True, exist_ok=True)
    for left in scratch.glob(f"{prefix}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def run_lines(text: str) -> list[str]:
    """The RUN lines of a test's text, with lines that end in a backslash joined to the next."""
    if (keyword := _UNKNOWN.search(text)) is not None:
        raise ScriptError(f"{keyword[1]}: is not known here; a test consists of RUN: lines")
    lines: list[str] = []
    pending = ""
    for found in _RUN.findall(text):
        line = pending + found.strip()
        pending = line[:-1] if line.endswith("\\") else ""
        if not pending:
            lines.append(line)
    if pending:
        raise ScriptError("the last RUN: line ends in a backslash")
    if not lines:
        raise ScriptError("the test has no RUN: line")
    return lines


def substitute(line: str, values: dict[str, str]) -> str:
    """Expand the macros, then the `%` substitutions. An unknown one is left as it stands."""
    for macro, meaning in MACROS.items():
        line = re.sub(rf"\b{macro}\b", meaning, line)
    return re.sub(r"%(\w|%)", lambda match: values.get(match[1], match[0]), line)
