"""Kernels of element-wise functions of one operand.

Those of large activations keep their temporaries in the cache, block by block.
"""

from collections.abc import Callable, Sequence
from math import erf as exact_erf
from math import pi
from math import sqrt as square_root

import numpy as np

from dialects.graph.kernels.registry import Array, kernel

_BLOCK = 1 << 15
"""Elements per block: block and temporaries fit a core's second-level cache."""

# erf(x) = x P(x^2) / Q(x^2) for |x| up to where float32 reaches 1: the minimax approximation that Eigen uses. Its own
# error is 5e-8; with float32's rounding 4e-7.
_ERF_LIMIT = 3.8325069
_ERF_P = (
    2.1237322016531834e-06,
    2.8619795921258628e-04,
    3.6580483429133892e-03,
    5.2433021366596222e-02,
    1.8741607666015625e-01,
    1.1283791065216064,
)
_ERF_Q = (
    3.8918573409318924e-05,
    1.1432960163801908e-03,
    1.4752088114619255e-02,
    1.1294567584991455e-01,
    4.9942579865455627e-01,
    1.0,
)


def _blockwise(function: Callable[[Array, Array], None], x: Array) -> Array:
    """Calls `function(block of x, block of result)` over the array in memory order."""
    flat = np.ascontiguousarray(x).reshape(-1)
    result = np.empty_like(flat)
    for start in range(0, flat.size, _BLOCK):
        function(flat[start : start + _BLOCK], result[start : start + _BLOCK])
    return result.reshape(x.shape)


def _polynomial(x: Array, coefficients: Sequence[float], out: Array) -> Array:
    """Horner's rule, highest power first, in `out`."""
    np.multiply(x, coefficients[0], out=out)
    for coefficient in coefficients[1:-1]:
        out += coefficient
        out *= x
    out += coefficients[-1]
    return out


def _erf_into(x: Array, y: Array) -> None:
    """erf of `x` into `y` (which may not be `x`): float32 to 4e-7, float64 exactly."""
    if x.dtype == np.float64:
        y[...] = np.fromiter(map(exact_erf, x.tolist()), np.float64, x.size)
        return
    clipped = np.clip(x, -_ERF_LIMIT, _ERF_LIMIT)
    square = clipped * clipped
    _polynomial(square, _ERF_P, y)
    y *= clipped
    y /= _polynomial(square, _ERF_Q, clipped)
    np.clip(y, -1, 1, out=y)


@kernel
def erf(x: Array) -> Array:
    return _blockwise(_erf_into, x)


@kernel
def gelu(x: Array) -> Array:
    def block(x: Array, y: Array) -> None:
        _erf_into(x * square_root(0.5), y)
        y += 1
        y *= x
        y *= 0.5

    return _blockwise(block, x)


@kernel
def gelu_tanh(x: Array) -> Array:
    def block(x: Array, y: Array) -> None:
        np.multiply(x, x, out=y)
        y *= 0.044715
        y += 1
        y *= x
        y *= square_root(2 / pi)
        np.tanh(y, out=y)
        y += 1
        y *= x
        y *= 0.5

    return _blockwise(block, x)


def _sigmoid_into(x: Array, y: Array) -> None:
    np.negative(x, out=y)
    np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


@kernel
def sigmoid(x: Array) -> Array:
    return _blockwise(_sigmoid_into, x)


@kernel
def silu(x: Array) -> Array:
    def block(x: Array, y: Array) -> None:
        _sigmoid_into(x, y)
        y *= x

    return _blockwise(block, x)


@kernel
def relu(x: Array) -> Array:
    return np.maximum(x, 0)


@kernel
def clip(x: Array, *, bounds: Sequence[float]) -> Array:
    return np.clip(x, bounds[0], bounds[1])


@kernel
def leaky_relu(x: Array, *, alpha: float) -> Array:
    return np.where(x < 0, x * alpha, x)


@kernel
def elu(x: Array, *, alpha: float) -> Array:
    return np.where(x < 0, np.expm1(x) * alpha, x)


@kernel
def selu(x: Array, *, alpha: float, gamma: float) -> Array:
    return np.where(x > 0, x, np.expm1(x) * alpha) * gamma


@kernel
def hard_sigmoid(x: Array, *, alpha: float, beta: float) -> Array:
    y = x * alpha
    y += beta
    return np.clip(y, 0, 1)


@kernel
def hard_swish(x: Array) -> Array:
    y = x + 3
    y = np.clip(y, 0, 6)
    y *= x
    return y / 6


@kernel
def softplus(x: Array) -> Array:
    return np.logaddexp(x, x.dtype.type(0))


@kernel
def mish(x: Array) -> Array:
    return x * np.tanh(np.logaddexp(x, x.dtype.type(0)))


@kernel
def tanh(x: Array) -> Array:
    return np.tanh(x)


@kernel
def exp(x: Array) -> Array:
    return np.exp(x)


@kernel
def log(x: Array) -> Array:
    return np.log(x)


@kernel
def sqrt(x: Array) -> Array:
    return np.sqrt(x)


@kernel
def rsqrt(x: Array) -> Array:
    return np.reciprocal(np.sqrt(x))


@kernel
def reciprocal(x: Array) -> Array:
    return np.reciprocal(x)


@kernel
def neg(x: Array) -> Array:
    return np.negative(x)


@kernel
def abs_(x: Array) -> Array:
    return np.abs(x)


@kernel
def sign(x: Array) -> Array:
    return np.sign(x)


@kernel
def floor(x: Array) -> Array:
    return np.floor(x)


@kernel
def ceil(x: Array) -> Array:
    return np.ceil(x)


@kernel
def round_(x: Array) -> Array:
    return np.rint(x)


@kernel
def sin(x: Array) -> Array:
    return np.sin(x)


@kernel
def cos(x: Array) -> Array:
    return np.cos(x)


@kernel
def tan(x: Array) -> Array:
    return np.tan(x)


@kernel
def asin(x: Array) -> Array:
    return np.arcsin(x)


@kernel
def acos(x: Array) -> Array:
    return np.arccos(x)


@kernel
def atan(x: Array) -> Array:
    return np.arctan(x)


@kernel
def sinh(x: Array) -> Array:
    return np.sinh(x)


@kernel
def cosh(x: Array) -> Array:
    return np.cosh(x)


@kernel
def asinh(x: Array) -> Array:
    return np.arcsinh(x)


@kernel
def acosh(x: Array) -> Array:
    return np.arccosh(x)


@kernel
def atanh(x: Array) -> Array:
    return np.arctanh(x)


@kernel
def isnan(x: Array) -> Array:
    return np.isnan(x)


@kernel
def isinf(x: Array, *, negative: bool, positive: bool) -> Array:
    return (np.isposinf(x) & positive) | (np.isneginf(x) & negative)


@kernel
def not_(x: Array) -> Array:
    return np.invert(x)
