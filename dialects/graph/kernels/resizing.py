"""Kernels that change the number of positions along one dimension, phase by phase of their pattern."""

from collections.abc import Iterator, Sequence
from types import EllipsisType

import numpy as np

from dialects.graph.kernels.registry import Array, kernel


def _phases(count: int, step: int, pattern: Sequence[int]) -> Iterator[tuple[slice, int, int]]:
    """For each entry of the pattern the positions of the result that have it, where the first of them reads, and how
    many there are.
    """
    for first, start in enumerate(pattern[:count]):
        yield slice(first, None, len(pattern)), start, -(-(count - first) // len(pattern))


def _at(positions: slice, axis: int) -> tuple[EllipsisType | slice, ...]:
    """Index of positions along an axis counted from the end."""
    return (..., positions, *(slice(None),) * (-1 - axis))


def _read(start: int, step: int, count: int) -> slice:
    return slice(start, start + (count - 1) * step + 1, max(step, 1))


@kernel
def resample(x: Array, *, axis: int, step: int, pattern: Sequence[int], shape: Sequence[int]) -> Array:
    """Position p of the result is position step * (p // n) + pattern[p % n] of x, n = len(pattern)."""
    size = shape[axis]
    y = np.empty((*x.shape[:axis], size, *x.shape[x.ndim + axis + 1 :]), x.dtype)
    for to, start, count in _phases(size, step, pattern):
        y[_at(to, axis)] = x[_at(_read(start, step, count), axis)]
    return y


@kernel
def interpolate(x: Array, weights: Array, *, axis: int, step: int, pattern: Sequence[int]) -> Array:
    """Position p of the result is the sum of x from step * (p // n) + pattern[p % n] on, times weights[.., p, :];
    outside of x are zeros.
    """
    *stack, size, taps = weights.shape
    phases = list(_phases(size, step, pattern))
    before = max(0, -min(start for _, start, _ in phases))
    behind = max(0, max(start + (count - 1) * step for _, start, count in phases) + taps - x.shape[axis])
    if before or behind:
        x = np.pad(x, [(0, 0)] * (x.ndim + axis) + [(before, behind)] + [(0, 0)] * (-1 - axis))
    across = (1,) * (x.ndim - len(stack) + axis)
    along = weights.reshape(*stack, *across, size, *(1,) * (-1 - axis), taps)
    y = np.empty((*x.shape[:axis], size, *x.shape[x.ndim + axis + 1 :]), x.dtype)
    for to, start, count in phases:
        part = y[_at(to, axis)]
        for tap in range(taps):
            source = x[_at(_read(before + start + tap, step, count), axis)]
            if tap:
                part += source * along[(*_at(to, axis), tap)]
            else:
                np.multiply(source, along[(*_at(to, axis), tap)], out=part)
    return y
