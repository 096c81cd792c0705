"""How every command starts and ends: arguments in, exit code out, and a user's mistake is one message."""

import gc
import os
import sys
from collections.abc import Callable, Sequence

from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError

from aic.log import log_shown
from dialects.errors import AicError

USER_MISTAKES = (AicError, ParseError, DiagnosticException, OSError)
"""What a user's input can raise; anything else is an error of ours and keeps its traceback."""


def run_command(name: str, body: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Run the body of the command `name` and return its exit code.

    `argv` are the arguments without the command's own name; None takes them from the process, which then belongs to
    the command. A user's mistake is printed to standard error and gives 1.
    """
    owned = argv is None
    if argv is None:
        gc.freeze()  # what is imported by now stays
        argv = sys.argv[1:]
    try:
        with log_shown(name):
            code = body(argv)
        sys.stdout.flush()
        if owned:
            gc.freeze()  # nor is there garbage to search for at the end
        return code
    except BrokenPipeError:
        # The reader of a pipe has stopped reading. Python flushes standard output once more at exit: let that succeed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail(name, "interrupted", code=130)
    except SystemExit as stop:  # --help and its like have printed what they are for
        return stop.code if isinstance(stop.code, int) else 0
    except ArgSpecParseError as error:  # not an Exception in xDSL 0.74
        return _fail(name, str(error))
    except USER_MISTAKES as error:
        return _fail(name, describe(error))


def describe(error: Exception) -> str:
    """The message of a user's mistake, without the dumps of whole modules that xDSL attaches as notes."""
    if isinstance(error, OSError) and error.strerror is not None:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror}"
    return str(error)


def _fail(name: str, message: str, code: int = 1) -> int:
    print(f"{name}: error: {message.strip()}", file=sys.stderr)
    return code
