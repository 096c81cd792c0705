"""The count of a wait: a linear form of the loops around that is never too low, never more than program order has
issued, and as near as can be to what is needed.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from dialects.tile.boxes import Form


def count_form(needed: Sequence[tuple[tuple[int, ...], int]], issued: Form, trips: Sequence[int], lag: int) -> Form:
    """Form of a wait's count.

    `needed`: loop variables of runs that wait, and how many runs they wait for. `issued`: how many program order has
    issued by then, of which `lag` need never be complete. `trips`: of the loops around, all of whose runs are in
    `needed` if they wait at all.
    """
    forms = [issued + -lag, *(form for form in _lines(needed, issued, len(trips)) if _at_most(form, issued, trips))]
    return min(forms, key=lambda form: sum(form.at(at) for at, _ in needed))


def _lines(needed: Sequence[tuple[tuple[int, ...], int]], issued: Form, loops: int) -> Iterator[Form]:
    """The least forms of some slopes that are nowhere too low."""
    for slopes in product(*(_slopes(needed, issued, loop) for loop in range(loops))):
        rise = Form(0) + Form(0, (), slopes)
        yield rise + max(count - rise.at(at) for at, count in needed)


def _slopes(needed: Sequence[tuple[tuple[int, ...], int]], issued: Form, loop: int) -> list[int]:
    """Slopes to try along one loop: none, that of program order, and the two next to the average of what is needed."""
    first, last = min(needed, key=lambda n: n[0][loop]), max(needed, key=lambda n: n[0][loop])
    distance = last[0][loop] - first[0][loop]
    average = (last[1] - first[1]) // distance if distance else 0
    given = issued.loops[loop] if loop < len(issued.loops) else 0
    return sorted({0, given, average, average + 1})


def _at_most(form: Form, bound: Form, trips: Sequence[int]) -> bool:
    """True when a form is at most another one in every iteration: their difference is least in a corner."""
    rest = bound + form.times(-1)
    falls = (min(slope, 0) * (count - 1) for slope, count in zip(rest.loops, trips, strict=False))
    return rest.constant + sum(falls) >= 0
