"""What a card achieves with a program: latency and throughput with the host's transfers, and how far to trust them.

Latency: inputs pass PCIe into DDR, the program runs, outputs pass PCIe back; nothing overlaps. Throughput: with
inferences queued, the inputs of the next one and the outputs of the last one pass PCIe (full duplex) while the program
runs; the slowest of program, PCIe in each direction, and DDR with all bytes of both sets the pace.

Share on assumed numbers: the part of the device time that goes away when every number of the grade `assumed` is ideal,
all at once: times zero, rates without limit. What runs in the shade of something published counts as published.
"""

from dataclasses import dataclass

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

    @staticmethod
    def of(hardware: Hardware) -> "Pcie":
        """Host link of one SoC."""
        return Pcie(hardware.pcie_bytes_per_second, hardware.pcie_latency_seconds)

    def stream_seconds(self, amount: int) -> float:
        """Time that so many bytes occupy one direction."""
        return amount / self.bytes_per_second

    def transfer_seconds(self, amount: int) -> float:
        """Time from request to arrival of so many bytes; nothing to send takes no time."""
        return self.latency_seconds + self.stream_seconds(amount) if amount else 0.0


@dataclass(frozen=True, slots=True)
class Performance:
    """Modelled performance of one activation of a program. `pace` names what each inference is waiting for."""

    timeline: Timeline
    input_seconds: float
    output_seconds: float
    period_seconds: float
    pace: str
    assumed_share: float

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
        pcie.transfer_seconds(plan.input_bytes),
        pcie.transfer_seconds(plan.output_bytes),
        paces[pace],
        pace,
        max(0.0, 1 - ideal.cycles / timeline.cycles) if timeline.cycles else 0.0,
    )


def _paces(timeline: Timeline, pcie: Pcie) -> dict[str, float]:
    """Seconds per inference that each part of the card could keep up with."""
    plan = timeline.plan
    ddr_bytes = timeline.ddr_read_bytes + timeline.ddr_write_bytes + plan.input_bytes + plan.output_bytes
    return {
        "program": timeline.seconds,
        "PCIe in": pcie.stream_seconds(plan.input_bytes),
        "PCIe out": pcie.stream_seconds(plan.output_bytes),
        "DDR": ddr_bytes / timeline.hardware.ddr_bytes_per_second,
    }
