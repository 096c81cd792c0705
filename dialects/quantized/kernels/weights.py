"""Weights of integer contractions in the form that their kernels compute with; constant ones are brought to it once.

Sums of products of integers are exact in fp32 up to 2^24 and in fp64 up to 2^53: of 8-bit integers so many products are
added in fp32 as are safe, and these sums in fp64. Integer products of NumPy itself do not run in BLAS.

The input of a contraction is multiplied as it is, not less its offset: what that adds to the sums of a column is known,
and taken from the bias. Not so for transposed convolutions, whose sums lack some of the weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Attribute

from dialects.element_types import stored_dtype
from dialects.graph.kernels.registry import Array
from dialects.quantized.rescaling import Rescaling, along_columns

BIAS, MULTIPLIER, SHIFT, WEIGHT_OFFSET = range(4)
"""Rows of a table of rescaling."""

OWN_DIMENSIONS: Mapping[str, int] = {
    "quantized.conv": 4,
    "quantized.conv_transpose": 4,
    "quantized.matmul": 2,
}
"""How many dimensions weights have on one core, the last that of the columns, by the kernel."""

_EXACT_F32 = 1 << 24


@dataclass(frozen=True)
class Weights:
    """The second operand of a contraction, and its table."""

    values: Array
    """Less their offsets, in the dtype in which they are multiplied."""
    at_once: int
    """So many products sum up exactly in fp32."""
    centre: int
    """What is to be taken from the input before it is multiplied."""
    rescaling: Rescaling


@np.errstate(all="ignore")
def prepared(
    kernel: str,
    input_dtype: np.dtype[np.generic],
    w: Array,
    table: Array,
    input_offset: int,
    output_offset: int,
    limits: Sequence[int],
    to: Attribute,
) -> Weights:
    """Weights [.., K, F] and a table [.., 4, F] of a kernel whose input has a dtype; arguments are those of the
    kernel. Numbers of a table that no verifier has seen may be any: what comes of them means nothing then.
    """
    own = OWN_DIMENSIONS[kernel]
    bias, multiplier, shift, offsets = (table[..., row, :] for row in (BIAS, MULTIPLIER, SHIFT, WEIGHT_OFFSET))
    depth = prod(w.shape[-own:-1])
    # Windows of channels that see only themselves are summed without a matrix product, all at once.
    least = depth if own > 2 and w.shape[-2] == 1 else 1
    centre = input_offset if kernel == "quantized.conv_transpose" else 0
    reach = _reach(input_dtype, np.array(centre))
    at_once = _EXACT_F32 // (reach * _reach(w.dtype, offsets))
    values = w.astype(np.float32 if at_once else np.float64)
    if offsets.any():
        values = _less_offsets(values, offsets, own)
    columns = values.reshape(*values.shape[: values.ndim - own], depth, values.shape[-1])
    if 0 < at_once < depth and reach * _most(columns) <= _EXACT_F32:
        at_once = depth
    if at_once < least:
        values = values.astype(np.float64)
    if input_offset != centre:
        sums = columns.sum(axis=-2, dtype=np.float64)
        bias, multiplier, shift = (along_columns(row, sums.ndim) for row in (bias, multiplier, shift))
        bias = bias - input_offset * sums.astype(np.int64)
    rescaling = Rescaling.of(bias, multiplier, shift, output_offset, limits, stored_dtype(to))
    return Weights(values, at_once, centre, rescaling)


def _most(columns: Array) -> float:
    """The greatest sum of magnitudes of a column: no sum of products is beyond that many times the input's reach."""
    return float(np.abs(columns).sum(axis=-2, dtype=np.float64).max(initial=0))


def _less_offsets(w: Array, offsets: Array, own: int) -> Array:
    """Weights less the offsets of their columns. Where only these are stacked, so are the results."""
    if w.ndim == own:
        w = w.reshape(*(1,) * (offsets.ndim - 1), *w.shape)
    return w - along_columns(offsets, w.ndim).astype(w.dtype)


def _reach(dtype: np.dtype[np.generic], offsets: Array) -> int:
    """The greatest magnitude of an integer less its offset."""
    limits = np.iinfo(dtype.str)
    low, high = (int(pick(offsets, initial=0)) for pick in (np.min, np.max))
    return max(limits.max - low, high - limits.min)
