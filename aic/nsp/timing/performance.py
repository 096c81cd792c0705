"""What a card achieves with a program: latency and throughput with the host's transfers, and how far to trust them.

Latency: inputs pass PCIe into DDR, the program runs, outputs pass PCIe back; nothing overlaps. Throughput: with
inferences queued, the inputs of the next one and the outputs of the last one pass PCIe (full duplex) while the program
runs; the slowest of program, PCIe in each direction, and DDR with all bytes of both sets the pace. The transfers of one
direction follow one another; each but the first adds the time of its request, which the figures of PCIe, measured with
one transfer, do not have.

Instances of the program, each on cores of its own, share DDR and PCIe. Their first inputs arrive one after the other:
they work at different places of the program. What is measured of each is an inference during which all others are at
work. The clock follows the load of all.

Share on assumed numbers: the part of the device time that goes away when every number of the grade `assumed` is ideal,
all at once: times zero, rates without limit. What runs in the shade of something published counts as published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aic.nsp.timing.clock import under_load
from aic.nsp.timing.engine import simulate_instances
from aic.nsp.timing.records import Plan
from aic.nsp.timing.timeline import Timeline
from dialects.hardware import Hardware


@dataclass(frozen=True, slots=True)
class Pcie:
    """The host link of a card, full duplex."""

    bytes_per_second: float
    latency_seconds: float
    request_seconds: float

    @staticmethod
    def of(hardware: Hardware) -> "Pcie":
        """Host link of one SoC."""
        return Pcie(hardware.pcie_bytes_per_second, hardware.pcie_latency_seconds, hardware.pcie_request_seconds)

    def transfers(self, sizes: Sequence[int]) -> tuple["HostTransfer", ...]:
        """Transfers of so many bytes each, one after the other."""
        waits = [self.latency_seconds, *[self.request_seconds] * len(sizes)]
        return tuple(
            HostTransfer(size, wait + size / self.bytes_per_second) for size, wait in zip(sizes, waits, strict=False)
        )

    def stream_seconds(self, sizes: Sequence[int]) -> float:
        """Time for which transfers of so many bytes each occupy one direction."""
        return sum(sizes) / self.bytes_per_second + max(len(sizes) - 1, 0) * self.request_seconds


class HostTransfer(NamedTuple):
    """A transfer between host and card: its bytes, and the time that it takes after the one before it."""

    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Performance:
    """Modelled performance of a program, of which one instance or several run. `pace` names what inferences wait for.

    `timelines`: an inference of each instance. `period_seconds`: between the ends of any two inferences of the card.
    """

    timelines: tuple[Timeline, ...]
    inputs: tuple[HostTransfer, ...]
    outputs: tuple[HostTransfer, ...]
    period_seconds: float
    pace: str
    assumed_share: float

    @property
    def timeline(self) -> Timeline:
        """An inference of the first instance."""
        return self.timelines[0]

    @property
    def instances(self) -> int:
        """How many of the network are at work."""
        return len(self.timelines)

    @property
    def program_cycles(self) -> float:
        """Cycles of an inference on the cores, the mean of the instances."""
        return sum(timeline.cycles for timeline in self.timelines) / len(self.timelines)

    @property
    def program_seconds(self) -> float:
        """The same in seconds."""
        return self.program_cycles / self.timeline.hardware.core_clock_hertz

    @property
    def input_seconds(self) -> float:
        """From the host's request to the arrival of the last input."""
        return sum(transfer.seconds for transfer in self.inputs)

    @property
    def output_seconds(self) -> float:
        """From the end of the program to the arrival of the last output."""
        return sum(transfer.seconds for transfer in self.outputs)

    @property
    def latency_seconds(self) -> float:
        """From the host's request to the arrival of the outputs, PCIe free."""
        return self.input_seconds + self.program_seconds + self.output_seconds

    @property
    def inferences_per_second(self) -> float:
        """Steady state, inferences queued. An inference is one run of the program, whatever its batch."""
        return 1 / self.period_seconds if self.period_seconds else 0.0


def measure(plan: Plan, hardware: Hardware, instances: int = 1) -> Performance:
    """Simulates instances of a plan at the highest clock, at that under the load found, and there without the assumed
    numbers.

    Raises AicError like `simulate_instances`.
    """
    pcie = Pcie.of(hardware)
    loaded = under_load(hardware, _simulated(plan, hardware, pcie, instances))
    timelines = _simulated(plan, loaded, pcie, instances)
    ideal = _simulated(plan, loaded.without_assumed(), pcie, instances)
    cycles, least = (sum(timeline.cycles for timeline in each) for each in (timelines, ideal))
    paces = _paces(timelines, pcie)
    pace = max(paces, key=lambda name: paces[name])
    return Performance(
        timelines,
        pcie.transfers(plan.from_host),
        pcie.transfers(plan.to_host),
        paces[pace],
        pace,
        max(0.0, 1 - least / cycles) if cycles else 0.0,
    )


def _simulated(plan: Plan, hardware: Hardware, pcie: Pcie, instances: int) -> tuple[Timeline, ...]:
    between = pcie.stream_seconds(plan.from_host) * hardware.core_clock_hertz
    return simulate_instances(plan, hardware, [instance * between for instance in range(instances)])


def _paces(timelines: Sequence[Timeline], pcie: Pcie) -> dict[str, float]:
    """Seconds per inference that each part of the card could keep up with."""
    timeline = timelines[0]
    plan = timeline.plan
    ddr_bytes = timeline.ddr_read_bytes + timeline.ddr_write_bytes + sum(plan.from_host) + sum(plan.to_host)
    return {
        "program": _together([timeline.seconds for timeline in timelines]),
        "PCIe in": pcie.stream_seconds(plan.from_host),
        "PCIe out": pcie.stream_seconds(plan.to_host),
        "DDR": ddr_bytes / timeline.hardware.ddr_bytes_per_second,
    }


def _together(seconds: Sequence[float]) -> float:
    """Seconds per inference of instances that take so long for one each."""
    return 1 / sum(1 / each for each in seconds) if all(seconds) else 0.0
