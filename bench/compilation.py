"""Compilation as a whole process against `iree-compile` for this machine's CPU.

Ours reads the ONNX file and writes the QPC; of IREE only the step from its own imported form to the executable counts.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measurement import Measurement
from bench.networks import CACHE, Network
from bench.processes import ProcessUse, measured
from dialects.errors import AicError

SPEED_BAR = 1 / 3
_MB = 1e6
_IREE_TARGET = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=host",
)
_IREE_OPSET = "17"
"""IREE's importer takes newer operators: older ones are converted first."""


def measure_compilation(network: Network, rounds: int) -> Iterator[Measurement]:
    """Time and peak memory of compiling a network for 16 cores in fp16."""
    imported = _imported_by_iree(network)
    ours, theirs = list[ProcessUse](), list[ProcessUse]()
    for _ in range(rounds):
        ours.append(in_new_folder(lambda folder: compiled(network, folder)))
        theirs.append(in_new_folder(lambda folder: _iree_compile(imported, folder)))
    seconds = min(use.seconds for use in ours)
    yield Measurement(
        f"compile {network.name}, whole process",
        seconds,
        "s",
        "iree-compile",
        min(use.seconds for use in theirs),
        SPEED_BAR,
    )
    allowed = 2 * network.bytes + 300 * _MB
    yield Measurement(
        f"compile {network.name}, peak memory",
        max(use.peak_bytes for use in ours) / _MB,
        "MB",
        "2 x model + 300 MB",
        allowed / _MB,
        1.0,
    )


def in_new_folder(run: Callable[[Path], ProcessUse]) -> ProcessUse:
    """What a process took that writes into a folder of its own, which does not stay."""
    with tempfile.TemporaryDirectory(prefix="aic-bench-") as folder:
        return run(Path(folder))


def compiled(network: Network, folder: Path, cores: int = 16) -> ProcessUse:
    """What our compiler takes for a QPC in fp16."""
    options = [f"-aic-num-cores={cores}", "-convert-to-fp16", "-compile-only", f"-aic-binary-dir={folder / 'qpc'}"]
    return measured([sys.executable, "-m", "tools.aic_exec", f"-m={network.path}", *options])


def _iree_compile(imported: Path, folder: Path) -> ProcessUse:
    return measured([_tool("iree-compile"), imported, *_IREE_TARGET, "-o", folder / "module.vmfb"])


def _imported_by_iree(network: Network) -> Path:
    path = CACHE / f"{network.name}.mlir"
    if not path.is_file() or path.stat().st_mtime < network.path.stat().st_mtime:
        measured([_tool("iree-import-onnx"), network.path, "-o", path, "--opset-version", _IREE_OPSET])
    return path


def _tool(name: str) -> str:
    """A command of this environment. Raises AicError when it is missing."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise AicError(f"{name} is missing; install the extra: pip install -e '.[bench]'")
    return found
