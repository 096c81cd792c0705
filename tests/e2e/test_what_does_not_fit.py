"""What does not fit is a report: demand, bound and gap, the model's node, and the options that would help, which do."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tools import aic_exec

ROWS, FEATURES = 8, 3000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A product, and a softmax along rows of 3000."""
    path = tmp_path / "model.onnx"
    weight = numpy_helper.from_array(np.full((64, FEATURES), 0.01, np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "fc"), helper.make_node("Softmax", ["h"], ["y"], "scores")]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", (ROWS, 64)), ("y", (ROWS, FEATURES)))
    ]
    graph = helper.make_graph(nodes, "rows", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def refusal(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert aic_exec.main(list(command)) == 1
    return capsys.readouterr().err


def test_working_set(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Demand, bound and gap add up; the ratio that is advised is enough."""
    compile_ = [f"-m={model}", "-compile-only", "-convert-to-fp16"]
    limit = ["-vtcm-working-set-limit-ratio=0.001", "-aic-num-cores=2"]
    text = refusal(capsys, *compile_, f"-aic-binary-dir={tmp_path / 'a'}", *limit)
    assert "(scores) does not fit into VTCM" in text
    found = re.search(r"touches (\d+) bytes .* allows (\d+): (\d+) too few; a \S+ of (\S+) would allow it", text)
    assert found is not None
    demand, bound, gap = map(int, found.groups()[:3])
    assert demand - bound == gap > 0
    ratio = f"-vtcm-working-set-limit-ratio={found.group(4)}"
    assert aic_exec.main([*compile_, f"-aic-binary-dir={tmp_path / 'b'}", ratio, "-aic-num-cores=2"]) == 0


def small(model: Path, tmp_path: Path, phase: str, target: str, *options: str) -> list[str]:
    """Command line that compiles on from a phase for a card of which one figure is another."""
    folder = tmp_path / "ir"
    assert aic_exec.main([f"-m={model}", f"-to={phase}", f"-dump-dir={folder}", *options]) == 0
    (text,) = folder.glob(f"*.{phase}.mlir")
    text.write_text(text.read_text().replace('#aic.target<"pro">', f'#aic.target<"pro", {{{target}}}>'))
    return [f"-m={text}", "-compile-only", f"-aic-binary-dir={tmp_path / 'qpc'}"]


def test_vtcm(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = "vtcm_bytes = 16384.0 : f64, vtcm_reserved_bytes = 0.0 : f64"
    text = refusal(capsys, *small(model, tmp_path, "graph", target), "-from=shard")
    assert "graph.softmax (scores) does not fit into VTCM: in chunks of" in text
    assert "half precision (convert-to-fp16)" in text
    assert not (tmp_path / "qpc").exists()


def test_half_precision_helps(model: Path, tmp_path: Path) -> None:
    target = "vtcm_bytes = 16384.0 : f64, vtcm_reserved_bytes = 0.0 : f64"
    assert aic_exec.main([*small(model, tmp_path, "graph", target, "-convert-to-fp16"), "-from=shard"]) == 0


def test_ddr(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = refusal(capsys, *small(model, tmp_path, "tile", "ddr_bytes = 800000.0 : f64"), "-from=schedule")
    found = re.search(
        r"the network takes (\d+) bytes of DDR, (\d+) more than the (\d+) there are: (\d+) of const", text
    )
    assert found is not None
    demand, gap, bound, constants = map(int, found.groups())
    assert (demand - bound, bound, constants) == (gap, 800_000, 64 * FEATURES * 4)
    assert "of constant w," in text
    assert "half precision (convert-to-fp16) or fewer samples (batchsize)" in text
