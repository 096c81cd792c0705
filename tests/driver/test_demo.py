"""What `make demo` shows, and the figures in it."""

import re
from pathlib import Path

import pytest

import aic
from aic.emit import emit_qpc
from aic.memory_use import MemoryUse, Room
from tests.driver.programs import tiny_program
from tools.demo import main


def test_the_demo_gives_right_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "right answers: 448 of 450" in shown
    assert "same answer 450" in shown
    assert "the QPC is valid" in shown
    error = re.search(r"(\S+) against onnxruntime in fp32", shown)
    assert error is not None
    assert float(error[1]) < 1e-2


def test_memory_is_what_buffers_and_tensors_take(tmp_path: Path) -> None:
    emit_qpc(tiny_program(), tmp_path / "x.bin")
    assert aic.Session(tmp_path / "x.bin").memory == MemoryUse(
        vtcm=Room(3 * 4096 + 2048, 3 * 4096),  # of four buffers three are in use at once
        vtcm_usable=(8 << 20) - (64 << 10),
        ddr_scratch=Room(2048, 0),  # which nobody touches
        ddr_constants=6144 + 8,  # the weight is there once
        ddr_shared=6144 + 6144 + 2048,
        ddr_available=32 << 30,
    )
