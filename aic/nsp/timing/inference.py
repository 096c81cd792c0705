"""One inference of a plan on its cores: what it has done, and what it waits for."""

from aic.nsp.timing.core import CoreQueues
from aic.nsp.timing.records import Arriving, Moves, Plan, Work
from aic.nsp.timing.signals import SignalBoard
from aic.nsp.timing.timeline import Interval


class Inference:
    """The state of one inference. Cores are numbered as in the plan; core 0 is core `first` of the SoC."""

    def __init__(self, plan: Plan, first: int, number: int, begin: float, signal_latency: float) -> None:
        self.plan = plan
        self.first = first
        self.number = number
        """How many inferences of the same program came before."""
        self.begin = begin
        self.cores = [CoreQueues() for _ in range(plan.cores)]
        self.signals = SignalBoard(plan, signal_latency)
        self.parts_left = _parts(plan)
        """Per step and core, how many things must yet happen for it to be complete there."""
        self.open = len(plan.steps) * plan.cores
        """Steps that are not complete, counted on each core."""
        self.first_byte: dict[tuple[int, int], float] = {}
        """When the first byte of a core's transfer of a step moved."""
        self.intervals: list[Interval] = []


def _parts(plan: Plan) -> list[list[int]]:
    """For each step and core: its start, for transfers; its end, for kernels; each of its flows; and the arrival of
    what another core or another part of the network sends.
    """
    counts: dict[int, list[int]] = {}
    return [list(counts.get(id(s.work)) or counts.setdefault(id(s.work), _counted(plan, s.work))) for s in plan.steps]


def _counted(plan: Plan, work: Work) -> list[int]:
    counts = [1] * plan.cores
    if isinstance(work, Arriving):
        counts[0] += 1
    if isinstance(work, Moves):
        for core in range(plan.cores):
            counts[core] += len(work.flows[core])
            for receiver in work.receivers[core]:
                counts[receiver] += 1
    return counts
