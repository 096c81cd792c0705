"""The runs of a program as the queues of engines see them."""

from dialects.tile.instructions import InstructionOp
from dialects.tile.senders import multicast_senders
from dialects.tile.transfers import MulticastOp
from passes.checking.order import Need, Step
from passes.checking.program import Program


def steps_of(program: Program) -> list[Step]:
    """One step per run, in the order of the text."""
    senders: dict[int, tuple[int, ...]] = {}
    for issued in program.issued:
        if isinstance(issued.op, MulticastOp):
            found = multicast_senders(program.bounds(issued.op.box.data, issued.iterations)).tolist()
            for row, run in enumerate(issued.runs.tolist()):
                senders[run] = tuple(found[row if len(found) > 1 else 0])
    numbers: dict[InstructionOp, int] = {}
    steps: list[Step] = []
    for place, (op, at, _) in enumerate(program.runs):
        needs = tuple(Need(w.signal, count, w.everywhere) for w in op.waited if (count := w.count.at(at)) > 0)
        signal = None if op.signal is None else op.signal.value.data
        number = numbers.setdefault(op, len(numbers))
        steps.append(Step(number, op.engine, op.is_asynchronous, signal, needs, senders.get(place)))
    return steps
