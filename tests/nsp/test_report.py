"""The report: numbers that add up, tables and JSON."""

import json
from io import StringIO

import pytest
from rich.console import Console

from aic.memory_use import MemoryUse, Room
from aic.nsp.report import Report, make_report
from aic.nsp.timing import measure
from tests.nsp.programs import PRO, alloc, blur, instruction, plan

CORES, LAYERS = 4, 3
WHOLE = "[4] : 0 to 256, 0 to 256"
IMAGE, WEIGHTS = 56 * 56 * 64 * 2, 3 * 3 * 64 * 64 * 2


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report(measure(plan(blur(CORES, LAYERS), CORES), PRO), wall_seconds=0.5)


def test_bytes_of_memories_and_links(report: Report) -> None:
    found = {row.name: row.bytes for row in report.memories}
    halo = 2 * (CORES - 1) * 56 * 64 * 2
    assert found == {
        "DDR read": IMAGE + halo + LAYERS * WEIGHTS,
        "DDR written": IMAGE,
        "NoC sent": LAYERS * (WEIGHTS + halo),
        "NoC received": LAYERS * ((CORES - 1) * WEIGHTS + halo),
        "VTCM copies": 0,
        "PCIe in": IMAGE,
        "PCIe out": IMAGE,
    }
    assert all(0 <= row.utilisation <= 1 for row in report.memories)


def test_transfers_of_the_host(report: Report) -> None:
    assert [(row.name, row.transfers, row.bytes) for row in report.host] == [
        ("inputs", 1, IMAGE),
        ("outputs", 1, IMAGE),
    ]
    assert report.latency_us == pytest.approx(report.device_us + sum(row.us for row in report.host))


def test_descriptors_of_transfers(report: Report) -> None:
    assert [(row.name, row.transfers, row.descriptors) for row in report.dma] == [
        ("exchange", CORES * LAYERS, 2 * (CORES - 1) * LAYERS),
        ("load", CORES, CORES),
        ("multicast", LAYERS, LAYERS),
        ("store", CORES, CORES),
    ]


def test_rows_of_operations(report: Report) -> None:
    rows = {(row.node, row.operation): row for row in report.operations}
    conv = rows["conv1", "conv"]
    assert (conv.engine, conv.count) == ("hmx", CORES)
    assert conv.written_kilobytes == IMAGE / 1024
    assert conv.cycles_per_kilobyte == pytest.approx(CORES * conv.cycles / conv.written_kilobytes)
    assert rows["conv1", "multicast"].written_kilobytes == WEIGHTS / 1024
    assert report.macs == LAYERS * 56 * 56 * 64 * 64 * 9
    assert report.operations[0].start_us == 0
    assert all(row.end_us <= report.device_us * (1 + 1e-9) for row in report.operations)


def test_transfers_that_overlap_count_once() -> None:
    """All fetch from core 1, then all from core 3: core 0 receives both side by side, each at a part of a port."""
    text = ""
    for name, owner in (("a", 1), ("b", 3)):
        own = f"[4] : max(256 m0 - {256 * owner}, {256 * owner} - 256 m0) to 256, 0 to 256"
        text += alloc(name, WHOLE, "256x256xf16")
        box = f"box = #tile.box<{WHOLE}>, own = #tile.box<{own}>"
        text += instruction(f"tile.exchange %{name}, %{name}", box, "swap", 0)
    (row,) = make_report(measure(plan(text, 4), PRO), 0.0).operations
    one = 3 * 2 * 256 * 256 / PRO.noc_port_bytes_per_cycle
    assert row.count == 6
    assert row.cycles == pytest.approx(one, rel=0.1)


def test_units_and_totals(report: Report) -> None:
    hmx = next(row for row in report.units if row.name == "HMX")
    busiest = sum(row.cycles for row in report.operations if row.engine == "hmx")
    assert hmx.most == pytest.approx(busiest / report.cycles)
    assert hmx.least <= hmx.mean <= hmx.most
    assert report.device_us == pytest.approx(1e6 * report.cycles / report.clock_hertz)
    assert report.latency_us > report.device_us
    assert 0.9 * PRO.core_clock_hertz < report.clock_hertz < PRO.core_clock_hertz
    assert report.hmx_peak_share < hmx.mean


def test_json_has_every_field(report: Report) -> None:
    loaded = json.loads(report.to_json())
    assert set(loaded) == set(Report.__dataclass_fields__)
    assert loaded["wall_seconds"] == 0.5
    assert loaded["operations"][0]["node"] in ("x", "pad")


def test_tables(report: Report) -> None:
    console = Console(file=StringIO(), width=120)
    report.render(console, rows=2)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"pro, 4 cores at {report.clock_hertz / 1e6:.0f} MHz" in text
    assert "the 2 longest operations" in text
    assert "on assumed numbers" in text
    report.render(console)
    assert "conv2" in console.file.getvalue()  # type: ignore[attr-defined]


def test_room_of_buffers() -> None:
    memory = MemoryUse(Room(2100, 2000), 4096, Room(0, 0), ddr_constants=7, ddr_shared=8, ddr_available=1 << 30)
    report = make_report(measure(plan(blur(CORES, LAYERS), CORES), PRO), 0.0, memory)
    assert [(row.name, row.taken, row.demand, row.available) for row in report.rooms] == [
        ("VTCM per core", 2100, 2000, 4096),
        ("DDR scratch", 0, 0, 1 << 30),
    ]
    assert [row.gap for row in report.rooms] == pytest.approx([0.05, 0.0])
    console = Console(file=StringIO(), width=120)
    report.render(console, rows=1)
    assert "5.0%" in console.file.getvalue()  # type: ignore[attr-defined]


def test_an_empty_program_has_a_report() -> None:
    empty = make_report(measure(plan("", 2), PRO), 0.0)
    assert (empty.cycles, empty.inferences_per_second, empty.assumed_share) == (0, 0, 0)
