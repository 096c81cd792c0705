"""A command line's effects: the IR of each phase, the statistics and times of an inference, and the values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tools import aic_exec, aic_runner


@dataclass(frozen=True)
class Compiled:
    """What a command line makes: the IR of each phase, the report of an inference, the outputs, what was printed."""

    ir: dict[str, str]
    report: dict[str, Any]
    outputs: tuple[npt.NDArray[np.float32], ...]

    def calls(self, node: str) -> int:
        """Kernel calls of a convolution or product on one core."""
        rows = [row for row in self.report["operations"] if row["node"] == node and row["engine"] == "hmx"]
        return sum(row["count"] for row in rows) // self.report["cores"]

    def bytes(self, memory: str) -> int:
        """Bytes that passed a memory or a kind of link."""
        return next(row["bytes"] for row in self.report["memories"] if row["name"] == memory)


def compile_and_run(
    model: Path, inputs: Mapping[str, npt.NDArray[np.float32]], options: Sequence[str], folder: Path
) -> Compiled:
    """Compiles a model by `aic-exec` in fp16 and runs it by `aic-runner`, all files in a new folder."""
    out, ir, report, results = (folder / name for name in ("out", "ir", "report.json", "results"))
    for name, values in inputs.items():
        values.tofile(folder / name)
    command = [
        f"-m={model}",
        "-convert-to-fp16",
        *options,
        "-compile-only",
        f"-aic-binary-dir={out}",
        f"-dump-dir={ir}",
    ]
    assert aic_exec.main(command) == 0
    files = ",".join(str(folder / name) for name in inputs)
    assert aic_runner.main(["-t", str(out), f"-i={files}", f"--write-output-dir={results}", f"--report={report}"]) == 0
    outputs = tuple(np.fromfile(file, np.float32) for file in sorted(results.glob("*.bin")))
    texts = {path.name.split(".")[1]: path.read_text() for path in ir.glob("*.mlir")}
    return Compiled(texts, json.loads(report.read_text()), outputs)
