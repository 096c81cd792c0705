"""`-compile-threads`: work is shared, what comes out is the same."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import aic
from aic.phases import Observer
from dialects.workers import WorkDone
from tests.importer.models import model, tensor


class Works(Observer):
    def __init__(self) -> None:
        self.done: list[tuple[str, str, int]] = []

    def work_done(self, phase: str, work: WorkDone) -> None:
        self.done.append((phase, work.name, work.threads))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Convolutions with batch normalizations, whose new weights the compiler computes, and a product."""
    rng = np.random.default_rng(0)
    constants: dict[str, np.ndarray] = {"matrix": rng.standard_normal((8 * 8 * 16, 300)).astype(np.float32)}
    nodes = []
    for layer in range(6):
        names = [f"{what}{layer}" for what in ("w", "scale", "bias", "mean", "variance")]
        constants[names[0]] = rng.standard_normal((16, 16, 3, 3)).astype(np.float32)
        constants |= {name: rng.uniform(1, 2, 16).astype(np.float32) for name in names[1:]}
        nodes += [
            helper.make_node("Conv", [f"x{layer}", names[0]], [f"c{layer}"], pads=[1] * 4),
            helper.make_node("BatchNormalization", [f"c{layer}", *names[1:]], [f"x{layer + 1}"]),
        ]
    nodes += [helper.make_node("Flatten", ["x6"], ["flat"]), helper.make_node("MatMul", ["flat", "matrix"], ["y"])]
    path = tmp_path / "m.onnx"
    onnx.save(model(nodes, [tensor("x0", [1, 16, 8, 8])], ["y"], constants), path)
    return path


def test_any_number_of_threads_gives_the_same_bytes(network: Path, tmp_path: Path) -> None:
    outputs: dict[int, tuple[bytes, list[bytes]]] = {}
    for threads in (1, 2, 7):
        works, folder = Works(), tmp_path / str(threads)
        qpc = aic.compile(
            network, aic_num_cores=4, convert_to_fp16=True, compile_threads=threads, dump_dir=folder, observer=works
        )
        outputs[threads] = (qpc.to_bytes(), [path.read_bytes() for path in sorted(folder.rglob("*.bin"))])
        assert works.done == [
            ("graph", "folded weights", threads),
            ("graph", "ranges", threads),
            ("emit", "constants", threads),
        ]
    assert outputs[1] == outputs[2] == outputs[7]
    assert outputs[1][1] != []
