"""How far rounding moves the values of a network: the bound that a change of rounding alone is held to.

Nothing fixed serves all networks: depth, cancellation, and steps (rounding to integers, comparisons) decide what an
error of one part in 2^24 becomes. So it is measured, by Monte Carlo arithmetic (D. S. Parker, UCLA CSD-970002): the
network runs several times with every result moved, at random up or down, by a multiple of what a correct implementation
may move it, and how far an element strays in these runs tells what is allowed for it. Each run has a twin in which all
goes the other way, so that what steps up behind a value that is moved down steps down in the twin.

A result is moved by a multiple of

- u |y|, u the unit roundoff of its element type (2^-24 for f32, 2^-11 for f16, 2^-53 for f64): its own rounding;
- where it sums n terms that may cancel, u rms(y) and v sqrt(n) rms(y) more: the roundings of the terms and of the n
  partial sums (v = 2^-24, sums of f16 are f32), which go with the size of the terms, not with that of their sum;
- for f16 the distance of its subnormal numbers, 2^-25, more.

Results of ops that move values stay, and so do integers, also as sums, differences and products of floating-point
numbers: nothing is rounded there, and a mask (1 - m) * -3e38 would be anything if its zeros moved. The largest number
stays too: what is added to it is absorbed, which is what masks that are as low count on. To allow for a conversion to
fp16, u is that of f16 throughout, and inputs and constants that f16 does not have are moved too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import Float16Type, Float32Type, Float64Type, f16
from xdsl.ir import Attribute, Operation

from aic.validation.levels import Runner
from dialects.element_types import F16_MAX
from dialects.graph.attention import AttentionOp
from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import ContractionOp
from dialects.graph.elementwise import AddOp, CastOp, MulOp, SubOp
from dialects.graph.kernels import Array
from dialects.graph.movement import PadOp
from dialects.graph.normalization import LayerNormOp
from dialects.graph.pooling import AveragePoolOp
from dialects.graph.recurrence import RecurrentOp
from dialects.graph.reduction import CumsumOp, ReduceOp
from dialects.graph.resizing import InterpolateOp
from dialects.indexing import Access, Along

Observe: TypeAlias = Callable[[Operation, Array], None]

SAMPLES = 8
"""Runs with moved results: four, and their twins. In the first, all goes one way: sums may always stray that far."""
MARGIN = 4.0
"""By how much more results are moved than roundings move them: what is allowed must lie beyond what happens."""
_UNITS: dict[type[Attribute], float] = {Float16Type: 2.0**-11, Float32Type: 2.0**-24, Float64Type: 2.0**-53}
_SUBNORMAL = 2.0**-25
"""Half the distance of subnormal numbers of f16."""
_LARGEST: dict[type[Attribute], float] = {
    Float16Type: F16_MAX,
    Float32Type: float(np.finfo(np.float32).max),
    Float64Type: float(np.finfo(np.float64).max),
}
_F16_LARGEST, _F16_INFINITE = 65488.0, 65520.0
"""The least numbers that f16 rounds to its largest, and to infinity."""
_WHOLE = (AddOp, SubOp, MulOp, CastOp)
"""Ops whose results are not rounded where they are integers (of less than 1/u): so are their operands, as good as
always.
"""
_CANCELS = (
    ContractionOp,
    AttentionOp,
    RecurrentOp,
    ReduceOp,
    LayerNormOp,
    AveragePoolOp,
    CumsumOp,
    InterpolateOp,
)
"""Ops that sum terms of either sign."""


def allowed_outputs(
    runner: Runner, inputs: Mapping[str, Array], outputs: Mapping[str, Array], *, to_fp16: bool
) -> dict[str, Array]:
    """How far each element of each output may be off; infinite where it may be anything."""
    reach = {name: np.zeros(array.shape) for name, array in outputs.items()}
    for sample in range(SAMPLES):
        moved = _run_moved(runner, inputs, sample, to_fp16)
        for name, array in outputs.items():
            np.maximum(reach[name], distance(moved[name], array), out=reach[name])
    return {name: _allowed(values, outputs[name].dtype) for name, values in reach.items()}


def allowed_results(
    runner: Runner, inputs: Mapping[str, Array], results: Mapping[Operation, Array], *, to_fp16: bool
) -> dict[Operation, Array]:
    """The same for the result of every op."""
    reach = {op: np.zeros(array.shape) for op, array in results.items()}

    def observe(op: Operation, moved: Array) -> None:
        np.maximum(reach[op], distance(moved, results[op]), out=reach[op])

    for sample in range(SAMPLES):
        _run_moved(runner, inputs, sample, to_fp16, observe)
    return {op: _allowed(values, results[op].dtype) for op, values in reach.items()}


def distance(a: Array, b: Array) -> Array:
    """|a - b|, 0 where both are the same (NaN and infinities too), infinite where one of them is not finite."""
    with np.errstate(all="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    same = (a == b) | (np.isnan(apart) & np.isnan(a.astype(np.float64)) & np.isnan(b.astype(np.float64)))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _allowed(reach: Array, dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind != "f":  # it may be anything where rounding changes it at all
        return np.where(reach > 0, np.inf, 0.0)
    finite = reach[np.isfinite(reach)]
    typical = sqrt(float(np.mean(np.square(finite)))) if finite.size else 0.0
    return reach + typical


def _run_moved(
    runner: Runner, inputs: Mapping[str, Array], sample: int, to_fp16: bool, observe: Observe | None = None
) -> dict[str, Array]:
    """Outputs of a run with moved results."""
    random = np.random.default_rng(sample // 2) if sample > 1 else None
    mover = _Mover(random, MARGIN if sample % 2 else -MARGIN, to_fp16)
    with np.errstate(all="ignore"):
        return runner.run({name: mover.rounded(array) for name, array in inputs.items()}, observe, mover)


@dataclass(frozen=True)
class _Mover:
    """Moves results at random, or all one way, in multiples of what roundings move them."""

    random: np.random.Generator | None
    margin: float
    to_fp16: bool

    def rounded(self, array: Array) -> Array:
        """An input, moved as rounding to fp16 moves it where that is to be."""
        if not self.to_fp16 or array.dtype.kind != "f":
            return array
        with np.errstate(all="ignore"):
            kept = array.astype(np.float16) == array
        return as_f16(self._moved(array, np.where(kept, 0, conversion_reach(array))))

    def converted(self, array: Array) -> Array:
        """A constant, likewise; finite ones stay finite."""
        if not self.to_fp16 or array.dtype.kind != "f":
            return array
        return self.rounded(np.where(np.isfinite(array), np.clip(array, -F16_MAX, F16_MAX), array))

    def __call__(self, op: GraphOp | ConstantOp, result: Array) -> Array:
        if isinstance(op, ConstantOp):
            return result if _is_weight(op) else self.converted(result)
        element = op.result_type.element_type
        if self.to_fp16 and isinstance(element, Float32Type | Float64Type):
            element = f16
        unit = _UNITS.get(type(element))
        if unit is None or op.EXACT or isinstance(op, PadOp) or result.size == 0:
            return result
        reach = rounding_reach(op, result, element)
        if isinstance(element, Float16Type):
            result = as_f16(result)
        stays = np.abs(result) == _LARGEST[type(element)]
        if isinstance(op, _WHOLE):
            stays = stays | ((result == np.rint(result)) & (np.abs(result) < 1 / unit))
        moved = self._moved(result, np.where(stays, 0, reach))
        return as_f16(moved) if isinstance(element, Float16Type) else moved

    def _moved(self, values: Array, reach: Array) -> Array:
        if self.random is not None:
            reach = np.where(self.random.random(values.shape, np.float32) < 0.5, reach, -reach)
        by = reach * self.margin
        return (values + np.where(np.isfinite(by), by, 0)).astype(values.dtype)


def rounding_reach(op: GraphOp, result: Array, element: Attribute) -> Array:
    """How far roundings to an element type, and those of the op's own sums, move the elements of a result."""
    unit = _UNITS[type(element)]
    own_sums = min(unit, _UNITS[Float32Type]) * sqrt(_terms(op))
    reach = (unit + own_sums) * np.abs(result)
    if isinstance(op, _CANCELS):
        reach += (unit + own_sums) * _size(op, result)
    return reach + _SUBNORMAL if isinstance(element, Float16Type) else reach


