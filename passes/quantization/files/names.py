"""Names that a user's file or option gives to the compiler."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from dialects.errors import AicError

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
    there = dict.fromkeys(sorted(known))
    unknown = [name for name in dict.fromkeys(names) if name not in there]
    if not unknown:
        return
    hinted = 1 + _COMPARISONS // max(1, len(there))
    lines = [f"{name!r}{_hint(name, list(there)) if place < hinted else ''}" for place, name in enumerate(unknown)]
    raise AicError(f"{what}: {lines[0]}" if len(lines) == 1 else f"{what}:" + "".join(f"\n  {line}" for line in lines))


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there are {', '.join(map(repr, known))}" if 0 < len(known) <= _LISTED else ""
