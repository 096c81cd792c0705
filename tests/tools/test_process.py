"""How commands end."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
from xdsl.utils.exceptions import VerifyException

from dialects.errors import AicError
from tools.process import run_command


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AicError("a limit"), "a limit"),
        (VerifyException("a rule"), "a rule"),
        (FileNotFoundError(2, "No such file or directory", "x.onnx"), "x.onnx: No such file or directory"),
    ],
)
def test_a_mistake_is_one_message(error: Exception, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    error.add_note("a dump of the whole module")

    def body(argv: Sequence[str]) -> int:
        raise error

    assert run_command("aic-test", body, []) == 1
    assert capsys.readouterr().err == f"aic-test: error: {message}\n"


def test_an_error_of_ours_keeps_its_traceback() -> None:
    def body(argv: Sequence[str]) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command("aic-test", body, [])


def test_arguments_and_code_pass_through() -> None:
    assert run_command("aic-test", len, ["a", "b", "c"]) == 3


def test_a_closed_pipe_is_no_traceback() -> None:
    script = (
        "import sys\nfrom tools.process import run_command\n"
        "def body(argv):\n    print('x' * 10_000_000)\n    return 0\n"
        "sys.exit(run_command('aic-test', body, None))\n"
    )
    command = f'{sys.executable} -c "$SCRIPT" | head -c 1'
    done = subprocess.run(
        command, shell=True, env={**os.environ, "SCRIPT": script}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "x"
    assert done.stderr == ""
