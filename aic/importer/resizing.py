"""Resizing of one dimension in numbers: which positions of the operand each position of the result is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import TypeAlias

import numpy as np

from aic.importer.builder import Array
from aic.importer.problems import Unsupported

Round: TypeAlias = Callable[[float], int]

NEAREST: dict[str, Round] = {
    "round_prefer_floor": lambda x: ceil(x - 0.5),
    "round_prefer_ceil": lambda x: floor(x + 0.5),
    "floor": floor,
    "ceil": ceil,
}
"""What ONNX's `nearest_mode` makes of a place between positions."""


LONGEST_BLOCK = 8
"""Positions of a block of the result that is not looked upon as too coarse to cut between."""
MOST_DRIFT = 2
"""Neighbours with weight 0 that an interpolation may read so that blocks are short."""


@dataclass(frozen=True)
class Axis:
    """Resizing of one axis from `size` to `result` positions by `scale`."""

    size: int
    result: int
    scale: float
    coordinates: str

    def source(self, position: int) -> float:
        """Where in the operand a position of the result lies."""
        match self.coordinates:
            case "half_pixel":
                return (position + 0.5) / self.scale - 0.5
            case "half_pixel_symmetric":
                adjustment = self.result / (self.scale * self.size)
                centre = self.size / 2
                return centre * (1 - adjustment) + (position + 0.5) / self.scale - 0.5
            case "pytorch_half_pixel":
                return (position + 0.5) / self.scale - 0.5 if self.result > 1 else 0.0
            case "align_corners":
                corners = self.size * self.scale - 1  # of the exact size, as ONNX defines it; `result` is rounded down
                return position * (self.size - 1) / corners if self.result > 1 else 0.0
            case "asymmetric":
                return position / self.scale
            case _:
                raise Unsupported(f"coordinate_transformation_mode {self.coordinates!r}")


@dataclass(frozen=True)
class Filter:
    """An interpolation: the weight of a neighbour at a distance below `radius`."""

    radius: int
    weight: Callable[[float], float]


def cubic(a: float) -> Filter:
    """Cubic convolution with this coefficient, over four neighbours."""

    def weight(distance: float) -> float:
        t = abs(distance)
        if t < 1:
            return ((a + 2) * t - (a + 3)) * t * t + 1
        return (((t - 5) * t + 8) * t - 4) * a if t < 2 else 0.0

    return Filter(2, weight)


LINEAR = Filter(1, lambda distance: max(0.0, 1 - abs(distance)))
"""Of two neighbours, each the more the nearer it is."""


def nearest_positions(axis: Axis, rounding: Round) -> Array:
    """For each position of the result the nearest of the operand."""
    near = [rounding(axis.source(position)) for position in range(axis.result)]
    return np.clip(np.asarray(near, np.int64), 0, axis.size - 1)


def interpolation_weights(axis: Axis, filter_: Filter, antialias: bool, exclude_outside: bool) -> tuple[Array, Array]:
    """For each position of the result the first of its neighbours in the operand, and the weights [result, neighbours].

    Neighbours outside of the operand have the weight 0: they stand for its edge, which takes their weight, or are left
    out. With `antialias` shrinking widens the filter.
    """
    stretch = min(1.0, axis.scale) if antialias else 1.0
    reach = ceil(filter_.radius / stretch)
    first, weights = np.zeros(axis.result, np.int64), np.zeros((axis.result, 2 * reach))
    for position in range(axis.result):
        source = axis.source(position)
        neighbours = floor(source) - reach + 1 + np.arange(2 * reach)
        first[position] = min(max(neighbours[0], 1 - 2 * reach), axis.size - 1)  # the edge is among them
        shares = np.array([filter_.weight((source - neighbour) * stretch) for neighbour in neighbours.tolist()])
        inside = (neighbours >= 0) & (neighbours < axis.size)
        if exclude_outside:
            shares = np.where(inside, shares, 0.0)
        edges = np.clip(neighbours, 0, axis.size - 1) - first[position]
        np.add.at(weights[position], edges, shares / shares.sum())
    return first, weights


def blocks(positions: Array) -> tuple[int, tuple[int, ...]]:
    """The shortest block of positions that repeats, each time a step further on: the step, and the first block."""
    count = positions.size
    for length in range(1, count):
        steps = positions[length:] - positions[:-length]
        if (steps == steps[0]).all() and steps[0] >= 0:
            return int(steps[0]), tuple(positions[:length].tolist())
    return 0, tuple(positions.tolist())


def near_blocks(first: Array, weights: Array) -> tuple[int, tuple[int, ...], Array] | None:
    """Short blocks that the first neighbours nearly follow: step, pattern, and weights of as many more neighbours as
    they are apart; None where they are further apart than `MOST_DRIFT`.

    As where corners are aligned: 64 positions from 32 lie 31/63 apart, not quite 1/2.
    """
    count, slope = len(first), (first[-1] - first[0]) / max(len(first) - 1, 1)
    best: tuple[int, int, tuple[int, ...], Array] | None = None
    for length in range(1, min(count, LONGEST_BLOCK) + 1):
        step = round(length * slope)
        blocked = np.full((-(-count // length), length), np.iinfo(np.int64).max)
        blocked.reshape(-1)[:count] = first - step * (np.arange(count) // length)
        pattern = blocked.min(axis=0)
        shift = first - step * (np.arange(count) // length) - pattern[np.arange(count) % length]
        if best is None or shift.max() < best[0]:
            best = int(shift.max()), step, tuple(pattern.tolist()), shift
    if best is None or best[0] > MOST_DRIFT:
        return None
    drift, step, pattern, shift = best
    wide = np.zeros((count, weights.shape[1] + drift))
    np.put_along_axis(wide, shift[:, None] + np.arange(weights.shape[1]), weights, axis=1)
    return step, pattern, wide
