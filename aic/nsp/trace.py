"""A timeline as a Chrome/Perfetto trace: JSON of the trace event format, times in microseconds.

One process per NSP with rows for HVX, HMX and DMA; HOST_PROC with the network's inputs and outputs on their way over
PCIe; DDR with its rate as a counter. Time 0 is when the host starts to send the inputs. Transfers that overlap on one
core get further DMA rows, as slices of one row must nest.

Of several instances, each shows one inference with all others at work; the host's transfers are those of the one that
begins first.

Of a network in parts, there is one inference alone. Each part has its NSPs, and a process of what it sends and what
comes for it by way of the host; DDR stands behind the parts of its device.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aic.nsp.timing.performance import Performance
from aic.nsp.timing.pipeline import PipelinePerformance
from aic.nsp.timing.timeline import Timeline
from aic.nsp.trace_events import (
    HOST,
    Lanes,
    TraceEvent,
    ddr_rates,
    host_slices,
    metadata,
    nsp,
    process,
    slice_of,
    slices_of,
)
from dialects.files import written_aside


def write_trace(performance: Performance | PipelinePerformance, path: Path, device: int = 0) -> None:
    """Writes a trace. `device` is where a program runs that is all of its network. Raises AicError when the file cannot
    be written.
    """
    made = parts_trace(performance) if isinstance(performance, PipelinePerformance) else trace(performance, device)
    with written_aside(path) as partial, partial.open("w") as file:
        json.dump(made, file, separators=(",", ":"))


def trace(performance: Performance, device: int = 0) -> dict[str, object]:
    """A trace as the object that its JSON holds."""
    hardware, cores = performance.timeline.hardware, _cores(performance)
    other = {"sku": hardware.sku, "device": device, "cores": cores, "clockHz": hardware.core_clock_hertz}
    events = [*_names(cores), *_host(performance), *_slices(performance), *_ddr(performance)]
    return _document(events, other)


def _document(events: list[TraceEvent], other: Mapping[str, object]) -> dict[str, object]:
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": other}


def _names(cores: int) -> Iterator[TraceEvent]:
    """Names of processes and rows: NSP c has the number c + 1, and DDR comes after the last."""
    yield from _host_name()
    for core in range(cores):
        yield from nsp(core + 1, f"NSP {core}")
    yield from process(cores + 1, "DDR")


def _host_name() -> Iterator[TraceEvent]:
    yield from process(HOST, "HOST_PROC")
    yield metadata("thread_name", HOST, {"name": "PCIe"})


def _cores(performance: Performance) -> int:
    """Cores of all instances."""
    return sum(timeline.plan.cores for timeline in performance.timelines)


def _host(performance: Performance) -> Iterator[TraceEvent]:
    device_end = performance.input_seconds + _first(performance).seconds
    yield from host_slices("inputs", 0.0, performance.inputs)
    yield from host_slices("outputs", device_end, performance.outputs)


def _slices(performance: Performance) -> Iterator[TraceEvent]:
    """What the NSPs' units do, instance by instance in the order of time."""
    for instance, timeline in enumerate(performance.timelines):
        begin = performance.input_seconds + _since_first(performance, timeline.begin)
        yield from slices_of(timeline, begin, 1 + instance * timeline.plan.cores)


def _first(performance: Performance) -> Timeline:
    """The inference that begins first."""
    return min(performance.timelines, key=lambda timeline: timeline.begin)


def _since_first(performance: Performance, time: float) -> float:
    """Seconds from its beginning to a time that all instances share."""
    first = _first(performance)
    return (time - first.begin) / first.hardware.core_clock_hertz


def _ddr(performance: Performance) -> Iterator[TraceEvent]:
    clock, begin = performance.timeline.hardware.core_clock_hertz, _since_first(performance, 0.0)
    samples = performance.timeline.ddr_samples
    yield from ddr_rates(samples, _cores(performance) + 1, clock, performance.input_seconds + begin)


def parts_trace(performance: PipelinePerformance) -> dict[str, object]:
    """A trace of a network in parts as the object that its JSON holds."""
    hardware, begin = performance.hardware, sum(transfer.seconds for transfer in performance.inputs)
    events = [*_host_name(), *host_slices("inputs", 0.0, performance.inputs)]
    events += host_slices("outputs", begin + performance.program_seconds, performance.outputs)
    devices = [part.device for part in performance.parts]
    channels: list[int] = []
    """Process of each part's channels."""
    pid = HOST + 1
    for number, (part, timeline) in enumerate(zip(performance.parts, performance.alone, strict=True)):
        cores = timeline.plan.cores
        for core in range(cores):
            events += nsp(pid + core, f"{part.name}, device {part.device}: NSP {part.first_core + core}")
        events += slices_of(timeline, begin, pid)
        events += process(pid + cores, f"{part.name}, device {part.device}: channels")
        channels.append(pid + cores)
        pid += cores + 1
        if part.device not in devices[number + 1 :]:
            events += process(pid, f"device {part.device}: DDR")
            events += ddr_rates(timeline.ddr_samples, pid, hardware.core_clock_hertz, begin)
            pid += 1
    events += _crossings(performance, channels, begin)
    parts = [
        {"name": part.name, "device": part.device, "cores": timeline.plan.cores}
        for part, timeline in zip(performance.parts, performance.alone, strict=True)
    ]
    return _document(events, {"sku": hardware.sku, "clockHz": hardware.core_clock_hertz, "parts": parts})


_ARRIVALS = 64
"""First row of what comes by way of the host, in the process of a part's channels; the rows before are of sends."""


def _crossings(performance: PipelinePerformance, channels: Sequence[int], begin: float) -> Iterator[TraceEvent]:
    """Tensors on their way: from the sender, and a second time to the receiver where the host relays them."""
    clock, names = performance.hardware.core_clock_hertz, [part.name for part in performance.parts]
    lanes: dict[tuple[int, bool], Lanes] = {}
    for crossing in sorted(performance.crossings, key=lambda crossing: (crossing.start, crossing.channel)):
        part = crossing.receiver if crossing.relayed else crossing.sender
        lane, new = lanes.setdefault((part, crossing.relayed), Lanes()).take(crossing.start, crossing.end)
        row = lane + _ARRIVALS * crossing.relayed
        if new:
            name = "from the host" if crossing.relayed else "sends"
            yield metadata("thread_name", channels[part], {"name": f"{name} {lane + 1}" if lane else name}, row)
        args: dict[str, object] = {
            "link": crossing.link,
            "bytes": crossing.bytes,
            "from": names[crossing.sender],
            "to": names[crossing.receiver],
        }
        start, seconds = begin + crossing.start / clock, (crossing.end - crossing.start) / clock
        yield slice_of(f"channel {crossing.channel}", channels[part], row, start, seconds, args)
