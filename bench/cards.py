"""A decoder with 2 GiB of weights, prefill and decoding over four cards that share the work: what compiling it takes.

The weights lie in a file beside the model, in fp32. They are read where they lie, converted part by part and written.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measurement import Measurement
from bench.networks import Network, decoder_with_data
from bench.processes import ProcessUse, measured

_CARDS, _CORES = 4, 14
_SHAPES = ({"sequence": "64"}, {"sequence": "1"})
MEMORY_BAR = 1.5
"""Of the weights, what may be in memory at once."""
FILE_BAR = 1.05
"""Of the file for one card: weights are in it once."""
_MB = 1e6
_PRECISIONS: dict[str, Sequence[str]] = {"fp16": ("-convert-to-fp16",), "fp32": ()}


def measure_cards(rounds: int) -> Iterator[Measurement]:
    """Memory, time and size of the file, in both precisions."""
    network = decoder_with_data()
    weights = 0 if network.data is None else network.data.stat().st_size
    for precision, options in _PRECISIONS.items():
        one, all_cards = list[_Compilation](), list[_Compilation]()
        for _ in range(rounds):
            one.append(_compilation(network, 1, options))
            all_cards.append(_compilation(network, _CARDS, options))
        what = f"decoder of 2 GiB over {_CARDS} cards in {precision}"
        peak = max(each.use.peak_bytes for each in all_cards)
        seconds, alone = (min(each.use.processor_seconds for each in found) for found in (all_cards, one))
        yield Measurement(f"compile {what}, peak memory", peak / _MB, "MB", "weights", weights / _MB, MEMORY_BAR)
        yield Measurement(f"compile {what}, processor", seconds, "s", "one card", alone)
        yield Measurement(
            f"file of {what}", all_cards[0].file_bytes / _MB, "MB", "one card", one[0].file_bytes / _MB, FILE_BAR
        )


@dataclass(frozen=True)
class _Compilation:
    use: ProcessUse
    file_bytes: int


def _compilation(network: Network, cards: int, options: Sequence[str]) -> _Compilation:
    with tempfile.TemporaryDirectory(prefix="aic-bench-") as folder:
        use = compiled_over_cards(network.path, Path(folder), cards, options)
        return _Compilation(use, (Path(folder) / "qpc" / "programqpc.bin").stat().st_size)


def compiled_over_cards(model: Path, folder: Path, cards: int, options: Sequence[str] = ()) -> ProcessUse:
    """What the compiler takes for a decoder over so many cards that share the work; the QPC lies in `folder`/qpc."""
    shapes, over = folder / "shapes.json", folder / "cards.json"
    shapes.write_text(json.dumps({"specializations": _SHAPES}))
    devices = [{"deviceId": number, "numCores": _CORES} for number in range(cards)]
    connections = [{"devices": list(range(cards)), "type": "p2p"}] if cards > 1 else []
    over.write_text(json.dumps({"partitions": [{"name": "all", "devices": devices}], "connections": connections}))
    return measured(
        [
            sys.executable,
            "-m",
            "tools.aic_exec",
            f"-m={model}",
            f"-network-specialization-config={shapes}",
            f"-mdp-load-partition-config={over}",
            "-retained-state",
            "-compile-only",
            f"-aic-binary-dir={folder / 'qpc'}",
            *options,
        ]
    )
