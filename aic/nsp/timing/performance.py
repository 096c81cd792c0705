"""What a card achieves with a program: latency and throughput with the host's transfers, and how far to trust them.

Latency: inputs pass PCIe into DDR, the program runs, outputs pass PCIe back; nothing overlaps. Throughput: with
inferences queued, the inputs of the next one and the outputs of the last one pass PCIe (full duplex) while the program
runs; the slowest of program, PCIe in each direction, and DDR with all bytes of both sets the pace. The transfers of one
direction follow one another; each but the first adds the time of its request, which the figures of PCIe, measured with
one transfer, do not have.

Share on assumed numbers: the part of the device time that goes away when every number of the grade `assumed` is ideal,
all at once: times zero, rates without limit. What runs in the shade of something published counts as published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aic.nsp.timing.clock import under_load
from aic.nsp.timing.engine import simulate
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
    """Modelled performance of one activation of a program. `pace` names what each inference is waiting for."""

    timeline: Timeline
    inputs: tuple[HostTransfer, ...]
    outputs: tuple[HostTransfer, ...]
    period_seconds: float
    pace: str
    assumed_share: float

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
        """From the host's request to the arrival of the outputs, one inference alone."""
        return self.input_seconds + self.timeline.seconds + self.output_seconds

    @property
    def inferences_per_second(self) -> float:
        """Steady state, inferences queued. An inference is one run of the program, whatever its batch."""
        return 1 / self.period_seconds if self.period_seconds else 0.0


def measure(plan: Plan, hardware: Hardware) -> Performance:
    """Simulates a plan at the highest clock, at that under the load found, and there without the assumed numbers.

    Raises AicError like `simulate`.
    """
    loaded = under_load(hardware, simulate(plan, hardware))
    timeline = simulate(plan, loaded)
    ideal = simulate(plan, loaded.without_assumed())
    pcie = Pcie.of(hardware)
    paces = _paces(timeline, pcie)
    pace = max(paces, key=lambda name: paces[name])
    return Performance(
        timeline,
        pcie.transfers(plan.from_host),
        pcie.transfers(plan.to_host),
        paces[pace],
        pace,
        max(0.0, 1 - ideal.cycles / timeline.cycles) if timeline.cycles else 0.0,
    )


def _paces(timeline: Timeline, pcie: Pcie) -> dict[str, float]:
    """Seconds per inference that each part of the card could keep up with."""
    plan = timeline.plan
    ddr_bytes = timeline.ddr_read_bytes + timeline.ddr_write_bytes + sum(plan.from_host) + sum(plan.to_host)
    return {
        "program": timeline.seconds,
        "PCIe in": pcie.stream_seconds(plan.from_host),
        "PCIe out": pcie.stream_seconds(plan.to_host),
        "DDR": ddr_bytes / timeline.hardware.ddr_bytes_per_second,
    }
