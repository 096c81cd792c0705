"""`aic-runner`: runs a QPC on the simulated card, in the syntax of the vendor's `qaic-runner`."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from aic.files.inputs import InputFiles, read_input_list
from aic.files.json_inputs import read_json_inputs
from aic.files.random_inputs import DISTRIBUTIONS
from aic.nsp.trace import write_trace
from aic.session import Session
from dialects.errors import AicError
from dialects.files import written_aside
from tools.execution import Inferences, print_report, run_on_card
from tools.process import run_command

NAME = "aic-runner"


def main(argv: Sequence[str] | None = None) -> int:
    """Run `aic-runner` with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    inferences = _inferences(arguments)
    session = Session(
        arguments.test_data, aic_num_of_instances=arguments.aic_num_of_activations, dev_id=_devices(arguments)
    )
    run = session.run if arguments.checked is None else partial(session.run_checked, seed=arguments.checked)
    ran = run_on_card(session, run, inferences, arguments.write_output_dir, arguments.set_size)
    shown = _shown(session, arguments.specialization, ran)
    if arguments.trace is not None:
        write_trace(session.performance_of(shown), arguments.trace, session.devices[0])
    _report(session, arguments.report, shown)
    return 0


def _shown(session: Session, asked: int | None, ran: Sequence[int]) -> int:
    """The specialization that trace and report are of: the one asked for, or the last that ran."""
    there_are = len(session.specializations)
    if asked is not None and not 0 <= asked < there_are:
        raise AicError(f"--specialization {asked}: there are {there_are}, numbered from 0")
    return ran[-1] if asked is None else asked


def _report(session: Session, target: str | None, specialization: int) -> None:
    """The report as tables on standard output (`-`), or as JSON in a file."""
    if target == "-":
        print_report(session.timing(specialization))
    elif target is not None:
        with written_aside(target) as partial:
            partial.write_text(session.timing(specialization).to_json())


def _inferences(arguments: argparse.Namespace) -> Inferences:
    groups: list[str] = arguments.input_file
    listed: Path | None = arguments.input_list_file
    described: Path | None = arguments.json_input_file
    named = [
        name
        for name, given in (("-i", groups), ("--input-list-file", listed), ("--json-input-file", described))
        if given
    ]
    if len(named) > 1:
        raise AicError(f"{' and '.join(named)} each name the inputs: give one")
    if named and arguments.use_random_input_data is not None:
        raise AicError("input files and --use-random-input-data both say where the inputs come from: give one")
    files = [] if listed is None else read_input_list(listed)
    if described is not None:
        files = read_json_inputs(described)
    if groups:
        files = [InputFiles.of([Path(name) for group in groups for name in group.split(",") if name], "-i")]
    return Inferences(arguments.num_iter, files, arguments.use_random_input_data or DISTRIBUTIONS[0])


def _devices(arguments: argparse.Namespace) -> int | str | None:
    """Where the network is to run; None where nothing says."""
    if arguments.aic_device_id is not None and arguments.dev_list is not None:
        raise AicError("-d and -D each say where the network runs: give one")
    return arguments.dev_list if arguments.aic_device_id is None else arguments.aic_device_id


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(NAME, description="Runs a QPC on the simulated card.", allow_abbrev=False)
    parser.error = _refuse_arguments
    add = parser.add_argument
    add("-t", "--test-data", type=Path, required=True, metavar="DIR", help="folder of programqpc.bin, or a QPC file")
    add(
        "-i",
        "--input-file",
        action="append",
        default=[],
        metavar="FILE",
        help="raw file of an input; once per input, in their order, or several separated by commas",
    )
    add("--input-list-file", type=Path, metavar="FILE", help="list of raw files: one line per inference")
    add(
        "--json-input-file",
        "--aic-batch-json-input",
        type=Path,
        metavar="FILE",
        help="JSON of raw files with their dimensions and types: those of inputs, and where outputs go",
    )
    add(
        "--use-random-input-data",
        nargs="?",
        const=DISTRIBUTIONS[0],
        choices=DISTRIBUTIONS,
        help="draw the inputs from this distribution (default uniform)",
    )
    add("--write-output-dir", type=Path, metavar="DIR", help="folder for the outputs of each inference")
    add("-n", "--num-iter", type=_positive, metavar="N", help="number of inferences; files are used over and over")
    add(
        "-S",
        "--set-size",
        type=_positive,
        default=10,
        metavar="N",
        help="inferences that are queued at a time: with 1 nothing overlaps (default 10)",
    )
    add(
        "-a",
        "--aic-num-of-activations",
        type=_positive,
        default=1,
        metavar="N",
        help="activations: instances of the network that run at once, each on NSPs of its own (default 1)",
    )
    add("-d", "--aic-device-id", type=int, metavar="ID", help="device to run on (default 0)")
    add(
        "-D",
        "--dev-list",
        metavar="LIST",
        help="devices of a network over several cards: 3:1:2 in the order of its parts, or 0,1,2,3 of which the first "
        "are taken (default 0:1:2 and so on)",
    )
    add(
        "--checked",
        nargs="?",
        const=0,
        type=int,
        metavar="SEED",
        help="watch every byte, and let engines go on in an order drawn by the seed (default 0): the same outputs, or "
        "the race, deadlock or stray access that was found; slow",
    )
    add("--trace", type=Path, metavar="FILE", help="write a Chrome/Perfetto trace of one inference")
    add(
        "--specialization",
        type=int,
        metavar="N",
        help="of a QPC for several shapes: the one that trace and report are of, from 0 (default the last that ran)",
    )
    add("--report", nargs="?", const="-", metavar="FILE", help="print the report of one inference, or write it as JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def _refuse_arguments(message: str) -> NoReturn:
    raise AicError(f"{message}; see {NAME} --help")


if __name__ == "__main__":
    sys.exit(main())
