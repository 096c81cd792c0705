"""The kernels of attention: scores are made for a block of queries at a time, and never leave the function."""

from collections.abc import Callable
from math import inf, prod

import numpy as np

from dialects.graph.kernels.registry import Array, kernel

_BLOCK_SCORES = 1 << 24
"""Scores that are held at a time, unless one query for all heads has more."""


@kernel
def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    head_dim: int,
    scale: float,
    absorbing: float = -inf,
) -> Array:
    """softmax(q k^T scale + mask) v for every head; q [.., B, S, heads D], k [.., B, T, kv D], v [.., B, T, kv D'].

    `head_dim` is D; the number of heads follows from the shapes, so that a core can compute some of the heads. Each of
    the kv heads serves heads / kv consecutive heads of q. mask [.., Bm, heads or 1, S or 1, T or 1] is added; one of
    `absorbing` or less takes the place of the score. Result [.., B, S, heads D'], 0 in rows whose masks are all -inf.
    """

    def masks(rows: slice) -> tuple[Array | None, int | None]:
        return None if mask is None else _rows_of(mask, rows), None

    return _attended(q, k, v, head_dim, scale, absorbing, masks)


@kernel
def causal_attention(
    q: Array,
    k: Array,
    v: Array,
    horizon: Array,
    mask: Array | None = None,
    *,
    head_dim: int,
    scale: float,
    beyond: float,
    absorbing: float = -inf,
) -> Array:
    """The same where query i looks at the keys before horizon[.., i]; at the others the mask is `beyond` at most."""
    keys = np.arange(k.shape[-2])

    def masks(rows: slice) -> tuple[Array, int | None]:
        seen = horizon[..., rows]
        count = int(seen.max(initial=1)) if beyond == -inf else len(keys)
        later = (keys[:count] >= seen[..., None])[..., None, None, :, :]
        given = q.dtype.type(0) if mask is None else _rows_of(mask, rows)[..., :count]
        return np.where(later, np.minimum(given, q.dtype.type(beyond)), given), count

    return _attended(q, k, v, head_dim, scale, absorbing, masks)


def _attended(
    q: Array,
    k: Array,
    v: Array,
    head_dim: int,
    scale: float,
    absorbing: float,
    masks: Callable[[slice], tuple[Array | None, int | None]],
) -> Array:
    """`masks` gives what is added to the scores of some queries, and how many keys these look at (None: all)."""
    heads, groups = q.shape[-1] // head_dim, k.shape[-1] // head_dim
    queries = _heads(q, heads) * q.dtype.type(scale)
    keys, values = _heads(k, groups), _heads(v, groups)
    if groups != heads:
        keys, values = (np.repeat(array, heads // groups, axis=-3) for array in (keys, values))
    length = q.shape[-2]
    block = max(1, _BLOCK_SCORES // max(1, prod(queries.shape[:-2]) * keys.shape[-2]))
    parts: list[Array] = []
    for start in range(0, max(length, 1), block):
        rows = slice(start, min(start + block, length))
        mask, count = masks(rows)
        scores = queries[..., rows, :] @ keys[..., :count, :].swapaxes(-1, -2)
        if mask is not None:
            scores += mask
        if mask is not None and absorbing > -inf:
            np.copyto(scores, mask, where=mask <= absorbing)
        parts.append(_softmax_times(scores, values[..., :count, :]))
    result = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)
    return result.swapaxes(-2, -3).reshape(*q.shape[:-1], -1)


def _softmax_times(scores: Array, values: Array) -> Array:
    """Softmax of the scores, which are lost, times values; 0 where all of a row are -inf."""
    peak = scores.max(axis=-1, keepdims=True)
    scores -= np.where(np.isneginf(peak), 0, peak)
    np.exp(scores, out=scores)
    sums = scores.sum(axis=-1, keepdims=True)
    sums[sums == 0] = 1  # the row is masked whole
    result = scores @ values
    result /= sums
    return result


def _rows_of(mask: Array, rows: slice) -> Array:
    """The mask of some queries; one row may serve all."""
    return mask if mask.shape[-2] == 1 else mask[..., rows, :]


def _heads(x: Array, heads: int) -> Array:
    """[.., S, heads D] seen as [.., heads, S, D]."""
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)


@kernel
def rotary(x: Array, cos: Array, sin: Array, *, head_dim: int) -> Array:
    """Heads [.., B, S, heads D] turned: x cos + (-x2, x1) sin; cos and sin [.., B or 1, S, D]."""
    heads = x.reshape(*x.shape[:-1], -1, head_dim)
    sine, half = sin[..., None, :], head_dim // 2
    y = heads * cos[..., None, :]
    y[..., :half] -= heads[..., half:] * sine[..., :half]
    y[..., half:] += heads[..., :half] * sine[..., half:]
    return y.reshape(x.shape)
