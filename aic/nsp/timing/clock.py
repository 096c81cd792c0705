"""The clock under load: multiply-accumulates cost power, and an SoC that does many of them runs slower.

The period grows linearly with the multiply-accumulates per cycle, averaged over all cores of the SoC, so that at the
rate of the published peak the clock is the one that the peak implies.
"""

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects.builtin import IntegerType

from aic.nsp.timing.timeline import Timeline
from dialects.hardware import Hardware


def under_load(hardware: Hardware, timelines: Sequence[Timeline]) -> Hardware:
    """The hardware at the clock that it has while programs run on one SoC as their timelines show."""
    each: dict[int, float] = {}
    for timeline in timelines:
        if id(timeline.plan) not in each:
            f16, i8 = _hmx_macs(timeline)
            growth = f16 * hardware.period_growth_per_f16_mac + i8 * hardware.period_growth_per_i8_mac
            each[id(timeline.plan)] = growth / hardware.cores
    growth = sum(each[id(timeline.plan)] / (timeline.cycles or 1.0) for timeline in timelines)
    return replace(hardware, core_clock_hertz=hardware.core_clock_hertz / (1 + growth))


def _hmx_macs(timeline: Timeline) -> tuple[int, int]:
    """Multiply-accumulates on HMX: of 16-bit operands, and of 8-bit ones."""
    f16, i8 = 0, 0
    for step, prices in zip(timeline.plan.steps, timeline.prices, strict=True):
        macs = sum(price.macs for price in prices if price.hmx)
        element = step.instruction.element
        if isinstance(element, IntegerType) and element.width.data == 8:
            i8 += macs
        else:
            f16 += macs
    return f16, i8
