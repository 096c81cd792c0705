"""Shapes with open dimensions, and what values of symbols make of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dialects.errors import nearest


@dataclass(frozen=True)
class OpenShape:
    """The shape of an input: `sizes` of its dimensions, None where that is open, and the `symbols` that open ones are
    called by, empty where they have no name.
    """

    name: str
    sizes: tuple[int | None, ...]
    symbols: tuple[str, ...]

    @property
    def open(self) -> list[int]:
        """The open dimensions."""
        return [dimension for dimension, size in enumerate(self.sizes) if size is None]


def closed(shape: OpenShape, symbols: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes for these values of symbols. Raises KeyError for one that is left open."""
    named = zip(shape.sizes, shape.symbols, strict=True)
    return tuple(symbols[symbol] if size is None else size for size, symbol in named)


def binding_problems(shapes: Sequence[OpenShape], symbols: Mapping[str, int]) -> list[str]:
    """What is wrong with values of symbols for these inputs, a sentence each: symbols that there are not, with the
    nearest names, sizes that are not positive, and dimensions that are left open.
    """
    known = {shape.symbols[dimension] for shape in shapes for dimension in shape.open} - {""}
    problems = [f"the model has no symbol {name!r}; {nearest(name, known)}" for name in symbols if name not in known]
    problems += [f"symbol {name!r} is {size}; sizes are positive" for name, size in symbols.items() if size < 1]
    return problems + [problem for shape in shapes for problem in _left_open(shape, symbols)]


def _left_open(shape: OpenShape, symbols: Mapping[str, int]) -> Iterator[str]:
    for dimension in shape.open:
        symbol = shape.symbols[dimension]
        if symbol not in symbols or not symbol:
            what = f"symbol {symbol!r} of input" if symbol else "unknown size in input"
            yield f"{what} {shape.name!r}, dimension {dimension}, has no value"


def repeated(specializations: Sequence[tuple[str, Mapping[str, int]]]) -> list[str]:
    """Which of specializations, by name and symbols, are the same as an earlier one, a sentence each."""
    first: dict[frozenset[tuple[str, int]], str] = {}
    found: list[str] = []
    for name, symbols in specializations:
        earlier = first.setdefault(frozenset(symbols.items()), name)
        if earlier != name:
            found.append(f"{name} repeats {earlier} ({shown(symbols)})")
    return found


def shown(symbols: Mapping[str, int]) -> str:
    """Values of symbols as text: `batch=1, height=56`."""
    return ", ".join(f"{name}={value}" for name, value in symbols.items()) or "no symbols"


def of_some(failed: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Problems, each with the names of the specializations that have it, where these are not all of so many."""
    return [problem if len(names) == count else f"{', '.join(names)}: {problem}" for problem, names in failed.items()]
