"""`python -m bench`: measures, prints the table, writes it to `bench/results.md` and all figures to
`build/bench/results.json`, and draws how compilation grows, `bench/scale.svg`. The exit code is 0 when no bar is
missed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bench.cards import measure_cards
from bench.compilation import measure_compilation
from bench.inference import measure_inference
from bench.measurement import Measurement, as_json, as_markdown, as_table
from bench.networks import CACHE, Network, bert_base, resnet50, resnet50_of
from bench.plot import draw
from bench.program_size import measure_program_size
from bench.quantization import measure_quantization
from bench.room import measure_room
from bench.scale import measure_scale
from dialects.files import written_aside
from tools.process import run_command

_SUBJECTS = ("compilation", "inference", "quantization", "room", "size", "scale", "cards")
_LARGE_BATCH = 64


def main(argv: Sequence[str]) -> int:
    """Run the measurements that the arguments ask for."""
    arguments = _parser().parse_args(argv)
    console = Console()
    measurements: list[Measurement] = []
    for measurement in _measurements(arguments):
        console.print(*measurement.cells(), sep="  ", soft_wrap=True)
        measurements.append(measurement)
    console.print(as_table(measurements))
    _write(CACHE / "results.json", as_json(measurements))
    if set(arguments.subject) == set(_SUBJECTS):
        _write(Path(__file__).parent / "results.md", _RESULTS.format(table=as_markdown(measurements)))
    return int(any(measurement.verdict == "miss" for measurement in measurements))


_RESULTS = """# Bars

What the last whole run of `make bench` measured. The ratios are what counts: both sides of each ran on one machine, in
turns.

{table}"""


def _measurements(arguments: argparse.Namespace) -> Iterator[Measurement]:
    resnet = resnet50() if arguments.resnet50 is None else Network("ResNet-50", arguments.resnet50)
    bert = bert_base() if arguments.bert is None else Network("BERT-base", arguments.bert)
    for network in (resnet, bert):
        if "compilation" in arguments.subject:
            yield from measure_compilation(network, arguments.rounds)
    for network, bar in ((resnet, 0.3 / 0.72), (bert, 0.25 / 0.86)):
        if "inference" in arguments.subject:
            yield from measure_inference(network, arguments.rounds, bar)
    for network in (resnet, bert):
        if "quantization" in arguments.subject:
            yield from measure_quantization(network, arguments.rounds)
    for network in (resnet, bert):
        if "room" in arguments.subject:
            yield from measure_room(network)
    if "size" in arguments.subject:
        yield from measure_program_size(resnet50(), resnet50_of(_LARGE_BATCH))
        yield from measure_program_size(bert)
    if "scale" in arguments.subject:
        curves = measure_scale(arguments.rounds)
        with written_aside(Path(__file__).parent / "scale.svg") as partial:
            draw(curves, partial)
        yield from curves.measurements()
    if "cards" in arguments.subject:
        yield from measure_cards(arguments.rounds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench", description="Measures against the bars of the project.")
    add = parser.add_argument
    add("--resnet50", type=Path, metavar="FILE", help="measure this ResNet-50 instead of one with drawn weights")
    add("--bert", type=Path, metavar="FILE", help="measure this BERT-base instead of one with drawn weights")
    add("--rounds", type=int, default=3, help="turns that each side takes (default 3)")
    add("--subject", choices=_SUBJECTS, nargs="+", default=_SUBJECTS, help="measure only this")
    return parser


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as partial:
        partial.write_text(text)


if __name__ == "__main__":
    sys.exit(run_command("bench", main, sys.argv[1:]))
