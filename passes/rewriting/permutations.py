"""Permutations as `graph.transpose` has them: dimension d of the result is dimension order[d] of the operand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from dialects.graph.regrouping import dimension_groups

Order: TypeAlias = tuple[int, ...]
T = TypeVar("T")


def is_identity(order: Sequence[int]) -> bool:
    """True when nothing moves."""
    return all(source == d for d, source in enumerate(order))


def inverse(order: Sequence[int]) -> Order:
    """The permutation that undoes `order`."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def permuted(values: Sequence[T], order: Sequence[int]) -> tuple[T, ...]:
    """What belongs to the dimensions of the operand, in the order of the result."""
    return tuple(values[source] for source in order)


def moves_only_units(order: Sequence[int], shape: Sequence[int]) -> bool:
    """True when dimensions of `shape` (the operand's) other than those of size 1 keep their order: a reshape."""
    moved = [source for source in order if shape[source] != 1]
    return moved == sorted(moved)


@dataclass(frozen=True)
class Exchange:
    """`reshape(transpose(x))` said otherwise: transpose by `before`, reshape to `shape`, transpose by `after`."""

    before: Order
    shape: tuple[int, ...]
    after: Order


def transpose_below_reshape(source: Sequence[int], order: Sequence[int], target: Sequence[int]) -> Exchange | None:
    """How to reshape x of shape `source` first, where a transpose by `order` and a reshape to `target` were asked for.

    Possible where the reshape merges only dimensions that lie side by side in x; `before` puts them in the right order
    (it changes nothing if they are). None where it is not possible, or where nothing would be left for `after`.
    """
    between = permuted(source, order)
    if 0 in between:
        return None
    groups = [
        (tuple(order[d] for d in sources), tuple(targets))
        for sources, targets in dimension_groups(between, tuple(target))
    ]
    if not all(_side_by_side(sources, source) for sources, _ in groups):
        return None
    units = [d for d in range(len(source)) if source[d] == 1]
    placed = sorted(groups, key=lambda group: min(group[0]))
    before = _with_units([d for sources, _ in placed for d in sources], units)
    target_units = [d for d in range(len(target)) if target[d] == 1]
    laid_out = _with_units([d for _, targets in placed for d in targets], target_units)
    after = inverse(laid_out)
    if is_identity(after):
        return None
    return Exchange(before, permuted(target, laid_out), after)


def _side_by_side(dims: Sequence[int], shape: Sequence[int]) -> bool:
    """True when no dimension but those of size 1 lies between these."""
    return all(d in dims or shape[d] == 1 for d in range(min(dims), max(dims)))


def _with_units(dims: list[int], units: Sequence[int]) -> Order:
    """The dimensions, with those of size 1 put back: leading ones in front, others before what they precede."""
    leading = [unit for unit in units if not dims or unit < min(dims)]
    placed = list(dims)
    for unit in reversed(units[len(leading) :]):
        position = next((i for i, d in enumerate(placed) if d == unit + 1), len(placed))
        placed.insert(position, unit)
    return (*leading, *placed)
