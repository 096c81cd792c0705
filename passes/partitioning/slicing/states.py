"""How devices hold a value: each all of it, each a slice, each a summand of it, or the first alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import TypeAlias

Interval: TypeAlias = tuple[int, int]
Box: TypeAlias = tuple[Interval, ...]
"""Half-open intervals, one per dimension."""


class Held(Enum):
    """A value that is not sliced."""

    WHOLE = auto()
    """Every device has all of it, with the same bits."""
    FIRST = auto()
    """The first device has all of it, others nothing."""
    PARTIAL = auto()
    """Every device has a summand of the value's shape."""

    __hash__ = object.__hash__  # the default one hashes the name, and is a Python call


@dataclass(frozen=True)
class Slices:
    """Each device has an interval of one dimension. Those of neighbours may overlap."""

    dim: int
    parts: tuple[Interval, ...]

    @property
    def largest(self) -> int:
        """A device that has most."""
        extents = [high - low for low, high in self.parts]
        return extents.index(max(extents))


State: TypeAlias = Held | Slices


def even_slices(dim: int, size: int, grain: int, devices: int) -> Slices | None:
    """Slices as even as can be, cut at multiples of `grain`; None where there is not one for each device."""
    grains = -(-size // grain) if grain else 0
    if grains < devices:
        return None
    cuts = [min(size, grain * (grains * device // devices)) for device in range(devices + 1)]
    return Slices(dim, tuple(pairwise(cuts)))


def box_of(state: State, shape: Sequence[int], device: int) -> Box | None:
    """What a device holds of a value of that shape; None for nothing."""
    if isinstance(state, Slices):
        return tuple(state.parts[device] if d == state.dim else (0, size) for d, size in enumerate(shape))
    if state is Held.FIRST and device:
        return None
    return tuple((0, size) for size in shape)


def extents(box: Box) -> tuple[int, ...]:
    """Shape of a box."""
    return tuple(high - low for low, high in box)
