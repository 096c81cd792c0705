"""What one option is: its names, what values it takes, and whether it works."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path


class Kind(StrEnum):
    """What values an option takes."""

    FLAG = auto()
    """Present or absent; also `=true`, `=false`, `=1`, `=0`."""
    LEVEL = auto()
    """A letter given once or several times: `-v`, `-vv`, `-vvv`."""
    INTEGER = auto()
    PER_CLUSTER = auto()
    """An integer, or several separated by commas, one per cluster of cores: `4`, `1,4`. The last one given counts."""
    COUNTS = auto()
    """Integers separated by commas."""
    NUMBER = auto()
    TEXT = auto()
    PATH = auto()
    PATHS = auto()
    """Paths separated by commas."""
    SYMBOL = auto()
    """A name and a positive integer: `batch,8`. May be given for several names."""
    NAMES = auto()
    """Names separated by commas. Given several times, they add up."""


@dataclass(frozen=True)
class Option:
    """One row of the table of options."""

    name: str
    """The name in the documents, without its dash."""
    kind: Kind
    help: str
    group: str
    python_name: str = ""
    """The keyword of the Python API; by default the name with underscores."""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    bare: str | None = None
    """What the option means without a value, for one that may stand without."""
    repeatable: bool = False
    """Whether several values may be given; an option that is not may only repeat its one value."""
    since: str | None = None
    """The release that supports it; None for an option that is recognised and refused."""

    def __post_init__(self) -> None:
        if not self.python_name:
            object.__setattr__(self, "python_name", self.name.lower().replace("-", "_"))

    @property
    def supported(self) -> bool:
        """Whether the option has its documented effect."""
        return self.since is not None

    @property
    def names(self) -> tuple[str, ...]:
        """All names, without dashes."""
        return (self.name, *self.aliases)

    @property
    def takes_value(self) -> bool:
        """Whether a value must follow the name."""
        return self.kind not in (Kind.FLAG, Kind.LEVEL) and self.bare is None

    def convert(self, text: str) -> object:
        """The value that `text` stands for.

        Raises:
            ValueError: what the option takes instead, to be read after its name.
        """
        if self.choices and text not in self.choices:
            raise ValueError(f"must be {' or '.join(self.choices)}")
        match self.kind:
            case Kind.FLAG:
                return _flag(text)
            case Kind.INTEGER | Kind.LEVEL:
                return self._in_range(_integer(text))
            case Kind.PER_CLUSTER:
                return _integers(text, self._in_range) if "," in text else self._in_range(_integer(text))
            case Kind.COUNTS:
                return _integers(text, self._in_range)
            case Kind.NUMBER:
                return self._in_range(_number(text))
            case Kind.SYMBOL:
                return _symbol(text)
            case Kind.NAMES:
                return _names(text)
            case Kind.PATH:
                return Path(text)
            case Kind.PATHS:
                return tuple(map(Path, _names(text)))
            case Kind.TEXT:
                return text

    def _in_range(self, value: float) -> float:
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"must be at least {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"must be at most {self.maximum}")
        return value


def _flag(text: str) -> bool:
    meanings = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in meanings:
        raise ValueError("must be true or false (or 1 or 0), or have no value")
    return meanings[text.lower()]


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be an integer") from None


def _integers(text: str, checked: Callable[[int], float]) -> tuple[int, ...]:
    try:
        return tuple(int(checked(_integer(part.strip()))) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"each value {error}") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number") from None
    if value != value:
        raise ValueError("must be a number")
    return value


def _symbol(text: str) -> tuple[str, int]:
    name, comma, value = text.rpartition(",")
    if not name or not comma or not value.strip().isdecimal() or int(value) < 1:
        raise ValueError("must be a symbol and a positive integer, as in batch,8")
    return name.strip(), int(value)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError("must be names separated by commas, none of them empty")
    return names