def conversion_reach(values: Array) -> Array:
    """How far a conversion to fp16 moves values."""
    return _UNITS[Float16Type] * np.abs(values) + _SUBNORMAL


def as_f16(values: Array) -> Array:
    """The largest numbers as fp16 has them, and what is beyond its range infinite."""
    size = np.abs(values)
    if not (size >= _F16_LARGEST).any():
        return values
    ends = np.copysign(np.where(size < _F16_INFINITE, F16_MAX, np.inf), values)
    return np.where(size >= _F16_LARGEST, ends, values).astype(values.dtype)


def _is_weight(op: ConstantOp) -> bool:
    """Whether only contractions read a constant: moving their sums moves them as rounded terms would."""
    return all(isinstance(use.operation, ContractionOp) for use in op.output.uses)


def _size(op: GraphOp, result: Array) -> Array:
    """Root mean square of the results: of contractions per channel or column, whose weights may differ in size."""
    axes = tuple(range(result.ndim - 1)) if isinstance(op, ContractionOp) else None
    finite = np.where(np.isfinite(result), result, 0)
    return np.sqrt(np.mean(np.square(finite), axis=axes, keepdims=True))


def _terms(op: GraphOp) -> int:
    """How many elements of an operand an element of the result is made of."""
    return max(
        (_read(accesses, t.get_shape()) for accesses, t in zip(op.indexing().operands, op.operand_types, strict=True)),
        default=1,
    )


def _read(accesses: Sequence[Access], shape: Sequence[int]) -> int:
    """Elements of an operand of that shape that one element of the result is made of."""
    sizes = zip(accesses, shape, strict=True)
    return max(1, prod(min(size, _extent(access)) if isinstance(access, Along) else size for access, size in sizes))


def _extent(access: Along) -> int:
    low, high = access.interval(0, 1)
    return high - low
