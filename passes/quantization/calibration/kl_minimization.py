"""KLMinimization: the range whose distribution diverges least, by Glow's `optimizeKL`.

Where Glow's ranges are known to be bad, this one differs:

- The zeros of a ReLU, all in the first bin, look unlike anything that a group of bins can show, so ranges shrank until
  a group was one bin, and large values saturated. Here that bin counts no more than the next one, as in NVIDIA's
  pytorch-quantization; zero is exact in any range (`Histogram.without_zeros`).
- A window without values was the best of all: all of U(5, 10) saturated in a symmetric range. Here its divergence is
  infinite (`divergence.py`).
- A range that had shrunk past zero was moved to zero by the offset, and its far end was lost. Here it is extended to
  zero (`calibrated_range`).

Left as it is: Q does not know of values that saturate, and the number of bins in a group is rounded down. So with 512
bins few ranges can be told apart, and 2048 are better; and heavy tails are cut off more than the mean of squares likes.
"""

from passes.quantization.calibration.divergence import GROUPS
from passes.quantization.calibration.shrinking import Minimization
from passes.quantization.histogram import Counts, Histogram
from passes.quantization.schemas import Schema


def kl_range(histogram: Histogram, schema: Schema, bits: int) -> tuple[float, float]:
    """The range that diverges least. It may lie beside zero. The histogram has different values."""
    return _MINIMIZATION.best_range(histogram, schema, bits)


def _whole_groups(sizes: Counts, groups: Counts) -> Counts:
    """All of as many bins, the last one of all that is left."""
    return groups * (sizes // GROUPS)


_MINIMIZATION = Minimization(_whole_groups, fills_ends=True, keeps_zero=False)
