"""What each step of a plan costs each core in cycles: the formulas of kernels, applied to the plan's shapes."""

from typing import NamedTuple

from aic.nsp.timing.records import (
    Arriving,
    Idle,
    Instruction,
    Kernel,
    Moves,
    Padding,
    Plan,
    Sending,
    Shapes,
    Step,
)
from dialects.costs import cost
from dialects.element_types import element_bytes
from dialects.hardware import Hardware


class Price(NamedTuple):
    """Cycles for which a step holds its queue, and the units HMX and HVX from its start; multiply-accumulates done."""

    queue: float
    hmx: float = 0.0
    hvx: float = 0.0
    macs: int = 0


FREE = Price(0.0)


class PriceList:
    """Prices of the steps of plans for a number of cores on one kind of hardware."""

    def __init__(self, hardware: Hardware, cores: int) -> None:
        self._hardware = hardware
        self._cores = cores
        self._kernels: dict[tuple[int, Shapes], tuple[Instruction, Price]] = {}

    def prices(self, plan: Plan) -> list[list[Price]]:
        """Price of each step on each core. Raises AicError for a kernel without a cost formula, naming its node."""
        priced: dict[int, list[Price]] = {}
        return [priced.get(id(step.work)) or priced.setdefault(id(step.work), self._of(step)) for step in plan.steps]

    def _of(self, step: Step) -> list[Price]:
        match step.work:
            case Moves() as moves:
                return [Price(count * self._hardware.dma_issue_cycles) for count in moves.descriptors]
            case Padding() as padding:
                return [self._filling(step.instruction, count) for count in padding.elements]
            case Sending() | Arriving():
                return [Price(self._hardware.dma_issue_cycles), *[FREE] * (self._cores - 1)]
            case Idle():
                return [FREE] * self._cores
            case Kernel() as kernel:
                known = [self._kernel(step.instruction, shapes) for shapes in kernel.shapes]
                return [known[k] if k >= 0 else FREE for k in kernel.which]

    def _filling(self, instruction: Instruction, elements: int) -> Price:
        if elements == 0:
            return FREE
        hardware = self._hardware
        vectors = -(-elements * element_bytes(instruction.element) // hardware.hvx_vector_bytes)
        cycles = hardware.hvx_start_cycles + vectors * hardware.hvx_cycles_per_vector.access
        return Price(cycles, hvx=cycles)

    def _kernel(self, instruction: Instruction, shapes: Shapes) -> Price:
        key = (id(instruction), shapes)
        known = self._kernels.get(key)
        if known is None:
            known = self._kernels[key] = (instruction, self._computed(instruction, shapes))
        return known[1]

    def _computed(self, instruction: Instruction, shapes: Shapes) -> Price:
        found = cost(
            instruction.operation, instruction.arguments, shapes[:-1], shapes[-1], instruction.element, self._hardware
        )
        if found.engine == "hvx":
            return Price(found.cycles, hvx=found.cycles, macs=found.macs)
        return Price(found.cycles, hmx=found.cycles, hvx=found.hvx_cycles, macs=found.macs)
