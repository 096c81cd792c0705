"""Boxes: the one index notation of the tile level.

A *form* is linear in the mesh coordinates m0, m1, .. of a core and the variables i0, i1, .. of the enclosing loops,
outermost first. A *box* is per dimension an interval from the largest of some forms to the smallest of some forms,
empty where that is no interval. So ragged splits, halos and idle cores need no index arithmetic in the IR, and bounds,
traffic and footprints are computed without running anything.

A box knows the mesh that its coordinates belong to: core c has m_last = c mod size_last, and so on; m0 takes what is
left.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from math import prod
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Form:
    """constant + sum of mesh[k] * m_k + sum of loops[d] * i_d. Trailing zero coefficients are not kept."""

    constant: int
    mesh: tuple[int, ...] = ()
    loops: tuple[int, ...] = ()

    def __add__(self, other: "Form | int") -> "Form":
        if isinstance(other, int):
            return Form(self.constant + other, self.mesh, self.loops)
        return Form(self.constant + other.constant, _sum(self.mesh, other.mesh), _sum(self.loops, other.loops))

    def times(self, numerator: int, denominator: int = 1) -> "Form":
        """The form scaled; raises ValueError when a coefficient does not divide."""
        return Form(
            _scale(self.constant, numerator, denominator),
            tuple(_scale(c, numerator, denominator) for c in self.mesh),
            tuple(_scale(c, numerator, denominator) for c in self.loops),
        )

    def blocks(self, size: int) -> "Form":
        """Number of blocks of that size that so many positions take, the last one maybe partial.

        Raises ValueError when a coefficient does not divide.
        """
        whole = Form(-(-self.constant // size) * size, self.mesh, self.loops)
        return whole.times(1, size)

    @property
    def is_positive(self) -> bool:
        """True when the form is at least 0 for all values of its variables."""
        return min(self.constant, *self.mesh, *self.loops, 0) == 0

    def next_iteration(self, loop: int, distance: int = 1) -> "Form":
        """The form with i_loop + distance in place of i_loop."""
        step = self.loops[loop] if loop < len(self.loops) else 0
        return self + step * distance

    def at_iteration(self, loop: int, iteration: int) -> "Form":
        """The form with a number in place of i_loop (the numbers of the other loops stay)."""
        if loop >= len(self.loops):
            return self
        loops = _stripped((*self.loops[:loop], 0, *self.loops[loop + 1 :]))
        return Form(self.constant + self.loops[loop] * iteration, self.mesh, loops)

    def at(self, iteration: Sequence[int]) -> int:
        """Value of a form without mesh coordinates for these loop variables."""
        value = self.constant
        for coefficient, i in zip(self.loops, iteration, strict=False):
            value += coefficient * i
        return value

    def __str__(self) -> str:
        terms = [(c, f"m{k}") for k, c in enumerate(self.mesh)] + [(c, f"i{d}") for d, c in enumerate(self.loops)]
        text = ""
        for coefficient, variable in [*terms, (self.constant, "")]:
            if coefficient == 0 and (variable or text):
                continue
            number = "" if variable and abs(coefficient) == 1 else str(abs(coefficient))
            magnitude = f"{number} {variable}".strip()
            sign = ("-" if coefficient < 0 else "") if not text else (" - " if coefficient < 0 else " + ")
            text += sign + magnitude
        return text


def _scale(value: int, numerator: int, denominator: int) -> int:
    scaled, rest = divmod(value * numerator, denominator)
    if rest:
        raise ValueError(f"{value} * {numerator} is no multiple of {denominator}")
    return scaled


def _sum(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return _stripped(tuple(x + y for x, y in zip_longest(a, b, fillvalue=0)))


def _stripped(coefficients: tuple[int, ...]) -> tuple[int, ...]:
    while coefficients and coefficients[-1] == 0:
        coefficients = coefficients[:-1]
    return coefficients


Bound: TypeAlias = tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """From the largest of `low` to the smallest of `high`, exclusive."""

    low: Bound
    high: Bound

    @staticmethod
    def of(low: int, high: int) -> "Interval":
        """Interval of two numbers."""
        return Interval((Form(low),), (Form(high),))

    def mapped(self, low: Callable[[Form], Form], high: Callable[[Form], Form]) -> "Interval":
        """Interval of the bounds sent through two monotone functions."""
        return Interval(tuple(map(low, self.low)), tuple(map(high, self.high)))

    def clamped(self, size: int) -> "Interval":
        """The part inside [0, size). Bounds that are numbers are settled here; variables are never negative."""
        low = self.low if any(f.is_positive for f in self.low) else _settled((*self.low, Form(0)), max)
        return Interval(low, _settled((*self.high, Form(size)), min))

    def shifted(self, by: int) -> "Interval":
        """The interval moved by a number of positions."""
        return self.mapped(lambda f: f + by, lambda f: f + by)

    def __str__(self) -> str:
        low = str(self.low[0]) if len(self.low) == 1 else f"max({', '.join(map(str, self.low))})"
        high = str(self.high[0]) if len(self.high) == 1 else f"min({', '.join(map(str, self.high))})"
        return f"{low} to {high}"


def _settled(bound: Bound, choose: Callable[[Iterable[int]], int]) -> Bound:
    """The bound with all its numbers replaced by the one that matters, duplicates gone."""
    numbers = [f.constant for f in bound if not f.mesh and not f.loops]
    forms = list(dict.fromkeys(f for f in bound if f.mesh or f.loops))
    if not numbers:
        return tuple(forms)
    return (*forms, Form(choose(numbers)))


@dataclass(frozen=True, slots=True)
class Box:
    """A box per core and iteration: the mesh that gives cores their coordinates and an interval per dimension."""

    mesh: tuple[int, ...]
    dims: tuple[Interval, ...]
    _hash: int | None = field(default=None, init=False, compare=False, repr=False)
    """Kept, as boxes are looked up often."""

    def __hash__(self) -> int:
        if self._hash is None:
            object.__setattr__(self, "_hash", hash((self.mesh, self.dims)))
        return cast(int, self._hash)

    @staticmethod
    def whole(shape: Sequence[int], mesh: tuple[int, ...] = ()) -> "Box":
        """All of a tensor, for every core."""
        return Box(mesh, tuple(Interval.of(0, size) for size in shape))

    @property
    def depends_on_core(self) -> bool:
        """True when cores may have different boxes."""
        return any(form.mesh for form in self.forms())

    @property
    def loop_depth(self) -> int:
        """Number of enclosing loops whose variables may occur."""
        return max((len(form.loops) for form in self.forms()), default=0)

    def forms(self) -> Iterable[Form]:
        """All forms of all bounds."""
        for interval in self.dims:
            yield from interval.low
            yield from interval.high

    def mapped(self, change: Callable[[Form], Form]) -> "Box":
        """The box with every form changed."""
        return Box(self.mesh, tuple(interval.mapped(change, change) for interval in self.dims))

    def clamped(self, shape: Sequence[int]) -> "Box":
        """The part of the box that lies in a tensor of that shape."""
        return Box(self.mesh, tuple(interval.clamped(size) for interval, size in zip(self.dims, shape, strict=True)))

    def shifted(self, offsets: Sequence[int]) -> "Box":
        """The box moved by a number of positions per dimension."""
        return Box(self.mesh, tuple(interval.shifted(by) for interval, by in zip(self.dims, offsets, strict=True)))

    def bounds(self, cores: int, iteration: Sequence[int] = ()) -> tuple[Integers, Integers]:
        """Lower and upper positions [cores, rank] of every core's box in one iteration of the enclosing loops."""
        coordinates = core_coordinates(cores, self.mesh)
        low = np.empty((cores, len(self.dims)), np.int64)
        high = np.empty_like(low)
        for d, interval in enumerate(self.dims):
            low[:, d] = _evaluated(interval.low, coordinates, iteration, np.maximum)
            high[:, d] = _evaluated(interval.high, coordinates, iteration, np.minimum)
        return low, high

    def bounds_in(self, iterations: Integers, cores: int) -> tuple[Integers, Integers]:
        """As `bounds`, for iterations [iterations, loops] at once: [iterations, cores, rank]. Loops beyond those given
        are in their first iteration. Numbers beyond 64 bits wrap.
        """
        coordinates, variables = core_coordinates(cores, self.mesh), list(iterations.T[:, :, None])
        low = np.empty((len(iterations), cores, len(self.dims)), np.int64)
        high = np.empty_like(low)
        for d, interval in enumerate(self.dims):
            low[..., d] = _evaluated(interval.low, coordinates, variables, np.maximum)
            high[..., d] = _evaluated(interval.high, coordinates, variables, np.minimum)
        return low, high

    def extents(self, cores: int, trips: Sequence[int] = ()) -> tuple[int, ...]:
        """Largest extent per dimension over all cores and all iterations of loops with these trip counts."""
        largest = np.zeros(len(self.dims), np.int64)
        for iteration in np.ndindex(*trips[: self.loop_depth]):
            low, high = self.bounds(cores, iteration)
            largest = np.maximum(largest, (high - low).max(axis=0, initial=0))
        return tuple(int(extent) for extent in largest)

    def volume(self, cores: int, iteration: Sequence[int] = ()) -> Integers:
        """Number of positions in each core's box."""
        low, high = self.bounds(cores, iteration)
        return np.maximum(high - low, 0).prod(axis=1)

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.mesh))}] : {', '.join(map(str, self.dims))}"


