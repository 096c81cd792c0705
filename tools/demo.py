"""`make demo`: handwritten digits on simulated NSPs, then ResNet-50 on all 16 of them, each against onnxruntime."""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from rich.console import Console
from rich.table import Table

import aic
from aic.phases import PHASE_NAMES, Observers
from aic.qpc.validate import validate
from aic.session import Session
from aic.tensors import Array
from dialects import create_context
from dialects.errors import AicError
from tools.compile_log import CompileLog
from tools.drawn_weights import draw_weights
from tools.process import run_command
from tools.progress import PhaseProgress, progress

NAME = "demo"
_DATA = Path(__file__).parents[1] / "tests" / "data"
_LIGHT_RESNET50 = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / "light_resnet50.onnx"
_DIGITS_CORES, _DIGITS_BATCH = 4, 50
_RESNET_CORES = 16


@dataclass(frozen=True)
class Compiled:
    """A network on the simulated card, with what its compilation took."""

    session: Session
    log: CompileLog


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    argparse.ArgumentParser(NAME, description=__doc__).parse_args(argv)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="aic-demo-") as folder:
        console.rule("450 handwritten digits")
        _digits(console, Path(folder))
        console.rule("ResNet-50")
        _resnet50(console, Path(folder))
    return 0


def _digits(console: Console, folder: Path) -> None:
    model = _DATA / "digits_cnn_dyn.onnx"
    with np.load(_DATA / "digits_test.npz") as data:
        images, classes = data["x"], data["y"]
    session = _compile(model, folder / "digits", _DIGITS_CORES, batchsize=_DIGITS_BATCH).session
    (name,) = (tensor.name for tensor in session.inputs)
    batches = np.split(images, len(images) // _DIGITS_BATCH)
    ours = np.concatenate([next(iter(session.run({name: batch}).values())) for batch in batches]).argmax(1)
    theirs = next(iter(_onnxruntime(model, {name: images}).values())).argmax(1)
    console.print(f"trained CNN in fp16 on {session.cores} simulated NSPs, {_DIGITS_BATCH} images per inference")
    console.print(f"right answers: {(ours == classes).sum()} of {len(classes)}")
    console.print(f"onnxruntime:   {(theirs == classes).sum()} of {len(classes)}; same answer {(ours == theirs).sum()}")


def _resnet50(console: Console, folder: Path) -> None:
    model = folder / "resnet50.onnx"
    model.write_bytes(draw_weights(onnx.load(_LIGHT_RESNET50)).SerializeToString())
    compiled = _compile(model, folder / "resnet50", _RESNET_CORES)
    session = compiled.session
    report = validate(session.path, create_context())
    if report.errors:
        raise AicError(f"the QPC is not valid:\n{report.text()}")
    (tensor,) = session.inputs
    image = np.random.default_rng(1).standard_normal(tensor.shape).astype(tensor.dtype)
    start = time.perf_counter()
    outputs = session.run({tensor.name: image})
    seconds = time.perf_counter() - start
    expected = _onnxruntime(model, {tensor.name: image})
    console.print(f"drawn weights in fp16 on {session.cores} simulated NSPs; the QPC is valid")
    console.print(_phase_table(compiled.log))
    console.print(_result_table(session, outputs, expected, seconds))


def _compile(model: Path, output: Path, cores: int, batchsize: int | None = None) -> Compiled:
    log = CompileLog()
    with progress(len(PHASE_NAMES)) as step:
        qpc = aic.compile(
            model,
            batchsize=batchsize,
            aic_num_cores=cores,
            convert_to_fp16=True,
            aic_binary_dir=output,
            observer=Observers(PhaseProgress(step), log),
        )
        return Compiled(Session(qpc.path), log)


def _onnxruntime(model: Path, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """All outputs by name, as onnxruntime computes them in fp32."""
    try:
        onnxruntime: Any = import_module("onnxruntime")
    except ImportError:
        raise AicError("onnxruntime is missing; install the extra: pip install -e '.[demo]'") from None
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, cast(list[Array], session.run(names, dict(inputs))), strict=True))


def _phase_table(log: CompileLog) -> Table:
    table = Table("phase", "seconds", "operations after it", title="compilation")
    for row in log.phases:
        table.add_row(row.phase, f"{row.seconds:.2f}", str(row.operations))
    table.add_row("all", f"{sum(row.seconds for row in log.phases):.2f}", "")
    return table


def _result_table(
    session: Session, outputs: Mapping[str, Array], expected: Mapping[str, Array], seconds: float
) -> Table:
    memory, timing = session.memory, session.timing()
    before_softmax = list(outputs)[-1]
    table = Table(title="execution", show_header=False)
    for what, value in (
        ("VTCM per core", f"{_mib(memory.vtcm.taken)} of {_mib(memory.vtcm_usable)}"),
        ("DDR", f"{_mib(memory.ddr_constants)} constants, {_mib(memory.ddr_shared)} inputs, outputs and spills"),
        ("modelled latency", f"{timing.latency_us:,.0f} µs with PCIe, {timing.device_us:,.0f} µs on the card"),
        ("modelled throughput", f"{timing.inferences_per_second:,.0f} inferences/s, paced by {timing.pace}"),
        ("on assumed numbers", f"{timing.assumed_share:.0%} of the time on the card"),
        ("error", f"{_error(outputs[before_softmax], expected[before_softmax]):.1e} against onnxruntime in fp32"),
        ("this machine", f"{seconds:.2f} s for the values, {timing.wall_seconds:.2f} s for the times"),
    ):
        table.add_row(what, value)
    return table


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _error(actual: Array, expected: Array) -> float:
    """Norm of the difference over the norm of what is expected."""
    return float(np.linalg.norm(actual.astype(np.float64) - expected) / np.linalg.norm(expected.astype(np.float64)))


if __name__ == "__main__":
    sys.exit(main())
