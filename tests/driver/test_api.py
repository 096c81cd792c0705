"""The Python API on the trained digits: compile, then run the QPC alone."""

import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import aic
from aic.options import Options
from aic.phases import PHASE_NAMES, Observer
from aic.qpc.validate import validate
from dialects import create_context
from tests.models.digits import DIGITS_BN, DIGITS_DYN, digits_test
from tests.models.reference import FP16_BOUND, FP32_BOUND, relative_error, run


@pytest.mark.parametrize("cores", [1, 4, 14])
@pytest.mark.parametrize(("fp16", "bound"), [(False, FP32_BOUND), (True, FP16_BOUND)])
def test_digits_are_classified_from_the_qpc_alone(tmp_path: Path, cores: int, fp16: bool, bound: float) -> None:
    images, classes, _ = digits_test()
    qpc = aic.compile(
        DIGITS_DYN, batchsize=45, aic_num_cores=cores, convert_to_fp16=fp16, aic_binary_dir=tmp_path / "out"
    )
    assert validate(qpc.path, create_context()).errors == ()
    moved = qpc.path.rename(tmp_path / "alone.bin")
    session = aic.Session(moved)
    assert (session.cores, session.batch_size, session.sku) == (cores, 45, "pro")
    (name,) = (port.name for port in session.inputs)
    outputs = [session.run({name: batch}) for batch in np.split(images, 10)]
    logits = np.concatenate([next(iter(output.values())) for output in outputs])
    expected = run(DIGITS_DYN, {name: images})
    assert relative_error(logits, next(iter(expected.values()))) < bound
    assert int((logits.argmax(1) == classes).sum()) == 448


def test_a_qpc_without_a_folder_goes_when_the_process_ends() -> None:
    script = f"import aic\nqpc = aic.compile({str(DIGITS_BN)!r})\nassert qpc.path.is_file()\nprint(qpc.path)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).parent.exists()


def test_a_qpc_knows_what_is_in_it() -> None:
    qpc = aic.compile(DIGITS_BN)
    assert qpc.to_bytes() == qpc.path.read_bytes()
    assert "network    'digits_cnn_bn', batch 1, 1 NSPs" in qpc.info()


def test_keywords_and_defaults_are_those_of_the_options() -> None:
    defaults = {field.name: field.default for field in fields(Options)}
    for name, parameter in inspect.signature(aic.compile).parameters.items():
        if name in ("model", "observer", "onnx_define_symbol", "calibration_inputs"):
            continue
        assert parameter.default in (None, defaults[name]), name


def test_the_observer_hears_of_every_phase() -> None:
    heard: list[str] = []

    class Listener(Observer):
        def phase_started(self, phase: str) -> None:
            heard.append(phase)

    aic.compile(DIGITS_BN, observer=Listener())
    assert tuple(heard) == PHASE_NAMES


def test_wrong_inputs_are_listed_at_once() -> None:
    session = aic.Session(aic.compile(DIGITS_BN).path)
    (port,) = session.inputs
    with pytest.raises(aic.AicError) as caught:
        session.run({port.name: np.zeros((1, 1, 8, 9), np.float64), "colour": np.zeros(1)})
    assert port.name in str(caught.value)
    assert "float32 [1, 1, 8, 8]" in str(caught.value)
    assert "colour" in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"aic_num_cores": 17}, "the SKU 'pro' has 16 NSP cores"),
        ({"aic_sku": "mini"}, "must be pro or standard or ultra"),
        ({"from_phase": "tile"}, "not IR text"),
    ],
)
def test_wrong_options_leave_nothing(tmp_path: Path, keywords: dict[str, object], message: str) -> None:
    with pytest.raises(aic.AicError, match=message):
        aic.compile(DIGITS_BN, aic_binary_dir=tmp_path / "out", **keywords)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("mine")
    with pytest.raises(aic.AicError, match="holds files already"):
        aic.compile(DIGITS_BN, aic_binary_dir=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["keep"]


def test_what_phases_write_continues_to_the_same_qpc(tmp_path: Path) -> None:
    whole = aic.compile(DIGITS_BN, aic_num_cores=4, convert_to_fp16=True, dump_dir=tmp_path)
    for number, phase in enumerate(PHASE_NAMES[:-1]):
        text = tmp_path / f"{number:02d}.{phase}.mlir"
        following = PHASE_NAMES[number + 1]
        rest = aic.compile(text, from_phase=following, convert_to_fp16=following == "graph")
        assert rest.to_bytes() == whole.to_bytes(), following


def test_a_module_that_is_cut_keeps_its_cores(tmp_path: Path) -> None:
    aic.compile(DIGITS_BN, aic_num_cores=4, dump_dir=tmp_path)
    with pytest.raises(aic.AicError, match="cut for 4 cores of the SKU 'pro' already"):
        aic.compile(tmp_path / "05.tile.mlir", from_phase="schedule", aic_num_cores=2)
    assert aic.Session(aic.compile(tmp_path / "01.graph.mlir", from_phase="shard", aic_num_cores=2).path).cores == 2


def test_the_report_says_how_long_it_takes() -> None:
    report = aic.Session(aic.compile(DIGITS_BN, aic_num_cores=4).path).timing()
    assert report.cores == 4
    assert report.cycles > 0
    assert report.latency_us > report.device_us
