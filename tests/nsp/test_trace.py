"""The trace: valid trace events, one process per NSP, slices that nest and are named after nodes."""

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from aic.nsp.timing import Performance, measure
from aic.nsp.trace import trace, write_trace
from dialects.errors import AicError
from tests.nsp.programs import PRO, alloc, blur, instruction, plan, tensor

Events = list[dict[str, object]]
CORES = 4
NUMBER = (int, float)


@pytest.fixture(scope="module")
def performance() -> Performance:
    return measure(plan(blur(CORES), CORES), PRO)


def events_of(performance: Performance) -> Events:
    return json.loads(json.dumps(trace(performance)))["traceEvents"]


def test_events_have_the_fields_of_the_format(performance: Performance) -> None:
    """Fields by phase as the trace event format documents them; metadata has no time."""
    required: dict[str, dict[str, type | tuple[type, ...]]] = {
        "M": {"args": dict},
        "X": {"ts": NUMBER, "dur": NUMBER, "cat": str, "args": dict},
        "C": {"ts": NUMBER, "args": dict},
    }
    for event in events_of(performance):
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        for field, kind in required[str(event["ph"])].items():
            assert isinstance(event[field], kind)
        if event["ph"] == "X":
            assert event["ts"] >= 0  # type: ignore[operator]
            assert event["dur"] >= 0  # type: ignore[operator]
        if event["ph"] == "C":
            assert all(isinstance(value, NUMBER) for value in event["args"].values())  # type: ignore[union-attr]


def test_processes_and_rows(performance: Performance) -> None:
    metadata = [event for event in events_of(performance) if event["ph"] == "M"]
    processes = {e["pid"]: e["args"]["name"] for e in metadata if e["name"] == "process_name"}  # type: ignore[index]
    assert processes == {0: "HOST_PROC", 1: "NSP 0", 2: "NSP 1", 3: "NSP 2", 4: "NSP 3", 5: "DDR"}
    rows = {(e["pid"], e["args"]["name"]) for e in metadata if e["name"] == "thread_name"}  # type: ignore[index]
    assert {(core + 1, unit) for core in range(CORES) for unit in ("HVX", "HMX", "DMA")} <= rows


def test_slices_are_named_after_nodes_and_say_what_they_do(performance: Performance) -> None:
    slices = [event for event in events_of(performance) if event["ph"] == "X"]
    clock = performance.timeline.hardware.core_clock_hertz
    convs = [e for e in slices if e["name"] == "conv1" and e["pid"] == 1 and e["tid"] == 4]
    assert [e["args"] for e in convs] == [
        {
            "operation": "conv",
            "bytes": 14 * 56 * 64 * 2,
            "cycles": pytest.approx(convs[0]["dur"] * clock / 1e6, abs=0.1),  # type: ignore[operator]
            "shapes": ["1x16x58x64", "3x3x64x64", "1x14x56x64"],
        }
    ]
    assert {e["name"] for e in slices if e["pid"] == 0} == {"inputs", "outputs"}
    end = max(e["ts"] + e["dur"] for e in slices)  # type: ignore[operator]
    assert end == pytest.approx(performance.latency_seconds * 1e6, abs=1e-5)


def test_slices_of_a_row_do_not_overlap(performance: Performance) -> None:
    rows: dict[tuple[object, object], list[tuple[float, float]]] = defaultdict(list)
    for event in events_of(performance):
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))  # type: ignore
    for spans in rows.values():
        spans.sort()
        assert all(end <= start + 1e-5 for (_, end), (start, _) in pairwise(spans))


def test_overlapping_transfers_get_further_rows() -> None:
    """A copy within VTCM runs beside a load, as they share no link."""
    box = "[1] : 0 to 256, 0 to 256"
    text = tensor("x", "256x256xf16") + "".join(alloc(name, box, "256x256xf16") for name in "abc")
    text += instruction("tile.load %x, %a", f"box = #tile.box<{box}>", "x", 0)
    text += instruction("tile.exchange %b, %c", f"box = #tile.box<{box}>, own = #tile.box<{box}>", "copy", 1)
    events = events_of(measure(plan(text, 1), PRO))
    rows = {e["name"]: e["tid"] for e in events if e["ph"] == "X" and e["pid"] == 1}
    assert sorted(rows.values()) == [5, 6]  # type: ignore[type-var]
    names = [e["args"]["name"] for e in events if e["ph"] == "M" and e["tid"] in (5, 6)]  # type: ignore[index]
    assert names == ["DMA", "DMA 2"]


def test_ddr_rate_never_exceeds_what_ddr_can(performance: Performance) -> None:
    rates = [e["args"]["GB/s"] for e in events_of(performance) if e["ph"] == "C"]  # type: ignore[index]
    assert rates[-1] == 0
    assert max(rates) <= PRO.ddr_bytes_per_second / 1e9


def test_file_is_written(performance: Performance, tmp_path: Path) -> None:
    write_trace(performance, tmp_path / "trace.json")
    assert json.loads((tmp_path / "trace.json").read_text()) == json.loads(json.dumps(trace(performance)))
    with pytest.raises(AicError, match="cannot write"):
        write_trace(performance, tmp_path / "nowhere" / "trace.json")
