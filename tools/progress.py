"""Progress bars on standard error, when that is a terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from aic.phases import Observer


@contextmanager
def progress(total: int) -> Generator[Callable[[str], None]]:
    """Yields a function to call with a description before each of `total` steps; the last one ends with the block."""
    if not sys.stderr.isatty():
        yield lambda description: None
        return
    # Imported where they are needed: most commands run without a terminal, and start sooner so.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        started = False

        def step(description: str) -> None:
            nonlocal started
            bar.update(task, description=description, advance=1 if started else 0)
            started = True

        yield step


class PhaseProgress(Observer):
    """Tells of every phase as it starts."""

    def __init__(self, step: Callable[[str], None]) -> None:
        self._step = step

    def phase_started(self, phase: str) -> None:
        self._step(f"phase {phase}")
