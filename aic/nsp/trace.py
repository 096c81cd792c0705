"""A timeline as a Chrome/Perfetto trace: JSON of the trace event format, times in microseconds.

One process per NSP with rows for HVX, HMX and DMA; HOST_PROC with the network's inputs and outputs on their way over
PCIe; DDR with its rate as a counter. Time 0 is when the host starts to send the inputs. Transfers that overlap on one
core get further DMA rows, as slices of one row must nest.

Of several instances, each shows one inference with all others at work; the host's transfers are those of the one that
begins first.
"""

import json
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import TypeAlias

from aic.nsp.report import bytes_written
from aic.nsp.timing.performance import Performance
from aic.nsp.timing.pipeline import PipelinePerformance
from aic.nsp.timing.records import Kernel, Moves, Shape, Step
from aic.nsp.timing.timeline import Interval, Timeline, Unit
from dialects.errors import AicError
from dialects.files import written_aside

TraceEvent: TypeAlias = dict[str, object]

HOST = 0
"""Process id of the host; NSP c has c + 1, and DDR comes after the last."""
_ROWS: dict[Unit, int] = {"hvx": 0, "hmx": 4, "dma": 5}
"""Thread ids, as in the vendor's traces: 0 to 3 HVX, 4 HMX, 5 DMA."""
_MICRO = 1e6


def write_trace(performance: Performance | PipelinePerformance, path: Path) -> None:
    """Writes a trace. Raises AicError when the file cannot be written, and for a network in parts."""
    if isinstance(performance, PipelinePerformance):
        raise AicError(f"{path}: a trace shows one program; the network is in {len(performance.parts)} parts")
    with written_aside(path) as partial, partial.open("w") as file:
        json.dump(trace(performance), file, separators=(",", ":"))


def trace(performance: Performance) -> dict[str, object]:
    """A trace as the object that its JSON holds."""
    timeline = performance.timeline
    hardware = timeline.hardware
    other = {"sku": hardware.sku, "cores": _cores(performance), "clockHz": hardware.core_clock_hertz}
    events = [*_names(performance), *_host(performance), *_slices(performance), *_ddr(performance)]
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": other}


def _names(performance: Performance) -> Iterator[TraceEvent]:
    """Names of processes and of the rows that every NSP has."""
    cores = _cores(performance)
    names = ["HOST_PROC", *(f"NSP {core}" for core in range(cores)), "DDR"]
    for pid, name in enumerate(names):
        yield _metadata("process_name", pid, {"name": name})
        yield _metadata("process_sort_index", pid, {"sort_index": pid})
    yield _metadata("thread_name", HOST, {"name": "PCIe"})
    for core in range(cores):
        for unit, row in _ROWS.items():
            yield _metadata("thread_name", core + 1, {"name": unit.upper()}, row)


def _cores(performance: Performance) -> int:
    """Cores of all instances."""
    return sum(timeline.plan.cores for timeline in performance.timelines)


def _metadata(kind: str, pid: int, args: dict[str, object], tid: int = 0) -> TraceEvent:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": args}


def _slice(name: str, pid: int, tid: int, start: float, seconds: float, args: dict[str, object]) -> TraceEvent:
    """A complete event; `start` and `seconds` in seconds."""
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


def _host(performance: Performance) -> Iterator[TraceEvent]:
    device_end = performance.input_seconds + _first(performance).seconds
    for name, start, transfers in (("inputs", 0.0, performance.inputs), ("outputs", device_end, performance.outputs)):
        for transfer in transfers:
            yield _slice(name, HOST, 0, start, transfer.seconds, {"bytes": transfer.bytes})
            start += transfer.seconds


def _slices(performance: Performance) -> Iterator[TraceEvent]:
    """What the NSPs' units do, instance by instance in the order of time."""
    for instance, timeline in enumerate(performance.timelines):
        begin = performance.input_seconds + _since_first(performance, timeline.begin)
        yield from _slices_of(timeline, begin, 1 + instance * timeline.plan.cores)


def _first(performance: Performance) -> Timeline:
    """The inference that begins first."""
    return min(performance.timelines, key=lambda timeline: timeline.begin)


def _since_first(performance: Performance, time: float) -> float:
    """Seconds from its beginning to a time that all instances share."""
    first = _first(performance)
    return (time - first.begin) / first.hardware.core_clock_hertz


def _slices_of(timeline: Timeline, begin: float, first_pid: int) -> Iterator[TraceEvent]:
    """What the units of one instance do, whose inference begins after `begin` seconds."""
    clock = timeline.hardware.core_clock_hertz
    lanes = [_Lanes() for _ in range(timeline.plan.cores)]
    for interval in sorted(timeline.intervals, key=lambda i: (i.start, i.core, i.unit, i.step)):
        row, pid = _ROWS[interval.unit], first_pid + interval.core
        if interval.unit == "dma":
            lane, new = lanes[interval.core].take(interval.start, interval.end)
            row += lane
            if new and lane:
                yield _metadata("thread_name", pid, {"name": f"DMA {lane + 1}"}, row)
        step = timeline.plan.steps[interval.step]
        name = step.instruction.node or step.instruction.operation
        length = (interval.end - interval.start) / clock
        yield _slice(name, pid, row, begin + interval.start / clock, length, _arguments(step, interval))


class _Lanes:
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


def _ddr(performance: Performance) -> Iterator[TraceEvent]:
    """The rate at which DDR carries transfers, wherever it changes."""
    timeline = performance.timeline
    clock = timeline.hardware.core_clock_hertz
    for sample in timeline.ddr_samples:
        time = performance.input_seconds + _since_first(performance, sample.time)
        if time < 0:
            continue
        rate = sample.bytes_per_cycle * clock / 1e9
        yield {
            "ph": "C",
            "name": "DDR GB/s",
            "pid": _cores(performance) + 1,
            "tid": 0,
            "ts": round(time * _MICRO, 6),
            "args": {"GB/s": round(rate, 3)},
        }
