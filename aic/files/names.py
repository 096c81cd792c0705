"""Names that a user's file or option gives to the compiler."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from dialects.errors import AicError, in_lines

_COMPARISONS = 10_000
"""Pairs of names that are compared to find near ones, about a second's worth; the first unknown names have them."""
_LISTED = 8
"""Known names that are listed where none is near."""


def check_known(names: Iterable[str], known: Collection[str], what: str) -> None:
    """Checks that names are known.

    Args:
        names: the names that were given.
        known: the names that there are.
        what: where they were given and what they should be, as in `np.yaml: no node's first output`.

    Raises:
        AicError: lists every unknown name, and the known ones nearest to it.
    """
    lines = unknown_names(names, known)
    if lines:
        raise AicError(f"{what}:{in_lines(lines)}")


def unknown_names(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Those of the names that are not known, quoted, each with the known ones nearest to it."""
    there = dict.fromkeys(sorted(known))
    unknown = [name for name in dict.fromkeys(names) if name not in there]
    hinted = 1 + _COMPARISONS // max(1, len(there))
    return [f"{name!r}{_hint(name, list(there)) if place < hinted else ''}" for place, name in enumerate(unknown)]


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there are {', '.join(map(repr, known))}" if 0 < len(known) <= _LISTED else ""
