"""The trace of a network in parts: a group of processes for each, what they send, and valid events."""

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import aic
from aic.nsp.timing.pipeline import PipelinePerformance, measure_parts
from aic.nsp.timing.station import Seat
from aic.nsp.trace import parts_trace
from tests.models.digits import DIGITS_BN
from tests.nsp.programs import PRO, plan
from tests.nsp.test_timing_parts import BYTES, receiver, sender
from tools.aic_runner import main


def two(link: Any, soc: int) -> PipelinePerformance:
    """Two products, and one on another device or on core 4 of the same."""
    first = Seat(plan(sender(link, 2), 1), soc=3, name="first")
    return measure_parts([first, Seat(plan(receiver(link, 1), 1), 0 if soc != 3 else 4, soc, "last")], PRO)


def events_of(performance: PipelinePerformance) -> list[dict[str, Any]]:
    return json.loads(json.dumps(parts_trace(performance)))["traceEvents"]


def processes(events: list[dict[str, Any]]) -> dict[int, str]:
    return {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}


def test_each_part_has_its_processes_and_each_device_its_ddr() -> None:
    assert list(processes(events_of(two("p2p", 1))).values()) == [
        "HOST_PROC",
        "first, device 3: NSP 0",
        "first, device 3: channels",
        "device 3: DDR",
        "last, device 1: NSP 0",
        "last, device 1: channels",
        "device 1: DDR",
    ]
    assert list(processes(events_of(two("ddr", 3))).values()) == [
        "HOST_PROC",
        "first, device 3: NSP 0",
        "first, device 3: channels",
        "last, device 3: NSP 4",
        "last, device 3: channels",
        "device 3: DDR",
    ]


@pytest.mark.parametrize(("link", "soc"), [("p2p", 1), ("host", 1), ("ddr", 3)])
def test_what_is_sent_is_seen_on_its_way(link: Any, soc: int) -> None:
    performance = two(link, soc)
    events = events_of(performance)
    names = processes(events)
    sent = [event for event in events if event["ph"] == "X" and event["name"] == "channel 0"]
    assert [names[event["pid"]].split(",")[0] for event in sent] == ["first", "last"][: 2 if link == "host" else 1]
    for event in sent:
        assert event["args"] == {"link": link, "bytes": BYTES, "from": "first", "to": "last"}
    if link != "ddr":
        assert sent[0]["dur"] == pytest.approx(BYTES / PRO.p2p_bytes_per_second * 1e6, rel=1e-3)
    products = sorted((e["ts"], names[e["pid"]]) for e in events if e["ph"] == "X" and e["name"].startswith("product"))
    assert [name.split(",")[0] for _, name in products] == ["first", "first", "last"]
    assert products[1][0] < sent[0]["ts"] < sent[-1]["ts"] + sent[-1]["dur"] < products[2][0] + 1e-5


def test_slices_of_a_row_do_not_overlap() -> None:
    rows: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    both = sender("p2p") + sender("p2p", channel=1).replace("%t", "%u")
    seats = [Seat(plan(both, 1)), *(Seat(plan(receiver("p2p", channel=n), 1), soc=1 + n) for n in range(2))]
    for event in events_of(measure_parts(seats, PRO)):
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert sorted(map(len, rows.values())) == [2]
    for spans in rows.values():
        assert all(end <= start + 1e-5 for (_, end), (start, _) in pairwise(sorted(spans)))


def test_the_runner_traces_clusters_and_cards(tmp_path: Path) -> None:
    ways: dict[str, dict[str, Any]] = {
        "clusters": {"sdp_cluster_sizes": (2, 2), "aic_num_cores": 4},
        "cards": {"mdp_auto_partition": 2, "aic_num_cores": 2},
    }
    for name, options in ways.items():
        aic.compile(DIGITS_BN, convert_to_fp16=True, aic_binary_dir=tmp_path / name, **options)
        assert main(["-t", str(tmp_path / name), "--trace", str(tmp_path / "trace.json")]) == 0
        document = json.loads((tmp_path / "trace.json").read_text())
        assert [part["cores"] for part in document["otherData"]["parts"]] == [2, 2]
        nsps = [name for name in processes(document["traceEvents"]).values() if "NSP" in name]
        assert nsps[3] == ("cluster1, device 0: NSP 3" if name == "clusters" else "Partition1, device 1: NSP 1")
        named = {event["name"] for event in document["traceEvents"] if event["ph"] == "X"}
        assert {"inputs", "outputs", "channel 0", "/13/Gemm"} <= named
