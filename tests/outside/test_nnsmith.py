"""Two hundred networks that nnsmith draws: each is compiled right for any number of cores, or refused and told why."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import aic
from aic.importer import ImportFailure
from aic.validation import Drift, PassValidator
from tests.models.cache import CACHE
from tests.outside.oracle import disagreements

NETWORKS = 200
LEAST_PASSED = 180
CORES = (1, 3, 16)
_FOLDER = CACHE / "nnsmith"
_REPOSITORY = Path(__file__).parents[2]


def drawn_networks() -> list[Path]:
    """The networks, drawn on first use."""
    paths = [_FOLDER / f"{seed}.onnx" for seed in range(NETWORKS)]
    if not all(path.is_file() for path in paths):
        command = [sys.executable, "-m", "tests.outside.draw", str(_FOLDER), "0", str(NETWORKS)]
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(_REPOSITORY)}
        done = subprocess.run(command, cwd=_REPOSITORY, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed; it needs the extra `sweep`:\n{done.stderr[-2000:]}")
    return paths


def check(path: Path) -> str:
    """What is wrong with how a network is compiled; empty when nothing is. Raises ImportFailure when it is refused."""
    with np.load(path.with_suffix(".npz")) as data:
        inputs = dict(data)
    wrong = disagreements(path, inputs)
    if wrong:
        return f"as imported: {', '.join(wrong)}"
    for cores in CORES:
        for fp16 in (False, True):
            validator = PassValidator(lambda tensors: {tensor.name: inputs[tensor.name] for tensor in tensors})
            try:
                qpc = aic.compile(path, aic_num_cores=cores, convert_to_fp16=fp16, observer=validator)
            except Drift as drift:
                return f"on {cores} cores{' in fp16' if fp16 else ''}: {drift}"
            qpc.path.unlink()
    return ""


@pytest.mark.sweep
def test_every_network_is_compiled_right_or_refused() -> None:
    wrong, refused = list[str](), Counter[str]()
    for path in drawn_networks():
        try:
            problem = check(path)
        except ImportFailure as failure:
            _, *reasons = str(failure).splitlines()  # the first line names the model
            refused.update(_operator(reason) for reason in reasons)
            problem = "" if reasons else f"refused without a reason: {failure}"
        if problem:
            wrong.append(f"{path.name} {problem}")
    for reason, count in refused.most_common():
        print(f"refused {count:3}: {reason}")
    assert wrong == []
    assert NETWORKS - refused.total() >= LEAST_PASSED


def _operator(reason: str) -> str:
    """A line on an operator, without the names of nodes."""
    operator, _, rest = reason.strip().partition(", node")
    return f"{operator}: {rest.rpartition(': ')[2]}"
