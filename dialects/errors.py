"""Errors that users of aic can cause."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


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


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at names that look like `name`: `did you mean 'batch'?`, or a list of what there is."""
    known = sorted(set(names))
    near = get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(map(repr, known))}" if known else "there is none"