@cache
def core_coordinates(cores: int, mesh: tuple[int, ...]) -> Integers:
    """Mesh coordinates [cores, axes] of every core. The first axis takes what the others leave."""
    ids = np.arange(cores)
    inner = [prod(mesh[k + 1 :]) for k in range(len(mesh))]
    columns = [ids // stride if k == 0 else ids // stride % mesh[k] for k, stride in enumerate(inner)]
    coordinates = np.stack(columns, axis=1) if columns else np.zeros((cores, 0), np.int64)
    coordinates.flags.writeable = False
    return coordinates.astype(np.int64, copy=False)


def _evaluated(
    bound: Bound, coordinates: Integers, iteration: Sequence[int | Integers], choose: Callable[..., Integers]
) -> Integers | int:
    values = [_value(form, coordinates, iteration) for form in bound]
    result = values[0]
    for value in values[1:]:
        result = choose(result, value)
    return result


def _value(form: Form, coordinates: Integers, iteration: Sequence[int | Integers]) -> Integers | int:
    """Value of a form: a number, [cores], or, of loop variables [iterations, 1], [iterations, cores]."""
    value: Integers | int = form.constant
    for coefficient, i in zip(form.loops, iteration, strict=False):
        value = value + coefficient * i
    for axis, coefficient in enumerate(form.mesh):
        if coefficient:
            value = value + coefficient * coordinates[:, axis]
    return value
