"""Events of a Chrome/Perfetto trace, of which the traces of programs and networks are made. Times are microseconds
there, and seconds here.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import TypeAlias

from aic.nsp.report import bytes_written
from aic.nsp.timing.fabric import Sample
from aic.nsp.timing.performance import HostTransfer
from aic.nsp.timing.records import Kernel, Moves, Shape, Step
from aic.nsp.timing.timeline import Interval, Timeline, Unit

TraceEvent: TypeAlias = dict[str, object]

HOST = 0
"""Process id of the host."""
ROWS: dict[Unit, int] = {"hvx": 0, "hmx": 4, "dma": 5}
"""Thread ids, as in the vendor's traces: 0 to 3 HVX, 4 HMX, 5 DMA."""
_MICRO = 1e6


def metadata(kind: str, pid: int, args: dict[str, object], tid: int = 0) -> TraceEvent:
    """What a process or one of its rows is called, or where it stands."""
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": args}


def process(pid: int, name: str) -> Iterator[TraceEvent]:
    """Name and place of a process: they stand in the order of their ids."""
    yield metadata("process_name", pid, {"name": name})
    yield metadata("process_sort_index", pid, {"sort_index": pid})


def nsp(pid: int, name: str) -> Iterator[TraceEvent]:
    """The same of an NSP, and of the rows that every one has."""
    yield from process(pid, name)
    for unit, row in ROWS.items():
        yield metadata("thread_name", pid, {"name": unit.upper()}, row)


def slice_of(name: str, pid: int, tid: int, start: float, seconds: float, args: dict[str, object]) -> TraceEvent:
    """A complete event."""
    return {
        "ph": "X",
        "cat": "aic",
        "name": name,
        "pid": pid,
        "tid": tid,
        "ts": round(start * _MICRO, 6),
        "dur": round(seconds * _MICRO, 6),
        "args": args,
    }


def host_slices(name: str, start: float, transfers: Sequence[HostTransfer]) -> Iterator[TraceEvent]:
    """Transfers between host and card, one after the other."""
    for transfer in transfers:
        yield slice_of(name, HOST, 0, start, transfer.seconds, {"bytes": transfer.bytes})
        start += transfer.seconds


def slices_of(timeline: Timeline, begin: float, first_pid: int) -> Iterator[TraceEvent]:
    """What the units of a program's cores do in an inference that begins then; core 0 is process `first_pid`."""
    clock = timeline.hardware.core_clock_hertz
    lanes = [Lanes() for _ in range(timeline.plan.cores)]
    for interval in sorted(timeline.intervals, key=lambda i: (i.start, i.core, i.unit, i.step)):
        row, pid = ROWS[interval.unit], first_pid + interval.core
        if interval.unit == "dma":
            lane, new = lanes[interval.core].take(interval.start, interval.end)
            row += lane
            if new and lane:
                yield metadata("thread_name", pid, {"name": f"DMA {lane + 1}"}, row)
        step = timeline.plan.steps[interval.step]
        name = step.instruction.node or step.instruction.operation
        length = (interval.end - interval.start) / clock
        yield slice_of(name, pid, row, begin + interval.start / clock, length, _arguments(step, interval))


class Lanes:
    """Rows of one core's transfers: each takes the first row that is free."""

    def __init__(self) -> None:
        self._busy: list[tuple[float, int]] = []
        self._free: list[int] = []
        self._count = 0

    def take(self, start: float, end: float) -> tuple[int, bool]:
        """Row for a transfer (starts never decrease), and whether it is a new one."""
        while self._busy and self._busy[0][0] <= start:
            heappush(self._free, heappop(self._busy)[1])
        new = not self._free
        lane = self._count if new else heappop(self._free)
        self._count += new
        heappush(self._busy, (end, lane))
        return lane, new


def _arguments(step: Step, interval: Interval) -> dict[str, object]:
    args: dict[str, object] = {
        "operation": step.instruction.operation,
        "bytes": bytes_written(step, interval.core),
        "cycles": round(interval.end - interval.start, 1),
    }
    if step.iteration:
        args["iteration"] = list(step.iteration)
    match step.work:
        case Kernel() as kernel:
            args["shapes"] = [_shape(shape) for shape in kernel.shapes[kernel.which[interval.core]]]
        case Moves() as moves:
            args["links"] = sorted({use.kind for flow in moves.flows[interval.core] for use in flow.uses})
        case _:
            pass
    return args


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"


def ddr_rates(samples: Sequence[Sample], pid: int, clock: float, begin: float) -> Iterator[TraceEvent]:
    """The rate at which DDR carries transfers, wherever it changes; cycle 0 of the samples is at `begin`."""
    for sample in samples:
        time = begin + sample.time / clock
        if time < 0:
            continue
        rate = sample.bytes_per_cycle * clock / 1e9
        yield {
            "ph": "C",
            "name": "DDR GB/s",
            "pid": pid,
            "tid": 0,
            "ts": round(time * _MICRO, 6),
            "args": {"GB/s": round(rate, 3)},
        }
