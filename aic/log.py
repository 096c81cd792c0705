"""Where the warnings of the logger `aic` go when nobody has said: to standard error, with their source and level."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager

_LOG = logging.getLogger("aic")


@contextmanager
def log_shown(name: str) -> Generator[None]:
    """Within the block, what the packages log goes to standard error, said by `name`: `aic-exec: warning: ...`.
    What is said again is not shown again.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LowerCaseLevels(f"{name}: %(levelname)s: %(message)s"))
    handler.addFilter(_Once().filter)
    _LOG.addHandler(handler)
    _LOG.propagate = False
    try:
        yield
    finally:
        _LOG.propagate = True
        _LOG.removeHandler(handler)


@contextmanager
def unhandled_log_shown(name: str) -> Generator[None]:
    """As `log_shown`, unless the program that uses the package has handlers of its own for the log."""
    if _LOG.hasHandlers():
        yield
        return
    with log_shown(name):
        yield


class _Once:
    """Lets each message pass once: passes say the same of every specialization."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        fresh = message not in self._seen
        self._seen.add(message)
        return fresh


class _LowerCaseLevels(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.levelname = record.levelname.lower()
        return super().format(record)
