"""Every test on IR text, one by one, and lit itself on a few of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lit.commands import ScriptError, run_line
from tests.lit.script import run_lines, run_script, substitute

LIT = Path(__file__).parent / "lit"
TESTS = sorted(path for suffix in ("mlir", "test") for path in LIT.rglob(f"*.{suffix}") if "Output" not in path.parts)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(LIT)))
def test_ir_text(path: Path, tmp_path: Path) -> None:
    outcome = run_script(path, tmp_path)
    assert outcome.passed, outcome.report


def test_lit_runs_the_suite() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from lit.main import main; main()", "-v", str(LIT / "tools")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    test = tmp_path / "wrong.mlir"
    test.write_text("// RUN: aic-opt %s | filecheck %s\n// CHECK: func.func @g\nfunc.func @f() {\n  func.return\n}\n")
    outcome = run_script(test, tmp_path)
    assert not outcome.passed
    assert "wrong.mlir:2" in outcome.report


def test_pipe_fails_with_any_of_its_commands(tmp_path: Path) -> None:
    assert run_line(f"aic-opt {tmp_path}/missing.mlir | cat").code == 1


def test_not_inverts_failures_but_not_crashes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run_line(f"not aic-opt {tmp_path}/missing.mlir").code == 0
    assert run_line("not aic-opt --version").code == 1

    def crash(argv: list[str]) -> int:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tools.aic_opt.main", crash)
    done = run_line("not aic-opt")
    assert done.code != 0
    assert "a bug" in done.stderr


def test_files_and_errors_are_redirected(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("module {}")
    done = run_line(f"cat < {tmp_path}/in > {tmp_path}/out && cmp {tmp_path}/in {tmp_path}/out")
    assert done.code == 0, done.stderr
    assert b"error" in run_line(f"not aic-opt {tmp_path}/missing.mlir 2>&1").stdout


@pytest.mark.parametrize("line", ["rm -rf x", "aic-opt x || cat", "aic-opt x | | cat", "aic-opt x; cat"])
def test_what_is_not_known_is_refused(line: str) -> None:
    with pytest.raises(ScriptError):
        run_line(line)


@pytest.mark.parametrize("text", ["no line", "// REQUIRES: x\n// RUN: cat", "// RUN: cat \\"])
def test_scripts_that_would_test_nothing_are_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        run_lines(text)


def test_lines_are_joined_and_substituted() -> None:
    assert run_lines("// RUN: cat \\\n// RUN:   %s") == ["cat %s"]
    assert substitute("cat %s %t %%s", {"s": "S", "t": "T", "%": "%"}) == "cat S T %s"
    assert substitute("AIC_ROUNDTRIP", {"s": "S"}).endswith("| filecheck S")
