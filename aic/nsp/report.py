"""The report of a timed program: plain numbers, as tables for people and as JSON for tools.

The table of operations follows the statistics of the vendor's tools: one row per ONNX node, operation and engine, with
calls, cycles, kilobytes written and cycles per kilobyte.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import TypeAlias

from rich.console import Console, Group
from rich.table import Column, Table

from aic.memory_use import MemoryUse
from aic.nsp.timing.performance import HostTransfer, Performance
from aic.nsp.timing.records import Arriving, Idle, Kernel, LinkKind, Moves, Padding, Plan, Sending, Step
from aic.nsp.timing.timeline import Interval, Timeline, Unit

_MICRO = 1e6
_KILO = 1024


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One node's operation on one engine. `count`: calls on all cores together.

    `cycles` are those of the core with most of them; on DMA those in which bytes of the node were on their way, between
    those of others too. `cycles_per_kilobyte` relates all cores' cycles to all that they wrote. `start_us` and `end_us`
    are device time.
    """

    node: str
    operation: str
    engine: str
    count: int
    cycles: float
    timer_ticks: float
    """The cycles in ticks of the time stamp counter, the vendor's ucycles."""
    share: float
    written_kilobytes: float
    cycles_per_kilobyte: float
    start_us: float
    end_us: float


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """Bytes that passed a memory or a kind of link in one inference, and how much of what it could carry that is."""

    name: str
    bytes: int
    utilisation: float


@dataclass(frozen=True, slots=True)
class RoomRow:
    """Bytes of a memory that buffers share, one after the other: what they take, the largest sum of what is live at
    once, the share of that by which they take more, and what there is.
    """

    name: str
    taken: int
    demand: int
    gap: float
    available: int


@dataclass(frozen=True, slots=True)
class HostRow:
    """Transfers between host and card in one direction, one after the other: their number, bytes and time."""

    name: str
    transfers: int
    bytes: int
    us: float


