"""`-validate-passes` on the command lines: a table on standard error, and a drift is a failure."""

from pathlib import Path

import numpy as np
import pytest

from aic.importer import import_proto
from aic.validation.inputs import drawn_inputs, table_rows
from aic.validation.levels import inputs_of
from passes import get_all_passes
from tests.models import bert
from tests.models.digits import DIGITS_BN, digits_test
from tests.validation.wrong_passes import drop_relu, plant, wrong_pass
from tools import aic_exec, aic_opt


def test_aic_exec_prints_what_each_pass_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    digits_test()[0][:1].tofile(tmp_path / "x.raw")
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'x.raw'}\n")
    inputs = f"-input-list-file={tmp_path / 'list.txt'}"
    assert aic_exec.main([f"-m={DIGITS_BN}", "-validate-passes", "-aic-num-cores=2", inputs]) == 0
    table = capsys.readouterr().err
    rows = [line.split("│") for line in table.splitlines() if line.startswith("│")]
    names = [row[2].strip() for row in rows]
    assert names[-4:-1] == ["assign-addresses", "insert-waits", "the emitted and loaded QPC"]
    assert rows[names.index("fold-batch-norm")][5].strip().endswith("e-07")
    assert rows[-2][5].strip() == "0"


def test_aic_exec_fails_at_the_pass_that_drifts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant(monkeypatch, "graph", drop_relu)
    folder = f"-aic-binary-dir={tmp_path / 'out'}"
    assert aic_exec.main([f"-m={DIGITS_BN}", "-compile-only", folder, "-validate-passes"]) == 1
    told = capsys.readouterr().err
    assert "aic-exec: error: phase graph, pass plant-mistake: values drift beyond its precision" in told
    assert "times │" in told, "the table has the pass that drifts"
    assert not (tmp_path / "out").exists()


def test_aic_opt_validates_from_any_level(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert aic_exec.main([f"-m={DIGITS_BN}", "-to=shard", f"-dump-dir={tmp_path}", "-aic-num-cores=3"]) == 0
    capsys.readouterr()
    for number, pipeline in ((0, "fold-constants,fold-batch-norm"), (4, "tile-operations,assign-addresses")):
        (dump,) = tmp_path.glob(f"{number:02d}.*.mlir")
        assert aic_opt.main([str(dump), "-p", pipeline, "--validate-passes"]) == 0
        told = capsys.readouterr().err
        assert all(name in told for name in pipeline.split(","))


def test_aic_opt_fails_at_the_pass_that_drifts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    aic_exec.main([f"-m={DIGITS_BN}", "-to=import", f"-dump-dir={tmp_path}"])
    wrong = {**get_all_passes(), "plant-mistake": lambda: wrong_pass(drop_relu)}
    monkeypatch.setattr(aic_opt, "get_all_passes", lambda: wrong)
    assert aic_opt.main([str(tmp_path / "00.import.mlir"), "-p", "plant-mistake", "--validate-passes"]) == 1
    assert "aic-opt: error: pass plant-mistake: values drift" in capsys.readouterr().err


def test_a_network_of_tokens_is_given_rows_of_its_table() -> None:

    module = import_proto(bert.bert("older", layers=1))
    rows = table_rows(module)
    assert rows == {"input_ids": 100, "token_type_ids": 2}
    inputs = drawn_inputs(inputs_of(module), rows, "gaussian")
    assert 2 < inputs["input_ids"].max() < 100
    assert set(np.unique(inputs["attention_mask"])) <= {0, 1}
