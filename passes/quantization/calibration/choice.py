"""Which range of a tensor's values is worth covering with few integers. Values outside saturate.

Each method is a file of this package. All work on a histogram of what the tensor was on representative inputs.
"""

from enum import Enum
from math import inf

from passes.quantization.calibration.kl_minimization import kl_range
from passes.quantization.calibration.kl_minimization_v2 import kl_v2_range
from passes.quantization.calibration.mse import mse_range
from passes.quantization.calibration.percentile import percentile_range
from passes.quantization.calibration.sqnr import sqnr_range
from passes.quantization.histogram import Histogram
from passes.quantization.schemas import Schema


class Calibration(Enum):
    """How to choose the range of a tensor. The values are those of the option."""

    NONE = "None"
    KL_MINIMIZATION = "KLMinimization"
    KL_MINIMIZATION_V2 = "KLMinimizationV2"
    PERCENTILE = "Percentile"
    MSE = "MSE"
    SQNR = "SQNR"


_METHODS = {
    Calibration.KL_MINIMIZATION: kl_range,
    Calibration.KL_MINIMIZATION_V2: kl_v2_range,
    Calibration.MSE: mse_range,
    Calibration.SQNR: sqnr_range,
}
"""Those that weigh rounding against saturation. The rounding of more than 8 bits is finer than bins can show."""


def calibrated_range(
    histogram: Histogram, calibration: Calibration, schema: Schema, bits: int, percentile: float
) -> tuple[float, float]:
    """The range to choose parameters for. Zero is in it, and it lies within the range of all values and zero.

    It is all of that without calibration, where no two values are known to differ, where one is infinite, and with more
    than 8 bits except for percentiles. `percentile`, above 50 and at most 100, is for that method only.
    """
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    if calibration is Calibration.NONE or not 0 < histogram.high - histogram.low < inf or not histogram.total:
        return low, high
    if calibration is Calibration.PERCENTILE:
        begin, end = percentile_range(histogram, percentile)
    elif bits == 8:
        begin, end = _METHODS[calibration](histogram, schema, bits)
    else:
        return low, high
    return min(max(begin, low), 0.0), max(min(end, high), 0.0)
