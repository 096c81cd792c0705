"""`-combine-inputs` and `-combine-outputs`: fewer transfers, less time on PCIe, the same values."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import aic
from tests.importer.models import model, tensor

NODES = [
    helper.make_node("Add", ["a", "b"], ["sum"]),
    helper.make_node("Mul", ["sum", "c"], ["product"]),
    helper.make_node("Neg", ["sum"], ["negative"]),
]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    onnx.save(model(NODES, [tensor(name, [6, 5]) for name in "abc"], ["product", "negative", "sum"]), path)
    return path


@pytest.mark.parametrize("cores", [1, 3])
def test_transfers_are_combined_and_values_are_the_same(network: Path, cores: int) -> None:
    rng = np.random.default_rng(0)
    inputs = {name: rng.standard_normal((6, 5), np.float32) for name in "abc"}
    apart = aic.Session(aic.compile(network, aic_num_cores=cores).path)
    together = aic.Session(aic.compile(network, aic_num_cores=cores, combine_inputs=True, combine_outputs=True).path)
    for name, values in apart.run(inputs).items():
        np.testing.assert_array_equal(together.run(inputs)[name], values)
    assert [row.transfers for row in apart.timing().host] == [3, 3]
    assert [row.transfers for row in together.timing().host] == [1, 1]
    saved = apart.timing().latency_us - together.timing().latency_us
    assert 3.9 < saved < 4.0  # four requests of 1 µs, less the gaps between tensors


def test_a_dumped_module_keeps_it(network: Path, tmp_path: Path) -> None:
    whole = aic.compile(network, aic_num_cores=2, combine_outputs=True, dump_dir=tmp_path / "ir")
    again = aic.compile(tmp_path / "ir" / "05.tile.mlir", from_phase="schedule")
    assert again.to_bytes() == whole.to_bytes()
    assert "2 DMA buffers" not in whole.info()
    both = aic.compile(tmp_path / "ir" / "05.tile.mlir", from_phase="schedule", combine_inputs=True)
    assert "2 DMA buffers" in both.info()
