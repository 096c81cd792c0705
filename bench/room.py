"""Room that buffers take, next to what is live at once: no placement takes less."""

from collections.abc import Iterator

from aic.compiler import lower
from aic.memory_use import memory_use
from aic.options import options_from_keywords
from bench.measurement import Measurement
from bench.networks import Network

_LARGEST = 1.05
_KIB = 1024


def measure_room(network: Network) -> Iterator[Measurement]:
    """VTCM on several numbers of cores, and DDR's scratch where there is any."""
    for cores in (1, 14, 16):
        options = options_from_keywords(model=network.path, aic_num_cores=cores, convert_to_fp16=True)
        use = memory_use(lower(options, "schedule"))
        for name, room in (("VTCM", use.vtcm), ("DDR scratch", use.ddr_scratch)):
            if room.demand:
                what = f"{name} of {network.name}, {cores} {'core' if cores == 1 else 'cores'}"
                yield Measurement(what, room.taken / _KIB, "KiB", "live at once", room.demand / _KIB, _LARGEST)
