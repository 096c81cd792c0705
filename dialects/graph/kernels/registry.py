"""The registry of kernels by the name of their op."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Kernel: TypeAlias = Callable[..., Array]

KERNELS: dict[str, Kernel] = {}
"""Kernel by the name of its op: without the dialect for ops of `graph`, with it for others."""


def kernel(function: Kernel) -> Kernel:
    """Registers a kernel of the graph dialect under its function's name (a trailing underscore, used where Python has
    the name, is dropped).

    Kernels run without floating-point warnings: infinities and NaN are values here.
    """
    return _registered(function, function.__name__.removesuffix("_"))


def kernel_of(dialect: str) -> Callable[[Kernel], Kernel]:
    """The same for another dialect, whose name stands before that of the kernel."""
    return lambda function: _registered(function, f"{dialect}.{function.__name__.removesuffix('_')}")


def _registered(function: Kernel, name: str) -> Kernel:
    if name in KERNELS:
        raise ValueError(f"two kernels named {name}")

    @wraps(function)
    def quiet(*operands: Array, **arguments: object) -> Array:
        with np.errstate(all="ignore"):
            return function(*operands, **arguments)

    KERNELS[name] = quiet
    return quiet
