"""Errors that users of aic can cause."""

from collections.abc import Sequence


class AicError(Exception):
    """A user's mistake or an unsupported request.

    The message says what, where, the limit and what to do; tools print it and exit with 1.
    """


class DoesNotFit(AicError):
    """A network, or a part of it, takes more memory than there is under the limits in force.

    The message says which operation, how much it takes, how much there is, and the difference.
    """


def in_lines(problems: Sequence[str]) -> str:
    """Problems, to stand behind a colon: the only one on the same line, several on lines of their own."""
    return f" {problems[0]}" if len(problems) == 1 else "".join(f"\n  {problem}" for problem in problems)
