"""What the commands that run networks share: inputs from files or drawn, outputs to files, the summary."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aic.files.inputs import ChosenFiles, InputFiles, choose_files, load_inputs
from aic.files.outputs import make_output_folder, write_outputs
from aic.files.random_inputs import draw_inputs
from aic.tensors import Array, Signature
from dialects.errors import AicError
from tools.progress import progress

if TYPE_CHECKING:
    from aic.nsp.parts_report import PartsReport
    from aic.nsp.report import Report
    from aic.nsp.timing import Performance
    from aic.nsp.timing.pipeline import PipelinePerformance
    from aic.session import Session

_PIPED_WIDTH = 200
"""Columns of tables that do not go to a terminal: names of nodes of deep networks stand in one line."""


@dataclass(frozen=True)
class Inferences:
    """The inferences to run: their number, and where the inputs come from; files are used over and over."""

    count: int | None
    """None: every set of files once, or with drawn inputs each specialization once."""
    files: Sequence[InputFiles]
    distribution: str = "uniform"
    """Of drawn inputs, when there are no files."""

    def on(self, signatures: Sequence[Signature]) -> "Planned":
        """The inferences on a network. Raises AicError for files that do not fit."""
        return Planned(self, signatures, choose_files(self.files, signatures))

    def first_for(self, signature: Signature) -> dict[str, Array]:
        """The inputs of the first inference whose files are for this one of several specializations; where outputs go
        does not matter. Raises AicError when there are none.
        """
        error: AicError | None = None
        for files in self.files:
            try:
                (chosen,) = choose_files([replace(files, outputs=())], [signature])
            except AicError as misfit:
                error = error or misfit
            else:
                return load_inputs(chosen, signature)
        raise error or AicError("no input files")


@dataclass(frozen=True)
class Planned:
    """Inferences on a network of which the specializations are known, and which of them each is for."""

    inferences: Inferences
    signatures: Sequence[Signature]
    chosen: Sequence[ChosenFiles]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.inferences.count or len(self.chosen) or len(self.signatures)

    def origin(self, number: int) -> str:
        """Where the inputs of an inference come from."""
        if not self.chosen:
            return f"drawn inputs {number}"
        files = self.inferences.files[number % len(self.chosen)]
        return f"{files.origin}: {', '.join(str(file.path) for file in files.inputs)}"

    def inputs(self, number: int) -> dict[str, Array]:
        """The inputs of an inference. Drawn ones are for one specialization after the other; what stays on the card is
        not drawn.
        """
        if self.chosen:
            files = self.chosen[number % len(self.chosen)]
            return load_inputs(files, self.signatures[files.specialization])
        signature = self.signatures[number % len(self.signatures)]
        return draw_inputs(signature.needed, self.inferences.distribution, seed=number)

    def outputs(self, number: int) -> Mapping[str, Path]:
        """Where outputs of an inference go, as far as that is said."""
        return self.chosen[number % len(self.chosen)].outputs if self.chosen else {}


def run_inferences(
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
    signatures: Sequence[Signature],
    inferences: Inferences,
    output_folder: Path | None,
) -> int:
    """Runs all inferences and writes their outputs, if a folder is given or they are listed. Returns how many.

    Raises AicError before the first one for files that do not fit or a folder that cannot be made.
    """
    planned = inferences.on(signatures)
    if output_folder is not None:
        make_output_folder(output_folder)
    with progress(planned.count) as step:
        for number in range(planned.count):
            step(f"inference {number}")
            outputs = run(planned.inputs(number))
            write_outputs(output_folder, number, outputs, planned.outputs(number))
    return planned.count


def run_on_card(
    session: "Session",
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
    inferences: Inferences,
    output_folder: Path | None,
    set_size: int,
) -> list[int]:
    """Runs all inferences on a card, and prints where they ran and what they took: of each specialization by itself.
    Returns the specializations that ran.
    """
    ran: Counter[int] = Counter()

    def counted(inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = run(inputs)
        ran[session.chosen] += 1
        return outputs

    run_inferences(counted, session.specializations, inferences, output_folder)
    print(simulated(session))
    for number, count in sorted(ran.items()):
        name = session.specializations[number].name
        line = summary(session.performance_of(number), count, session.batch_size_of(number), set_size)
        print(f"{name}: {line}" if name else line)
    return sorted(ran)


def summary(performance: "Performance | PipelinePerformance", count: int, batch_size: int, set_size: int) -> str:
    """The runner's summary line, from the timing engine.

    Inferences are dealt out to the instances. With a set size of 1 an instance takes one when the one before is back;
    with more they are queued, so that transfers overlap with work, and after the first of each instance one more is
    done every period.
    """
    instances = performance.instances
    if set_size == 1:
        seconds = -(-count // instances) * performance.latency_seconds
    else:
        seconds = performance.latency_seconds + max(count - instances, 0) * performance.period_seconds
    return (
        f"InferenceCnt {count} TotalDuration {seconds * 1e6:.0f}us BatchSize {batch_size} "
        f"Inf/Sec {count * batch_size / seconds:.2f}"
    )


def print_report(report: "Report | PartsReport") -> None:
    """Prints the tables of a report, as wide as the terminal; in a pipe or a file the width is fixed."""
    from rich.console import Console

    console = Console()
    report.render(console if console.is_terminal else Console(width=_PIPED_WIDTH))


def simulated(session: "Session") -> str:
    """What must be said of every time and value: where it comes from."""
    cards = "card" if len(session.devices) == 1 else "cards"
    if session.devices != (0,):
        cards += f" {', '.join(map(str, session.devices))}"
    nsps = f"{session.cores} NSPs"
    if session.instances > 1:
        nsps = f"{session.instances} instances on {nsps} each"
    return f"{cards}: simulated Cloud AI 100 {session.sku.capitalize()}, {nsps}; times are those of its model"
