"""`python -m bench.tuning [model.onnx ..] [-cores 4]`: what each tuning option does to networks in the timing model, as
a Markdown table; by default to ResNet-50 and BERT-base.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aic.compiler import lower
from aic.memory_use import memory_use
from aic.nsp.timing.performance import measure
from aic.nsp.timing.plan import make_plan
from aic.options import Options
from bench.networks import bert_base, resnet50
from dialects.errors import AicError
from dialects.module import target_of
from tools.process import run_command

_SETTINGS: tuple[Mapping[str, Any], ...] = (
    {},
    {"aic_num_cores": 1},
    {"aic_num_cores": 16},
    {"ols": 1},
    {"ols": 2},
    {"ols": 4},
    {"mos": 1},
    {"mos": 2},
    {"mos": 4},
    {"multicast_weights": False},
    {"size_split_granularity": 512},
    {"size_split_granularity": 2048},
    {"vtcm_working_set_limit_ratio": 0.25},
    {"vtcm_working_set_limit_ratio": 0.1},
    {"allocator_dealloc_delay": 0},
    {"allocator_dealloc_delay": 3},
    {"allocator_dealloc_delay": 10},
    {"use_producer_dma": True},
    {"use_producer_dma": False},
    {"combine_inputs": True},
    {"combine_outputs": True},
)
_MEGA, _MICRO = 1e6, 1e6


def main(argv: Sequence[str]) -> int:
    """Prints a row for each setting and network."""
    parser = argparse.ArgumentParser(prog="python -m bench.tuning")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("-cores", type=int, default=4)
    arguments = parser.parse_args(argv)
    models = arguments.models or [resnet50().path, bert_base().path]
    print("| network | options | device µs | latency µs | DDR read MB | between cores MB | VTCM KiB | runs |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in models:
        for setting in _SETTINGS:
            cells = _measured(model, {"aic_num_cores": arguments.cores, **setting})
            print("|", " | ".join([model.stem, _text(setting), *cells]), "|", flush=True)
    return 0


def _text(setting: Mapping[str, Any]) -> str:
    given = [f"`-{name.replace('_', '-')}={value:g}`" for name, value in setting.items()]
    return " ".join(given) or "own choice"


def _measured(model: Path, setting: Mapping[str, Any]) -> list[str]:
    """What a compile with some options achieves, or that it is impossible."""
    try:
        module = lower(Options(model=model, convert_to_fp16=True, batchsize=1, **setting), "schedule")
    except AicError as error:
        return [f"refused: {error}", *[""] * 5]
    plan = make_plan(module)
    performance = measure(plan, target_of(module).hardware)
    timeline = performance.timeline
    numbers = (
        performance.program_seconds * _MICRO,
        performance.latency_seconds * _MICRO,
        timeline.ddr_read_bytes / _MEGA,
        timeline.carried("noc in port") / _MEGA,
        memory_use(module).vtcm.taken / 1024,
        len(plan.steps),
    )
    return [f"{number:,.0f}" if number >= 100 else f"{number:.1f}" for number in numbers]


if __name__ == "__main__":
    sys.exit(run_command("bench.tuning", main, sys.argv[1:]))
