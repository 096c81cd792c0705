"""What translation validation has found, as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from aic.validation import PassVerdict

_PIPED_WIDTH = 120


def print_verdicts(verdicts: Sequence[PassVerdict]) -> None:
    """Prints one row per pass to standard error: what it promises, how far its values are off, what running it took.

    `error` is the largest distance from before as a share of the largest value; `of bound` says how much of what is
    allowed was used, and more than 100 % is drift.
    """
    table = Table(title="values before and after each pass", title_justify="left")
    for heading in ("phase", "pass", "runs on", "promise"):
        table.add_column(heading, overflow="fold")
    for heading in ("error", "of bound", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(verdict.phase, verdict.name, verdict.level, verdict.precision, *_found(verdict))
    seconds = sum(verdict.seconds for verdict in verdicts)
    table.add_section()
    table.add_row("total", "", "", "", "", "", f"{seconds:.2f}")
    console = Console(stderr=True)
    (console if console.is_terminal else Console(stderr=True, width=_PIPED_WIDTH)).print(table)


def _found(verdict: PassVerdict) -> tuple[str, str, str]:
    seconds = f"{verdict.seconds:.2f}"
    if not verdict.changed:
        return "unchanged", "", seconds
    used = verdict.difference.used
    style = ("[bold red]", "[/]") if verdict.difference.drifts else ("", "")
    share = "over" if used == float("inf") else f"{used:.1%}" if used < 10 else f"{used:.2g} times"
    error = f"{verdict.difference.error:.1e}" if verdict.difference.error else "0"
    return error, f"{style[0]}{share}{style[1]}", seconds