@dataclass(frozen=True, slots=True)
class DmaRow:
    """Transfers of one kind that the DMA engines of all cores issue, and the descriptors that these take."""

    name: str
    transfers: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class UnitRow:
    """How much of the device time a unit of the cores is at work: mean, least and most busy core."""

    name: str
    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is reported of one inference. Shares and utilisations are parts of 1.

    Of several instances: units and operations are those of the first, times and memories those of all.
    """

    specialization: str
    """Its name and symbols, where the network has several."""
    device: int
    """Number of the host's device that it runs on."""
    sku: str
    instances: int
    cores: int
    """Of each instance."""
    clock_hertz: float
    cycles: float
    device_us: float
    latency_us: float
    inferences_per_second: float
    pace: str
    macs: int
    hmx_peak_share: float
    """Multiply-accumulates against those that HMX could do in fp16 in the device time."""
    units: tuple[UnitRow, ...]
    memories: tuple[MemoryRow, ...]
    rooms: tuple[RoomRow, ...]
    dma: tuple[DmaRow, ...]
    host: tuple[HostRow, ...]
    operations: tuple[OperationRow, ...]
    assumed_share: float
    """Part of the device time that goes away when every assumed number is ideal (`aic.nsp.timing.performance`)."""
    assumed: tuple[str, ...]
    wall_seconds: float
    """What the timing engine itself took."""

    def to_json(self) -> str:
        """The report as a JSON object with the fields' names."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def render(self, console: Console, rows: int | None = None) -> None:
        """Prints tables; of the operations the `rows` with most cycles, or all."""
        console.print(Group(_summary(self), *(table(self) for table in _TABLES), _operations(self, rows)))


def make_report(
    performance: Performance,
    wall_seconds: float,
    memory: MemoryUse | None = None,
    specialization: str = "",
    device: int = 0,
) -> Report:
    """Report of a measured program. `wall_seconds` is what the measuring took, `memory` what the program takes."""
    timeline = performance.timeline
    hardware = timeline.hardware
    peak = timeline.cycles * timeline.plan.cores * hardware.hmx_f16_macs_per_cycle
    return Report(
        specialization=specialization,
        device=device,
        sku=hardware.sku,
        instances=len(performance.timelines),
        cores=timeline.plan.cores,
        clock_hertz=hardware.core_clock_hertz,
        cycles=performance.program_cycles,
        device_us=performance.program_seconds * _MICRO,
        latency_us=performance.latency_seconds * _MICRO,
        inferences_per_second=performance.inferences_per_second,
        pace=performance.pace,
        macs=timeline.macs,
        hmx_peak_share=timeline.macs / peak if peak else 0.0,
        units=tuple(_unit_row(timeline, name, unit) for name, unit in _UNITS),
        memories=tuple(_memory_rows(performance)),
        rooms=() if memory is None else _room_rows(memory),
        dma=tuple(_dma_rows(timeline.plan)),
        host=(_host_row("inputs", performance.inputs), _host_row("outputs", performance.outputs)),
        operations=tuple(_operation_rows(timeline)),
        assumed_share=performance.assumed_share,
        assumed=hardware.assumed,
        wall_seconds=wall_seconds,
    )


_UNITS: tuple[tuple[str, Unit], ...] = (("HMX", "hmx"), ("HVX", "hvx"), ("DMA issue", "dma"))


def _unit_row(timeline: Timeline, name: str, unit: Unit) -> UnitRow:
    parts = [cycles / timeline.cycles if timeline.cycles else 0.0 for cycles in timeline.busy(unit)]
    return UnitRow(name, sum(parts) / len(parts), min(parts), max(parts))


_LINKS: tuple[tuple[str, LinkKind], ...] = (
    ("NoC sent", "noc out port"),
    ("NoC received", "noc in port"),
    ("VTCM copies", "copy"),
)


def _memory_rows(performance: Performance) -> Iterable[MemoryRow]:
    timeline = performance.timeline
    plan, hardware = timeline.plan, timeline.hardware
    ddr = hardware.ddr_bytes_per_second * performance.program_seconds / len(performance.timelines) or 1.0
    yield MemoryRow("DDR read", int(timeline.ddr_read_bytes), timeline.ddr_read_bytes / ddr)
    yield MemoryRow("DDR written", int(timeline.ddr_write_bytes), timeline.ddr_write_bytes / ddr)
    for name, kind in _LINKS:
        yield MemoryRow(name, round(timeline.carried(kind)), timeline.link_utilisation(kind))
    pcie = hardware.pcie_bytes_per_second * performance.period_seconds or 1.0
    yield MemoryRow("PCIe in", sum(plan.from_host), sum(plan.from_host) / pcie)
    yield MemoryRow("PCIe out", sum(plan.to_host), sum(plan.to_host) / pcie)


def _room_rows(memory: MemoryUse) -> tuple[RoomRow, ...]:
    rooms = (
        ("VTCM per core", memory.vtcm, memory.vtcm_usable),
        ("DDR scratch", memory.ddr_scratch, memory.ddr_available),
    )
    return tuple(RoomRow(name, room.taken, room.demand, room.gap, available) for name, room, available in rooms)


def _dma_rows(plan: Plan) -> Iterable[DmaRow]:
    """Rows by instruction, in the order of their names."""
    issued: dict[str, list[int]] = {}
    for step in plan.steps:
        if isinstance(step.work, Moves):
            issued.setdefault(step.instruction.operation, []).extend(filter(None, step.work.descriptors))
    for name, counts in sorted(issued.items()):
        yield DmaRow(name, len(counts), sum(counts))


def _host_row(name: str, transfers: Sequence[HostTransfer]) -> HostRow:
    size, seconds = sum(each.bytes for each in transfers), sum(each.seconds for each in transfers)
    return HostRow(name, len(transfers), size, seconds * _MICRO)


Key: TypeAlias = tuple[str, str, Unit]
"""Node, operation and engine of a row."""


def _operation_rows(timeline: Timeline) -> list[OperationRow]:
    """Rows in the order in which the operations first start."""
    plan = timeline.plan
    groups: dict[Key, list[Interval]] = {}
    for interval in sorted(timeline.intervals, key=lambda i: (i.start, i.end, i.core, i.step)):
        instruction = plan.steps[interval.step].instruction
        groups.setdefault((instruction.node, instruction.operation, interval.unit), []).append(interval)
    return [_operation_row(timeline, key, intervals) for key, intervals in groups.items()]


def _operation_row(timeline: Timeline, key: Key, intervals: Sequence[Interval]) -> OperationRow:
    """Row of the intervals of one key, sorted by their starts."""
    steps = timeline.plan.steps
    cycles = _covered(intervals)
    written = sum(bytes_written(steps[i.step], i.core) for i in intervals)
    micro = _MICRO / timeline.hardware.core_clock_hertz
    return OperationRow(
        *key,
        count=len(intervals),
        cycles=max(cycles.values()),
        timer_ticks=max(cycles.values()) * timeline.hardware.timer_hertz / timeline.hardware.core_clock_hertz,
        share=max(cycles.values()) / timeline.cycles,
        written_kilobytes=written / _KILO,
        cycles_per_kilobyte=sum(cycles.values()) * _KILO / written if written else 0.0,
        start_us=intervals[0].start * micro,
        end_us=max(interval.end for interval in intervals) * micro,
    )


def _covered(intervals: Sequence[Interval]) -> dict[int, float]:
    """Cycles that intervals, sorted by their starts, cover on each core."""
    covered: dict[int, float] = {}
    until: dict[int, float] = {}
    for interval in intervals:
        fresh = interval.end - max(interval.start, until.get(interval.core, 0.0))
        covered[interval.core] = covered.get(interval.core, 0.0) + max(fresh, 0.0)
        until[interval.core] = max(interval.end, until.get(interval.core, 0.0))
    return covered


def bytes_written(step: Step, core: int) -> int:
    """Bytes that a core writes in a step; a multicast counts once, where it is read."""
    size = step.instruction.result_element_bytes
    match step.work:
        case Moves() as moves:
            return sum(flow.bytes for flow in moves.flows[core])
        case Kernel() as kernel:
            which = kernel.which[core]
            return prod(kernel.shapes[which][-1]) * size if which >= 0 else 0
        case Padding() as padding:
            return padding.elements[core] * size
        case Sending() as sending:
            return sending.bytes if core == 0 else 0
        case Arriving() | Idle():
            return 0


def _right(*names: str) -> list[Column]:
    return [Column(name, justify="right") for name in names]


def _summary(report: Report) -> Table:
    each = f"{report.instances} instances of {report.cores} cores" if report.instances > 1 else f"{report.cores} cores"
    of = f"{report.specialization}: " if report.specialization else ""
    where = f", on device {report.device}" if report.device else ""
    title = f"{of}{report.sku}, {each} at {report.clock_hertz / 1e6:.0f} MHz{where}"
    table = Table(title=title, show_header=False)
    for name, value in (
        ("device time", f"{report.device_us:,.1f} µs, {report.cycles:,.0f} cycles"),
        ("latency with PCIe", f"{report.latency_us:,.1f} µs"),
        ("throughput", f"{report.inferences_per_second:,.1f} inferences/s, paced by {report.pace}"),
        ("multiply-accumulates", f"{report.macs / 1e6:,.1f} M, {report.hmx_peak_share:.1%} of the fp16 peak"),
        ("on assumed numbers", f"{report.assumed_share:.1%} of the device time"),
        ("timing engine", f"{report.wall_seconds:.2f} s"),
    ):
        table.add_row(name, value)
    return table


def _units(report: Report) -> Table:
    table = Table("unit", *_right("mean", "least busy core", "most busy core"), title="utilisation")
    for row in report.units:
        table.add_row(row.name, f"{row.mean:.1%}", f"{row.least:.1%}", f"{row.most:.1%}")
    return table


def _memories(report: Report) -> Table:
    table = Table("memory or link", *_right("KB", "utilisation"), title="traffic of one inference")
    for row in report.memories:
        table.add_row(row.name, f"{row.bytes / _KILO:,.1f}", f"{row.utilisation:.1%}")
    return table


def _rooms(report: Report) -> Table:
    table = Table("memory", *_right("KB taken", "KB live at once", "gap", "KB there are"), title="room of buffers")
    for row in report.rooms:
        sizes = (f"{row.taken / _KILO:,.1f}", f"{row.demand / _KILO:,.1f}", f"{row.gap:.1%}")
        table.add_row(row.name, *sizes, f"{row.available / _KILO:,.1f}")
    return table


def _dma(report: Report) -> Table:
    table = Table("DMA", *_right("transfers", "descriptors"), title="transfers of all cores")
    for row in report.dma:
        table.add_row(row.name, f"{row.transfers:,}", f"{row.descriptors:,}")
    return table


def _host(report: Report) -> Table:
    table = Table("host", *_right("transfers", "KB", "µs"), title="transfers over PCIe")
    for row in report.host:
        table.add_row(row.name, str(row.transfers), f"{row.bytes / _KILO:,.1f}", f"{row.us:,.1f}")
    return table


_TABLES: tuple[Callable[[Report], Table], ...] = (_units, _memories, _rooms, _dma, _host)


def _operations(report: Report, rows: int | None) -> Table:
    shown = sorted(report.operations, key=lambda row: -row.cycles)[: rows or len(report.operations)]
    title = "operations" if len(shown) == len(report.operations) else f"the {len(shown)} longest operations"
    names = Column("node", overflow="fold"), Column("operation", overflow="fold")
    table = Table(*names, "engine", *_right("count", "ucycles", "pcycles", "%", "out KB", "pcycles/KB"), title=title)
    for row in shown:
        cycles = (f"{row.timer_ticks:,.0f}", f"{row.cycles:,.0f}", f"{100 * row.share:.1f}")
        written = (f"{row.written_kilobytes:,.1f}", f"{row.cycles_per_kilobyte:,.1f}")
        table.add_row(row.node, row.operation, row.engine.upper(), str(row.count), *cycles, *written)
    return table
