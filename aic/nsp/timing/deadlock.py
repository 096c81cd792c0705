"""What a program that never ends waits for."""

from collections.abc import Sequence
from math import inf

from aic.nsp.timing.core import CoreQueue
from aic.nsp.timing.inference import Inference
from aic.nsp.timing.mail import Mail
from aic.nsp.timing.records import Need
from aic.nsp.timing.station import Station


def told_deadlock(stations: Sequence[Station], mail: Mail) -> str:
    """The first queue that waits, and what for."""
    for station in stations:
        for queue in station.queues if station.inference is not None else ():
            if station.inference is not None and queue.position < len(queue.order):
                return f"timing: deadlock: {_waiting(station, station.inference, queue)}"
    return f"timing: deadlock: nobody sends on {mail.awaited()}"


def _waiting(station: Station, inference: Inference, queue: CoreQueue) -> str:
    step = queue.order[queue.position]
    record, waits = station.seat.plan.steps[step], station.program.counting.waits[step]
    needs = zip(record.needs, waits, strict=True)
    unmet = [need for need, wait in needs if inference.signals.holds_since(wait, queue) == inf]
    told = ", ".join(map(_need_text, unmet))
    name = f"{record.instruction.operation} ({record.instruction.node or 'no node'})"
    return f"core {queue.own}, queue {queue.name}: {name}, step {step}, waits forever for {told}"


def _need_text(need: Need) -> str:
    where = "every core" if need.everywhere else "this core"
    return f"signal {need.signal} ({need.least} completions on {where})"
