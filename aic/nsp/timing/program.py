"""A plan as the engine looks it up while it runs: by the numbers of its steps, each thing in a list of its own."""

from collections.abc import Sequence
from enum import Enum, auto

from aic.nsp.timing.core import QUEUES
from aic.nsp.timing.prices import Price
from aic.nsp.timing.records import Arriving, Moves, Plan, Queue, Sending, Work
from aic.nsp.timing.signals import Counting


class Kind(Enum):
    """What starting a step sets off."""

    WORK = auto()
    """A kernel or a fill; nothing where that takes no time."""
    MOVES = auto()
    SENDS = auto()
    RECEIVES = auto()

    __hash__ = object.__hash__


class Program:
    """A plan with its prices."""

    def __init__(self, plan: Plan, prices: Sequence[Sequence[Price]]) -> None:
        self.plan, self.prices, self.cores = plan, prices, plan.cores
        self.order: dict[Queue, list[int]] = {queue: [] for queue in QUEUES}
        """The steps of each queue, in their order."""
        for index, step in enumerate(plan.steps):
            self.order[step.instruction.queue].append(index)
        self.works = [step.work for step in plan.steps]
        self.kinds = [_kind(work) for work in self.works]
        self.operations = [step.instruction.operation for step in plan.steps]
        self.counting = Counting(plan)
        self.parts = _parts(plan)


def _kind(work: Work) -> Kind:
    match work:
        case Moves():
            return Kind.MOVES
        case Sending():
            return Kind.SENDS
        case Arriving():
            return Kind.RECEIVES
        case _:
            return Kind.WORK


def _parts(plan: Plan) -> list[int]:
    """For each step, on core after core, what must happen for it to be complete there: its start, for transfers; its
    end, for kernels; each of its flows; and the arrival of what another core or another part of the network sends.
    """
    counts: dict[int, list[int]] = {}
    found: list[int] = []
    for step in plan.steps:
        found += counts.get(id(step.work)) or counts.setdefault(id(step.work), _counted(plan, step.work))
    return found


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
