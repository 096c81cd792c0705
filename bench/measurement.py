"""One measured figure, what it is held against, and the bar; tables of them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from rich.table import Table

_COLUMNS = ("what", "measured", "against", "ratio", "bar", "")


@dataclass(frozen=True)
class Measurement:
    """A figure, the figure of a peer or a limit in the same unit, and the ratio of the two that is allowed.

    Without a bar the measurement is told and judges nothing.
    """

    what: str
    figure: float
    unit: str
    against: str
    reference: float
    bar: float | None = None

    @property
    def ratio(self) -> float:
        """Figure over reference."""
        return self.figure / self.reference

    @property
    def verdict(self) -> str:
        """`pass`, `miss`, or nothing where there is no bar."""
        if self.bar is None:
            return ""
        return "pass" if self.ratio <= self.bar else "miss"

    def cells(self) -> tuple[str, ...]:
        """Texts of the columns of a table."""
        return (
            self.what,
            f"{_number(self.figure)} {self.unit}",
            f"{self.against}: {_number(self.reference)} {self.unit}",
            f"{self.ratio:.2f}",
            "" if self.bar is None else f"{self.bar:.2f}",
            self.verdict,
        )


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def as_table(measurements: Iterable[Measurement]) -> Table:
    """Table for a terminal."""
    table = Table(*_COLUMNS)
    for measurement in measurements:
        style = "red" if measurement.verdict == "miss" else None
        table.add_row(*measurement.cells(), style=style)
    return table


def as_markdown(measurements: Iterable[Measurement]) -> str:
    """Table in Markdown."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(measurement.cells() for measurement in measurements)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def as_json(measurements: Iterable[Measurement]) -> str:
    """All figures for programs to read."""
    return json.dumps([asdict(m) | {"ratio": m.ratio, "verdict": m.verdict} for m in measurements], indent=1) + "\n"
