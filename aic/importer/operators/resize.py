"""Resize and Upsample: along each axis a selection of positions (nearest), or sums of neighbours with weights."""

from collections.abc import Sequence
from math import floor

import numpy as np

from aic.importer.builder import Array, Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from aic.importer.resizing import (
    LINEAR,
    LONGEST_BLOCK,
    NEAREST,
    Axis,
    blocks,
    cubic,
    interpolation_weights,
    near_blocks,
    nearest_positions,
)
from aic.importer.windows import TO_CHANNELS_FIRST, TO_CHANNELS_LAST
from dialects.element_types import is_float
from dialects.graph.resizing import InterpolateOp, ResampleOp


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
    x = node.operand(0)
    if min(axis.result for axis in axes) < 1:
        raise Misfit(f"{x.type} would be resized to {[axis.result for axis in axes]}")
    changed = {d: axis for d, axis in enumerate(axes) if axis.result != axis.size or axis.scale != 1.0}
    last = x.rank == 4 and set(changed) <= {2, 3}
    if last:  # images, whose channels are best in the last dimension
        x = builder.transpose(x, TO_CHANNELS_LAST)
        changed = {d - 1: axis for d, axis in changed.items()}
    for d, axis in changed.items():
        if node.text("mode", "nearest") == "nearest":
            x = _selected(builder, x, d, nearest_positions(axis, NEAREST[nearest]))
        else:
            x = _interpolated(builder, node, x, d, axis)
    return builder.transpose(x, TO_CHANNELS_FIRST) if last else x


def _selected(builder: Builder, x: Value, d: int, positions: Array) -> Value:
    step, pattern = blocks(positions)
    shape = [positions.size if other == d else size for other, size in enumerate(x.shape)]
    return builder.emit_shaped(ResampleOp, x, shape, axis=d, step=step, pattern=pattern)


def _interpolated(builder: Builder, node: Node, x: Value, d: int, axis: Axis) -> Value:
    if not is_float(x.element):
        raise Unsupported(f"interpolation of element type {x.element}")
    filter_ = LINEAR if node.text("mode", "nearest") == "linear" else cubic(node.number("cubic_coeff_a", -0.75))
    antialias, outside = bool(node.integer("antialias", 0)), bool(node.integer("exclude_outside", 0))
    first, weights = interpolation_weights(axis, filter_, antialias, outside)
    step, pattern = blocks(first)
    if len(pattern) > LONGEST_BLOCK:
        step, pattern, weights = near_blocks(first, weights) or (step, pattern, weights)
    operands = [x, builder.constant(weights, x.element)]
    return builder.emit(InterpolateOp, operands, axis=d, step=step, pattern=pattern)
