"""Comparison of what two modules compute."""

from dataclasses import dataclass

import numpy as np

from aic.validation.spread import distance
from dialects.graph.kernels import Array


@dataclass(frozen=True)
class Difference:
    """How far values are from what they were."""

    error: float
    """The largest distance, as a share of the largest value."""
    used: float
    """The largest distance, as a multiple of what was allowed for the element; more than 1 is drift."""

    @property
    def drifts(self) -> bool:
        """Whether more differs than may."""
        return self.used > 1

    def worse(self, other: "Difference") -> "Difference":
        """The greater of both."""
        return Difference(max(self.error, other.error), max(self.used, other.used))


NONE = Difference(0.0, 0.0)
_ALL = Difference(np.inf, np.inf)


def difference(before: Array, after: Array, allowed: Array | None) -> Difference:
    """Values compared; `allowed` is what each element may be off, None for bits that must be equal."""
    if before.shape != after.shape:
        return _ALL
    if allowed is None:
        return NONE if before.dtype == after.dtype and before.tobytes() == after.tobytes() else _exactly(before, after)
    return difference_within(distance(before, after), allowed + _narrowing(before, after), before)


def difference_within(apart: Array, allowed: Array, values: Array) -> Difference:
    """The difference of elements that are so far apart from `values`, and may be so far."""
    with np.errstate(all="ignore"):
        used = np.where(apart > 0, apart / allowed, 0.0)
    # Where anything is allowed, the quotient of two infinities says nothing.
    return Difference(_share(apart, values), float(np.max(np.where(np.isinf(allowed), 0.0, used), initial=0.0)))


def _narrowing(before: Array, after: Array) -> Array | float:
    """What values may be off because they are kept in fewer bits than before."""
    if before.dtype.kind != "f" or after.dtype.itemsize >= before.dtype.itemsize:
        return 0.0
    sizes = np.abs(before.astype(np.float64))
    return float(np.finfo(after.dtype.name).eps) * np.where(np.isfinite(sizes), sizes, 0.0)


def _exactly(before: Array, after: Array) -> Difference:
    """Of values whose bits differ, if only in the sign of a zero."""
    return Difference(_share(distance(before, after), before), np.inf)


def _share(apart: Array, values: Array) -> float:
    sizes = np.abs(values.astype(np.float64))
    largest = float(np.where(np.isfinite(sizes), sizes, 0.0).max(initial=0.0))
    worst = float(apart.max(initial=0.0))
    return worst / largest if largest else worst
