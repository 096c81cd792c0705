"""`python -m bench.specialization [-cores 4]`: several shapes in one QPC against a QPC for each, as a Markdown table;
for ResNet-18 and BERT-base in fp16.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

import aic
from bench.networks import CACHE
from dialects.files import written_aside
from tests.models.symbolic import BERT_BASE, bert, resnet18
from tools.process import run_command

_NETWORKS: tuple[tuple[str, Any, Sequence[Mapping[str, int]]], ...] = (
    ("ResNet-18", resnet18, [{"batch": 1, "height": size, "width": size} for size in (112, 160, 224)]),
    ("BERT-base", lambda: bert(BERT_BASE), [{"batch": 1, "sequence": length} for length in (32, 64, 128, 256)]),
)
_MEGA = 1e6


def main(argv: Sequence[str]) -> int:
    """Prints a row for each QPC."""
    parser = argparse.ArgumentParser(prog="python -m bench.specialization")
    parser.add_argument("-cores", type=int, default=4)
    options = {"aic_num_cores": parser.parse_args(argv).cores, "convert_to_fp16": True}
    print("| network | shapes | MB of file | seconds of compilation | device µs |")
    print("| --- | --- | --- | --- | --- |")
    for name, make, shapes in _NETWORKS:
        model = CACHE / f"{name}-symbolic.onnx"
        model.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(model) as partial:
            onnx.save(make(), partial)
        with TemporaryDirectory() as folder:
            for row in _rows(model, shapes, Path(folder) / "spec.json", options):
                print("|", " | ".join([name, *row]), "|", flush=True)
    return 0


def _rows(
    model: Path, shapes: Sequence[Mapping[str, int]], config: Path, options: Mapping[str, Any]
) -> Iterator[list[str]]:
    """Each shape alone, then all of them together."""
    for symbols in shapes:
        label = ", ".join(f"{name}={size}" for name, size in symbols.items())
        yield _row(label, model, {**options, "onnx_define_symbol": symbols})
    entries = [{name: str(size) for name, size in symbols.items()} for symbols in shapes]
    config.write_text(json.dumps({"specializations": entries}))
    yield _row("all in one", model, {**options, "network_specialization_config": config})


def _row(label: str, model: Path, options: Mapping[str, Any]) -> list[str]:
    start = time.perf_counter()
    qpc = aic.compile(model, **options)
    seconds = time.perf_counter() - start
    session = aic.Session(qpc.path)
    times = [session.timing(number).device_us for number in range(len(session.specializations))]
    size = qpc.path.stat().st_size / _MEGA
    qpc.path.unlink()
    return [label, f"{size:.2f}", f"{seconds:.1f}", ", ".join(f"{each:,.0f}" for each in times)]


if __name__ == "__main__":
    sys.exit(run_command("bench.specialization", main, sys.argv[1:]))
