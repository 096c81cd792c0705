"""The least and greatest value of a type: where maxima and minima of nothing begin."""

import numpy as np


def lowest(dtype: np.dtype[np.generic]) -> float:
    """What loses against every value of the type in a maximum."""
    if dtype.kind == "f":
        return float("-inf")
    return False if dtype.kind == "b" else int(np.iinfo(dtype.str).min)


def highest(dtype: np.dtype[np.generic]) -> float:
    """What loses against every value of the type in a minimum."""
    if dtype.kind == "f":
        return float("inf")
    return True if dtype.kind == "b" else int(np.iinfo(dtype.str).max)
