"""`python -m bench.matrix model.onnx ..`: compiles networks for many numbers of cores, runs each QPC, and prints rows
of a Markdown table: seconds of the processor and memory that compiling took for the last number of cores, the largest
error, what is allowed, and the modelled time of an inference on each number of cores.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aic
from bench.compilation import compiled
from bench.networks import Network
from tests.models import reference
from tests.models.inputs import drawn_inputs
from tools.process import run_command

CORES = (1, 3, 7, 14, 16)
_MB = 1e6
_MICRO = 1e6


@dataclass(frozen=True)
class _Outcome:
    """Of one compilation and one inference from its QPC."""

    seconds: float
    peak_bytes: int
    error: float
    latency_us: float


def main(argv: Sequence[str]) -> int:
    """Prints a row for every network that the arguments name; 1 when one exceeds its bound."""
    parser = argparse.ArgumentParser("bench.matrix", description="Measures networks on many numbers of cores, in fp16.")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--cores", type=int, nargs="+", default=CORES)
    arguments = parser.parse_args(argv)
    columns = ("network", "compile s", "MB", "error", "allowed", *(f"{cores} µs" for cores in arguments.cores))
    _print_row(columns)
    _print_row(["---"] * len(columns))
    exceeded = [path for path in arguments.models if not _print_network(path, arguments.cores)]
    return int(bool(exceeded))


def _print_network(path: Path, cores: Sequence[int]) -> bool:
    """Whether every output on every number of cores keeps to its bound."""
    network = Network(path.stem, path)
    inputs = drawn_inputs(path)
    expected = reference.run(path, inputs)
    bounds = reference.fp16_bounds(path, inputs, expected)
    allowed = max(bounds.values())
    outcomes = [_outcome(network, inputs, expected, bounds, count) for count in cores]
    error = max(outcome.error for outcome in outcomes)
    _print_row(
        (
            network.name,
            f"{outcomes[-1].seconds:.1f}",
            f"{outcomes[-1].peak_bytes / _MB:.0f}",
            f"{error * allowed:.1e}",
            f"{allowed:.1e}",
            *(f"{outcome.latency_us:,.0f}" for outcome in outcomes),
        )
    )
    return error <= 1


def _outcome(
    network: Network, inputs: reference.Arrays, expected: reference.Arrays, bounds: dict[str, float], cores: int
) -> _Outcome:
    """What compiling took and what the QPC yields; the error in parts of the bound."""
    with tempfile.TemporaryDirectory(prefix="aic-bench-") as folder:
        use = compiled(network, Path(folder), cores)
        session = aic.Session(next(Path(folder).rglob("programqpc.bin")))
        results = session.run(inputs)
    error = max(reference.relative_error(results[name], expected[name]) / bound for name, bound in bounds.items())
    return _Outcome(use.processor_seconds, use.peak_bytes, error, session.performance.latency_seconds * _MICRO)


def _print_row(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(run_command("bench.matrix", main, sys.argv[1:]))
