"""The range without the least and the greatest values: of each a share of 100 % less the percentile is cut.

The rule is that of AIMET's `PercentileEncodingAnalyzer`, in whole bins: the range begins with the bin in which the
least value to keep lies, and ends where the bin begins in which the greatest to keep lies, but has one bin at least.
onnxruntime cuts half the share at each end.
"""

from fractions import Fraction
from math import ceil

import numpy as np

from passes.quantization.histogram import Histogram


def percentile_range(histogram: Histogram, percentile: float) -> tuple[float, float]:
    """The range for a percentile above 50; all values for 100. The histogram has different values."""
    assert 50 < percentile <= 100, "a percentile must be above 50 and at most 100"
    if percentile == 100:
        return histogram.low, histogram.high
    # In decimals as the user wrote them: 99.9 % of 1000 values are 999.
    share = Fraction(str(percentile)) / 100
    below = np.cumsum(histogram.counts)
    begin = np.searchsorted(below, ceil(histogram.total * (1 - share)))
    end = np.searchsorted(below, ceil(histogram.total * share))
    return float(histogram.edges[begin]), float(histogram.edges[max(end, begin + 1)])
