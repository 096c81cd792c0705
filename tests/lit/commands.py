"""Shell-like command lines of our tools, run in this process.

A process per command costs 0.7 s, most of it imports; in process a command costs milliseconds. Known are our tools,
`filecheck`, `not`, `cat` and `cmp`; pipes, `&&`, `< file`, `> file` and `2>&1`.
"""

import io
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options
from filecheck.parser import Parser, pattern_for_opts

TOOLS = ("aic-exec", "aic-opt", "aic-qpc", "aic-runner", "aic-translate")
CRASH = 134
"""Exit code of a command that raised: `not` does not take it for the failure that it expects."""


class ScriptError(Exception):
    """A test's command line asks for what this runner does not do."""


@dataclass(frozen=True)
class Completed:
    """What a command line gave: its exit code, its standard output and what went to standard error."""

    code: int
    stdout: bytes
    stderr: str


def run_line(line: str) -> Completed:
    """Run a command line: pipelines joined by `&&`. A pipeline fails when any of its commands fails."""
    stdout, stderr = b"", ""
    for pipeline in _split(_tokens(line), "&&"):
        done = _run_pipeline(pipeline)
        stdout, stderr = stdout + done.stdout, stderr + done.stderr
        if done.code != 0:
            return Completed(done.code, stdout, stderr)
    return Completed(0, stdout, stderr)


def run_command(command: Sequence[str], stdin: bytes = b"", *, join_stderr: bool = False) -> Completed:
    """Run one command with its arguments."""
    name, *arguments = command
    expects_failure = name == "not"
    if expects_failure:
        name, *arguments = arguments
    with _streams(stdin, join_stderr) as (out, err):
        code = _call(_lookup(name), arguments)
    if expects_failure:
        code = code if code == CRASH else int(code == 0)
    errors = "" if join_stderr else err.getvalue().decode()
    return Completed(code, out.getvalue(), errors)


def _run_pipeline(tokens: list[str]) -> Completed:
    data, code, errors = b"", 0, ""
    for stage in _split(tokens, "|"):
        command, source, target, join_stderr = _redirections(stage)
        done = run_command(command, data if source is None else Path(source).read_bytes(), join_stderr=join_stderr)
        data, errors = done.stdout, errors + done.stderr
        code = code or done.code
        if target is not None:
            Path(target).write_bytes(data)
            data = b""
    return Completed(code, data, errors)


def _redirections(stage: list[str]) -> tuple[list[str], str | None, str | None, bool]:
    """Split a stage into its command, its input file, its output file, and whether errors join the output."""
    command: list[str] = []
    source = target = None
    join_stderr = False
    tokens = iter(stage)
    for token in tokens:
        match token:
            case "2>&1":
                join_stderr = True
            case "<":
                source = next(tokens)
            case ">":
                target = next(tokens)
            case _:
                command.append(token)
    if not command:
        raise ScriptError("a command is missing before or after |, && or a redirection")
    return command, source, target, join_stderr


def _tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>;")
    lexer.whitespace_split = True
    lexer.commenters = ""
    tokens: list[str] = []
    for token in lexer:
        # shlex splits `2>&1` in three.
        if token == "1" and tokens[-2:] == ["2", ">&"]:
            tokens[-2:] = ["2>&1"]
        else:
            tokens.append(token)
    operators = [token for token in tokens if set(token) <= set("|&<>;") and token not in ("|", "&&", "<", ">", "")]
    if operators:
        raise ScriptError(f"unknown operator {operators[0]} in: {line}; known are | && < > 2>&1")
    return tokens


def _split(tokens: list[str], operator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == operator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _lookup(name: str) -> Callable[[list[str]], int]:
    if name in TOOLS:
        return import_module(f"tools.{name.replace('-', '_')}").main
    commands = {"filecheck": _filecheck, "cat": _cat, "cmp": _cmp}
    if name not in commands:
        raise ScriptError(f"unknown command '{name}'; known are not, {', '.join([*commands, *TOOLS])}")
    return commands[name]


def _call(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception:
        traceback.print_exc()
        return CRASH


def _filecheck(arguments: list[str]) -> int:
    options = parse_argv_options(["filecheck", *arguments])
    checks = io.StringIO(Path(options.match_filename).read_text(encoding="utf-8"))
    matcher = Matcher.from_opts(options)
    matcher.operations = Parser(options, checks, *pattern_for_opts(options))
    return matcher.run()


def _cat(arguments: list[str]) -> int:
    for name in arguments:
        sys.stdout.buffer.write(Path(name).read_bytes())
    if not arguments:
        sys.stdout.buffer.write(sys.stdin.buffer.read())
    return 0


def _cmp(arguments: list[str]) -> int:
    left, right = arguments
    if Path(left).read_bytes() == Path(right).read_bytes():
        return 0
    print(f"{left} {right} differ", file=sys.stderr)
    return 1


@contextmanager
def _streams(stdin: bytes, join_stderr: bool):
    """Replace the process's three streams; yield the buffers behind standard output and standard error."""
    out = io.BytesIO()
    err = out if join_stderr else io.BytesIO()
    saved = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", write_through=True)
    try:
        yield out, err
    finally:
        for stream in (sys.stdout, sys.stderr):
            # A wrapper closes its buffer when it is collected.
            if not stream.closed:
                stream.detach()
        sys.stdin, sys.stdout, sys.stderr = saved
