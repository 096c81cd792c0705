"""What became of a file, and the process that finds out."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Literal, NamedTuple

ROOM_BYTES = 1 << 30
"""Memory that a file may take, whatever is in it."""
SECONDS = 60
"""Time that it may take. On a free core it is less than one second."""


class Outcome(NamedTuple):
    """`text`: the message with which a file was refused, a digest of its results, or what went wrong."""

    kind: Literal["refused", "ran", "fault"]
    text: str


class Worker:
    """A process that loads and runs QPCs, one after the other. It is started again when it ends."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "mutant.bin"
        self._errors = folder / "stderr"
        self._process = self._started()

    def outcome(self, data: bytes) -> Outcome:
        """What becomes of a file."""
        self._file.write_bytes(data)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._file}\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if line:
            return Outcome(**json.loads(line))
        why = "the process ended" if ready else f"it takes more than {SECONDS} s"
        self.close()
        told = self._errors.read_text()[-2000:]
        self._process = self._started()
        return Outcome("fault", f"{why}: {told}")

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _started(self) -> subprocess.Popen[str]:
        with open(self._errors, "w") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.qpc.fuzz.worker"],
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"},
                cwd=Path(__file__).parents[3],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
