"""The report of a timed network in parts: plain numbers per part, as a table for people and as JSON for tools."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console, Group
from rich.table import Column, Table
from xdsl.dialects.builtin import ModuleOp

from aic.memory_use import MemoryUse, memory_use
from aic.nsp.timing.pipeline import PartTime, PipelinePerformance
from aic.nsp.timing.records import Arriving, Plan, Sending
from dialects.module import cores_of, first_core_of, programs_of

_MICRO = 1e6


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part in the full pipeline. `nodes` are those of the model that are in it. Bytes are those of DDR on its
    device, of VTCM on each core. `device` is that of the host which the part is placed on.
    """

    name: str
    device: int
    first_core: int
    cores: int
    nodes: int
    time_us: float
    """Of an inference, the time in which something of the part works; the mean of several."""
    wait_us: float
    """The time in which it waits for others."""
    alone_us: float
    """Of an inference that has the cards for itself, waits included."""
    vtcm_bytes: int
    constant_bytes: int
    shared_bytes: int
    received_tensors: int
    sent_tensors: int
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class PartsReport:
    """What is reported of a network in parts."""

    sku: str
    parts: tuple[PartRow, ...]
    clock_hertz: float
    device_us: float
    """From the first part's start to the last one's end, of one inference alone."""
    latency_us: float
    inferences_per_second: float
    pace: str
    assumed_share: float
    assumed: tuple[str, ...]
    wall_seconds: float
    """What the timing engine itself took."""
    name: str = ""
    """Of the specialization; empty when the network has one shape."""

    def to_json(self) -> str:
        """The report as a JSON object with the fields' names."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def render(self, console: Console, rows: int | None = None) -> None:
        """Prints the tables; of the parts the first `rows`, or all."""
        console.print(Group(_summary(self), _parts(self.parts[:rows])))


def make_parts_report(
    module: ModuleOp, performance: PipelinePerformance, wall_seconds: float, name: str = ""
) -> PartsReport:
    """Report of a measured network. `wall_seconds` is what the measuring took, `name` that of the specialization."""
    clock = performance.hardware.core_clock_hertz
    parts = zip(programs_of(module), performance.parts, performance.alone, strict=True)
    return PartsReport(
        performance.hardware.sku,
        tuple(_row(part, time, alone.seconds, memory_use(part), clock) for part, time, alone in parts),
        clock,
        performance.program_seconds * _MICRO,
        performance.latency_seconds * _MICRO,
        performance.inferences_per_second,
        performance.pace,
        performance.assumed_share,
        performance.hardware.assumed,
        wall_seconds,
        name,
    )


def _row(part: ModuleOp, time: PartTime, alone: float, memory: MemoryUse, clock: float) -> PartRow:
    plan = time.timeline.plan
    sent = [step.work for step in plan.steps if isinstance(step.work, Sending)]
    return PartRow(
        name="" if part.sym_name is None else part.sym_name.data,
        device=time.device,
        first_core=first_core_of(part),
        cores=cores_of(part),
        nodes=len(_nodes(plan)),
        time_us=time.working / clock * _MICRO,
        wait_us=time.waiting / clock * _MICRO,
        alone_us=alone * _MICRO,
        vtcm_bytes=memory.vtcm.taken,
        constant_bytes=memory.ddr_constants,
        shared_bytes=memory.ddr_shared,
        received_tensors=sum(isinstance(step.work, Arriving) for step in plan.steps),
        sent_tensors=len(sent),
        sent_bytes=sum(work.bytes for work in sent),
    )


def _nodes(plan: Plan) -> set[str]:
    """Names of the model's nodes whose work is in a plan."""
    moved = ("send", "receive")
    return {step.instruction.node for step in plan.steps if step.instruction.operation not in moved} - {""}


def _summary(report: PartsReport) -> Table:
    devices = len({part.device for part in report.parts})
    where = f"{devices} devices" if devices > 1 else "one device"
    of = f"{report.name}, " if report.name else ""
    table = Table(title=f"{of}{report.sku}, {len(report.parts)} parts on {where}", show_header=False)
    table.add_row("latency", f"{report.latency_us:.1f} us")
    table.add_row("throughput", f"{report.inferences_per_second:.1f} inferences/s, paced by {report.pace}")
    table.add_row("clock", f"{report.clock_hertz / 1e6:.0f} MHz")
    table.add_row("on assumed numbers", f"{report.assumed_share:.0%} of the device time")
    return table


def _parts(parts: Sequence[PartRow]) -> Table:
    right = ("cores", "nodes", "time us", "wait us", "VTCM kB", "constants kB", "DDR kB", "sent kB")
    table = Table(Column("part"), Column("on"), *(Column(name, justify="right") for name in right), title="Parts")
    for part in parts:
        kilobytes = (part.vtcm_bytes, part.constant_bytes, part.shared_bytes, part.sent_bytes)
        table.add_row(
            part.name,
            f"device {part.device}, core {part.first_core}",
            str(part.cores),
            str(part.nodes),
            f"{part.time_us:.1f}",
            f"{part.wait_us:.1f}",
            *(f"{size / 1024:.0f}" for size in kilobytes),
        )
    return table
