"""What the commands that run networks share: inputs from files or drawn, outputs to files, the summary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aic.files.inputs import InputFiles, check_files, load_inputs
from aic.files.outputs import make_output_folder, write_outputs
from aic.files.random_inputs import draw_inputs
from aic.tensors import Array, TensorInfo
from tools.progress import progress

if TYPE_CHECKING:
    from aic.nsp.report import Report
    from aic.nsp.timing import Performance
    from aic.session import Session

_PIPED_WIDTH = 200
"""Columns of tables that do not go to a terminal: names of nodes of deep networks stand in one line."""


@dataclass(frozen=True)
class Inferences:
    """The inferences to run: their number, and where the inputs come from; files are used over and over."""

    count: int
    files: Sequence[InputFiles]
    distribution: str
    """Of drawn inputs, when there are no files."""

    @staticmethod
    def of(count: int | None, files: Sequence[InputFiles], distribution: str | None) -> "Inferences":
        """By default every set of files once, or one inference with uniform random inputs."""
        return Inferences(count or len(files) or 1, files, distribution or "uniform")

    def origin(self, number: int) -> str:
        """Where the inputs of an inference come from."""
        if not self.files:
            return f"drawn inputs {number}"
        files = self.files[number % len(self.files)]
        return f"{files.origin}: {', '.join(str(path) for path in files.paths)}"

    def inputs(self, tensors: Sequence[TensorInfo]) -> Iterator[dict[str, Array]]:
        """The inputs of each inference. Raises AicError for files that do not fit."""
        for number in range(self.count):
            if self.files:
                yield load_inputs(self.files[number % len(self.files)], tensors)
            else:
                yield draw_inputs(tensors, self.distribution, seed=number)


def run_inferences(
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
    tensors: Sequence[TensorInfo],
    inferences: Inferences,
    output_folder: Path | None,
) -> None:
    """Runs all inferences and writes their outputs, if a folder is given.

    Raises AicError before the first one for files that do not fit or a folder that cannot be made.
    """
    check_files(inferences.files, tensors)
    if output_folder is not None:
        make_output_folder(output_folder)
    with progress(inferences.count) as step:
        for number, inputs in enumerate(inferences.inputs(tensors)):
            step(f"inference {number}")
            outputs = run(inputs)
            if output_folder is not None:
                write_outputs(output_folder, number, outputs)


def summary(performance: "Performance", count: int, batch_size: int, set_size: int) -> str:
    """The runner's summary line, from the timing engine.

    Inferences are dealt out to the instances. With a set size of 1 an instance takes one when the one before is back;
    with more they are queued, so that transfers overlap with work, and after the first of each instance one more is
    done every period.
    """
    instances = len(performance.timelines)
    if set_size == 1:
        seconds = -(-count // instances) * performance.latency_seconds
    else:
        seconds = performance.latency_seconds + max(count - instances, 0) * performance.period_seconds
    return (
        f"InferenceCnt {count} TotalDuration {seconds * 1e6:.0f}us BatchSize {batch_size} "
        f"Inf/Sec {count * batch_size / seconds:.2f}"
    )


def print_report(report: "Report") -> None:
    """Prints the tables of a report, as wide as the terminal; in a pipe or a file the width is fixed."""
    from rich.console import Console

    console = Console()
    report.render(console if console.is_terminal else Console(width=_PIPED_WIDTH))


def simulated(session: "Session") -> str:
    """What must be said of every time and value: where it comes from."""
    nsps = f"{session.cores} NSPs"
    if session.instances > 1:
        nsps = f"{session.instances} instances on {nsps} each"
    return f"card: simulated Cloud AI 100 {session.sku.capitalize()}, {nsps}; times are those of its model"
