"""How a check refuses a program."""

from collections.abc import Iterable
from itertools import islice

from dialects.errors import AicError

_LISTED = 5


def refuse(problems: Iterable[str], what: str = "the program cannot run") -> None:
    """Raises AicError, listing the first problems, when there are any."""
    try:
        found = list(islice(problems, _LISTED + 1))
    except OverflowError as error:
        raise AicError(f"{what}: a number in it has more than 64 bits") from error
    if found:
        more = "\n  and more" if len(found) > _LISTED else ""
        raise AicError(f"{what}:" + "".join(f"\n  {problem}" for problem in found[:_LISTED]) + more)
