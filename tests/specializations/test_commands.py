"""Specializations on the command line: JSON inputs, outputs that it names, profiles, IR text in between."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aic
from dialects.files import written_aside
from passes.quantization.files.profile import read_profile
from tests.models.digits import DIGITS_DYN, digits_test
from tools import aic_exec, aic_runner

BATCHES = (1, 4)
IMAGES, CLASSES, LOGITS = digits_test()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration of two batch sizes, and inputs for both."""
    config = {"specializations": [{"batch": "1"}, {"batch": "4", "compile_opts": "-ols=2"}]}
    (tmp_path / "spec.json").write_text(json.dumps(config))
    (tmp_path / "io.json").write_text(json.dumps({"IO-files": [listed(tmp_path, batch) for batch in BATCHES]}))
    return tmp_path


def listed(folder: Path, batch: int) -> list[dict[str, Any]]:
    IMAGES[:batch].tofile(folder / f"in{batch}.raw")
    return [
        {"path": f"{folder}/in{batch}.raw", "dims": [batch, 1, 8, 8], "data-type": "float", "io-direction": "in"},
        {"path": f"out{batch}.raw", "dims": [batch, 10], "elem-size": 4, "io-direction": "out"},
    ]


def run(folder: Path, *options: str) -> None:
    assert aic_exec.main([f"-m={DIGITS_DYN}", f"-network-specialization-config={folder}/spec.json", *options]) == 0


def logits(folder: Path, batch: int) -> Any:
    return np.fromfile(folder / f"out{batch}.raw", np.float32).reshape(batch, 10)


@pytest.mark.parametrize("where", [[], ["-run-on-interpreter"]], ids=["card", "interpreter"])
def test_outputs_go_where_the_file_says(folder: Path, where: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, f"-json-input-file={folder}/io.json", f"-write-output-dir={folder}/out", *where)
    for batch in BATCHES:
        np.testing.assert_allclose(logits(folder / "out", batch), LOGITS[:batch], rtol=1e-3, atol=1e-3)
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["out1.raw", "out4.raw"]
    printed = capsys.readouterr().out
    assert where or ("spec0 (batch=1): InferenceCnt 1 " in printed and "spec1 (batch=4): InferenceCnt 1 " in printed)


def test_the_runner_reads_the_same_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, "-compile-only", f"-aic-binary-dir={folder}/qpc")
    asked = ["-t", f"{folder}/qpc", "--json-input-file", f"{folder}/io.json", "-n", "3"]
    assert aic_runner.main([*asked, "--write-output-dir", f"{folder}/out", "--report", f"{folder}/report.json"]) == 0
    assert "spec0 (batch=1): InferenceCnt 2 " in capsys.readouterr().out
    np.testing.assert_allclose(logits(folder / "out", 4), LOGITS[:4], rtol=1e-3, atol=1e-3)
    report = json.loads((folder / "report.json").read_text())
    assert report["latency_us"] == pytest.approx(aic.Session(folder / "qpc").timing(1).latency_us)
    assert aic_runner.main([*asked, "-i", "x"]) == 1
    assert "-i and --json-input-file each name the inputs" in capsys.readouterr().err


def test_one_profile_serves_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Made over inputs of each; also where the batch size alone makes graphs alike."""
    profile = folder / "profile.yaml"
    only = folder / "one.json"
    only.write_text(json.dumps({"IO-files": [listed(folder, 1)]}))
    asked = [f"-m={DIGITS_DYN}", f"-network-specialization-config={folder}/spec.json", f"-dump-profile={profile}"]
    assert aic_exec.main([*asked, f"-json-input-file={only}"]) == 1
    error = capsys.readouterr().err
    assert "a profile needs inputs of every specialization; there are none of spec1 (batch=4)" in error
    run(folder, f"-json-input-file={folder}/io.json", f"-dump-profile={profile}")
    assert "2 inferences" in capsys.readouterr().out
    assert {record.counts.sum() for record in read_profile(profile).records.values() if record.name == "x"} == {5 * 64}
    run(folder, f"-load-profile={profile}", f"-json-input-file={folder}/io.json", f"-write-output-dir={folder}/out")
    for batch in BATCHES:
        found = logits(folder / "out", batch)
        assert (found.argmax(axis=1) == CLASSES[:batch]).all()
        assert 0 < np.abs(found - LOGITS[:batch]).max() < 0.1 * np.abs(LOGITS[:batch]).max()
    run(folder, "-convert-to-quantize", f"-json-input-file={folder}/io.json", f"-write-output-dir={folder}/again")
    np.testing.assert_array_equal(logits(folder / "again", 4), logits(folder / "out", 4))


def test_every_phase_can_be_left_and_entered(folder: Path) -> None:
    dumped = folder / "dumped"
    run(folder, f"-dump-dir={dumped}", "-compile-only", f"-aic-binary-dir={folder}/whole", "-aic-num-cores=2")
    whole = (folder / "whole" / "programqpc.bin").read_bytes()
    for text in sorted(dumped.glob("*.mlir"))[1:]:
        number, phase = text.name.split(".")[:2]
        names = ["import", "graph", "quantize", "partition", "shard", "tile", "schedule", "emit"]
        assert names[int(number)] == phase
        out = folder / phase
        asked = [f"-m={text}", f"-from={names[int(number) + 1]}", "-compile-only", f"-aic-binary-dir={out}"]
        assert aic_exec.main(asked) == 0
        assert (out / "programqpc.bin").read_bytes() == whole, phase


def test_what_tunes_all_reaches_each(folder: Path) -> None:
    """Also those that have an option of their own."""
    run(folder, "-to=partition", f"-dump-dir={folder}/dumped")
    text = folder / "dumped" / "03.partition.mlir"
    asked = [f"-m={text}", "-from=shard", "-allocator-dealloc-delay=3", "-to=schedule", f"-dump-dir={folder}/later"]
    assert aic_exec.main(asked) == 0
    found = (folder / "later" / "06.schedule.mlir").read_text()
    assert found.count("aic.dealloc_delay = 3") == 2


def test_files_that_do_not_fit_are_told_before_anything_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [listed(folder, 1), listed(folder, 4), listed(folder, 3)]
    entries[0][0]["path"] = "none.raw"
    entries[1][1]["dims"] = [4, 11]
    with written_aside(folder / "io.json") as partial:
        partial.write_text(json.dumps({"IO-files": entries}))
    asked = [f"-m={DIGITS_DYN}", f"-network-specialization-config={folder}/spec.json"]
    out = folder / "out"
    assert aic_exec.main([*asked, f"-json-input-file={folder}/io.json", f"-write-output-dir={out}"]) == 1
    error = capsys.readouterr().err
    assert "inference 0: none.raw: there is no such file" in error
    assert "inference 1: out4.raw is [4, 11]; 'logits' float32[4, 10] is expected" in error
    assert f"inference 2: no specialization takes '{folder}/in3.raw' [3, 1, 8, 8]; there are:" in error
    assert not out.exists()
