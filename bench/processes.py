"""Whole processes, measured from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dialects.errors import AicError

# A child's peak memory starts at that of the process which forks it: the one that measures must be small.
_MEASURE = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, use = os.wait4(child.pid, 0)
seconds = time.perf_counter() - start
processor = use.ru_utime + use.ru_stime
print(json.dumps({"seconds": seconds, "processor_seconds": processor, "peak_bytes": use.ru_maxrss * 1024}))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class ProcessUse:
    """What a process took: seconds from start to end, those of the processor, and its greatest resident memory in
    bytes.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def measured(command: Sequence[str | Path]) -> ProcessUse:
    """Runs a command to its end. Raises AicError with what it printed when it fails."""
    words = [str(word) for word in command]
    # Python modules are compiled once, as those of an installed package are, whatever this process is told.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *words], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise AicError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr.strip()}")
    return ProcessUse(**json.loads(done.stdout))
