"""KLMinimizationV2: the range whose distribution diverges least, by AIMET's `EntropyEncodingAnalyzer`.

It differs from KLMinimization in three things. Bins are dealt out to groups evenly, so that the last group is no larger
than others. Q is empty where the histogram is, also at the ends of a window. And a range that would lose zero at one
end shrinks at the other instead, so that none has to be extended afterwards.

The zeros of a ReLU, for which AIMET has no cure, are left out as for KLMinimization (`Histogram.without_zeros`). A
window without values, at which AIMET stops, has an infinite divergence, as have all within it (`divergence.py`).
"""

from passes.quantization.calibration.divergence import GROUPS
from passes.quantization.calibration.shrinking import Minimization
from passes.quantization.histogram import Counts, Histogram
from passes.quantization.schemas import Schema


def kl_v2_range(histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float]:
    """The range that diverges least. The histogram has different values."""
    return _MINIMIZATION.best_range(histogram, schema, bits)


def _even_groups(sizes: Counts, groups: Counts) -> Counts:
    """Group j begins with bin j size / 255, rounded up."""
    return -(-groups * sizes // GROUPS)


_MINIMIZATION = Minimization(_even_groups, fills_ends=False, keeps_zero=True)
