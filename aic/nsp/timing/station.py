"""A plan on the cores that it runs on, and what it has made there."""

from dataclasses import dataclass

from aic.nsp.timing.core import QUEUES, Core, CoreQueue
from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.inference import Inference
from aic.nsp.timing.program import Program
from aic.nsp.timing.records import PORTS, LinkKind, Plan
from aic.nsp.timing.timeline import Interval, Timeline, traffic
from dialects.hardware import Hardware


@dataclass(frozen=True)
class Seat:
    """A plan and the cores that it runs on: from core `first` on, of the SoC that is device `soc` of the host. `name`
    is that of the part whose plan it is.
    """

    plan: Plan
    first: int = 0
    soc: int = 0
    name: str = ""


class Station:
    """A seat at work. Its cores are numbered as in the plan; core 0 is core `first` of the system. `soc` is the number
    of its SoC among those at work.
    """

    def __init__(self, number: int, seat: Seat, soc: int, program: Program, hardware: Hardware) -> None:
        self.number, self.seat, self.soc, self.program, self.hardware = number, seat, soc, program, hardware
        self.first = soc * hardware.cores + seat.first
        self.cores = [Core() for _ in range(program.cores)]
        self.queues = [
            CoreQueue(number, own, name, program.order[name], core)
            for own, core in enumerate(self.cores)
            for name in QUEUES
        ]
        self.inference: Inference | None = None
        """The one that is being made."""
        self.made: list[Timeline] = []

    def begin(self, now: float) -> None:
        """The next inference begins."""
        self.inference = Inference(self.program, len(self.made), now, self.hardware.signal_latency_cycles)
        for each in (*self.cores, *self.queues):
            each.restart()

    def end(self, now: float, fabric: Fabric) -> None:
        """The inference has been made."""
        inference = self.inference
        assert inference is not None
        begin = inference.begin
        self.inference = None
        self.made.append(
            Timeline(
                self.seat.plan,
                self.hardware,
                self.program.prices,
                begin,
                now - begin,
                [Interval(core, unit, step, a - begin, b - begin) for core, unit, step, a, b in inference.intervals],
                self.made[0].links if self.made else traffic(self.seat.plan, self._rates(fabric)),
                fabric.ddr_samples[self.soc],
                [core.issue for core in self.cores],
            )
        )

    def _rates(self, fabric: Fabric) -> dict[tuple[LinkKind, int], float]:
        """Rates of the links that the cores have, cores by their own numbers."""
        links = fabric.links
        rates: dict[tuple[LinkKind, int], float] = {
            (kind, core): links[kind, self.first + core].bytes_per_cycle
            for kind in PORTS
            for core in range(self.program.cores)
        }
        rates["ddr", 0] = links["ddr", self.soc].bytes_per_cycle
        return rates
