"""Resize and Upsample: along each axis a gather (nearest), or a product with a matrix of interpolation weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TypeAlias

import numpy as np

from aic.importer.builder import Array, Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from dialects.element_types import is_float
from dialects.graph.contraction import MatmulOp
from dialects.graph.movement import GatherOp

Round: TypeAlias = Callable[[float], int]

_NEAREST: dict[str, Round] = {
    "round_prefer_floor": lambda x: ceil(x - 0.5),
    "round_prefer_ceil": lambda x: floor(x + 0.5),
    "floor": floor,
    "ceil": ceil,
}


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


def _cubic(a: float) -> Filter:
    def weight(distance: float) -> float:
        t = abs(distance)
        if t < 1:
            return ((a + 2) * t - (a + 3)) * t * t + 1
        return (((t - 5) * t + 8) * t - 4) * a if t < 2 else 0.0

    return Filter(2, weight)


_LINEAR = Filter(1, lambda distance: max(0.0, 1 - abs(distance)))


def nearest_positions(axis: Axis, rounding: Round) -> Array:
    """For each position of the result the nearest of the operand."""
    near = [rounding(axis.source(position)) for position in range(axis.result)]
    return np.clip(np.asarray(near, np.int64), 0, axis.size - 1)


def interpolation_matrix(axis: Axis, filter_: Filter, antialias: bool, exclude_outside: bool) -> Array:
    """Weights [result, size]: each position of the result as a sum of positions of the operand.

    Neighbours outside of the operand stand for its edge, or are left out. With `antialias` shrinking widens the filter.
    """
    matrix = np.zeros((axis.result, axis.size))
    stretch = min(1.0, axis.scale) if antialias else 1.0
    reach = ceil(filter_.radius / stretch)
    for position in range(axis.result):
        source = axis.source(position)
        neighbours = range(floor(source) - reach + 1, floor(source) + reach + 1)
        weights = np.array([filter_.weight((source - neighbour) * stretch) for neighbour in neighbours])
        inside = [0 <= neighbour < axis.size for neighbour in neighbours]
        if exclude_outside:
            weights = np.where(inside, weights, 0.0)
        weights /= weights.sum()
        np.add.at(matrix[position], np.clip(neighbours, 0, axis.size - 1), weights)
    return matrix


@converts("Upsample", until=9, note="constant scales")
def upsample(builder: Builder, node: Node) -> Value:
    scales = node.attributes["scales"].floats if node.has("scales") else node.known(builder, 1)
    return _resized(builder, node, _scaled(node.operand(0), scales, "asymmetric"), "floor")


@converts("Resize", since=10, until=10, note="constant scales")
def resize_10(builder: Builder, node: Node) -> Value:
    return _resized(builder, node, _scaled(node.operand(0), node.known(builder, 1), "asymmetric"), "floor")


@converts("Resize", since=11, note="constant scales or sizes; tf_crop_and_resize is not supported")
def resize(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    coordinates = node.text("coordinate_transformation_mode", "half_pixel")
    scales, sizes = node.known_or_none(builder, 2), node.known_or_none(builder, 3)
    every = [axis_of(axis, x.rank, node.operator) for axis in node.integers("axes", range(x.rank))]
    if sizes is not None and sizes.size:
        axes = _sized(x, every, [int(size) for size in sizes], node, coordinates)
    elif scales is not None and scales.size:
        full = np.ones(x.rank)
        full[every] = scales
        axes = _scaled(x, full, coordinates)
    else:
        raise Misfit("neither scales nor sizes")
    return _resized(builder, node, axes, node.text("nearest_mode", "round_prefer_floor"))


def _scaled(x: Value, scales: Sequence[float] | Array, coordinates: str) -> list[Axis]:
    if len(scales) != x.rank:
        raise Misfit(f"{len(scales)} scales for {x.type}")
    return [
        Axis(size, floor(size * float(scale)), float(scale), coordinates)
        for size, scale in zip(x.shape, scales, strict=True)
    ]


def _sized(x: Value, every: Sequence[int], sizes: Sequence[int], node: Node, coordinates: str) -> list[Axis]:
    """Axes with given sizes, which a policy on the aspect ratio may take as limits."""
    scales = [size / x.shape[axis] for axis, size in zip(every, sizes, strict=True)]
    results = list(sizes)
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        common = min(scales) if policy == "not_larger" else max(scales)
        scales = [common] * len(scales)
        results = [floor(common * x.shape[axis] + 0.5) for axis in every]
    axes = [Axis(size, size, 1.0, coordinates) for size in x.shape]
    for axis, result, scale in zip(every, results, scales, strict=True):
        axes[axis] = Axis(x.shape[axis], result, scale, coordinates)
    return axes


def _resized(builder: Builder, node: Node, axes: Sequence[Axis], nearest: str) -> Value:
    x, mode = node.operand(0), node.text("mode", "nearest")
    if min(axis.result for axis in axes) < 1:
        raise Misfit(f"{x.type} would be resized to {[axis.result for axis in axes]}")
    for d, axis in enumerate(axes):
        if axis.result == axis.size and axis.scale == 1.0:
            continue
        if mode == "nearest":
            x = builder.emit(GatherOp, [x, builder.constant(nearest_positions(axis, _NEAREST[nearest]))], axis=d)
        else:
            x = _interpolated(builder, node, x, d, axis)
    return x


def _interpolated(builder: Builder, node: Node, x: Value, d: int, axis: Axis) -> Value:
    if not is_float(x.element):
        raise Unsupported(f"interpolation of element type {x.element}")
    filter_ = _LINEAR if node.text("mode", "nearest") == "linear" else _cubic(node.number("cubic_coeff_a", -0.75))
    antialias, outside = bool(node.integer("antialias", 0)), bool(node.integer("exclude_outside", 0))
    matrix = builder.constant(interpolation_matrix(axis, filter_, antialias, outside).T, x.element)
    order = [*(other for other in range(x.rank) if other != d), d]
    y = builder.emit(MatmulOp, [builder.transpose(x, order), matrix])
    return builder.transpose(y, [order.index(other) for other in range(x.rank)])
