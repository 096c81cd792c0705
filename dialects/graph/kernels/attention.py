"""The kernel of attention: the scores of a head never leave the function."""

import numpy as np

from dialects.graph.kernels.registry import Array, kernel


@kernel
def attention(q: Array, k: Array, v: Array, mask: Array | None = None, *, head_dim: int, scale: float) -> Array:
    """softmax(q k^T scale + mask) v for every head; q [.., B, S, heads D], k [.., B, T, kv D], v [.., B, T, kv D'].

    `head_dim` is D; the number of heads follows from the shapes, so that a core can compute some of the heads. Each of
    the kv heads serves heads / kv consecutive heads of q. mask [.., Bm, heads or 1, S or 1, T or 1] is added. Result
    [.., B, S, heads D'], 0 in rows that are masked whole.
    """
    heads, groups = q.shape[-1] // head_dim, k.shape[-1] // head_dim
    queries = _heads(q, heads) * q.dtype.type(scale)
    keys, values = _heads(k, groups), _heads(v, groups)
    if groups != heads:
        keys, values = (np.repeat(array, heads // groups, axis=-3) for array in (keys, values))
    scores = queries @ keys.swapaxes(-1, -2)
    if mask is not None:
        scores += mask
    peak = scores.max(axis=-1, keepdims=True)
    scores -= np.where(np.isneginf(peak), 0, peak)
    np.exp(scores, out=scores)
    sums = scores.sum(axis=-1, keepdims=True)
    sums[sums == 0] = 1  # the row is masked whole
    result = scores @ values
    result /= sums
    return result.swapaxes(-2, -3).reshape(*q.shape[:-1], -1)


def _heads(x: Array, heads: int) -> Array:
    """[.., S, heads D] seen as [.., heads, S, D]."""
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)
