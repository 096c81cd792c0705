"""Several instances of a program on one card: each has its own cores, all share DDR, PCIe and the clock."""

import json
from dataclasses import replace

import pytest

from aic.nsp.report import make_report
from aic.nsp.timing import measure, simulate, simulate_instances
from aic.nsp.trace import trace
from dialects.errors import AicError
from tests.nsp.programs import PRO, alloc, blur, instruction, matmul, plan, tensor

SIZE = "1024x1024xf16"
WHOLE = "[2] : 0 to 1024, 0 to 1024"
LOAD = (
    tensor("x", SIZE) + alloc("a", WHOLE, SIZE) + instruction("tile.load %x, %a", f"box = #tile.box<{WHOLE}>", "x", 0)
)
PRODUCT = (
    alloc("b", WHOLE, SIZE) + alloc("c", WHOLE, SIZE) + alloc("d", WHOLE, SIZE)
    + matmul("b", "c", "d", (WHOLE,) * 3, "product", 1)
)  # fmt: skip
IDEAL_CLOCK = replace(PRO, period_growth_per_f16_mac=0.0, period_growth_per_i8_mac=0.0)


def test_what_is_bound_by_ddr_takes_as_many_times_longer() -> None:
    alone = simulate(plan(LOAD, 2), PRO).cycles
    together = [timeline.cycles for timeline in simulate_instances(plan(LOAD, 2), PRO, (0.0,) * 4)]
    waiting = PRO.dma_issue_cycles + PRO.ddr_latency_seconds * PRO.core_clock_hertz
    assert together == pytest.approx([waiting + 4 * (alone - waiting)] * 4)


def test_what_is_bound_by_hmx_takes_no_longer() -> None:
    alone = simulate(plan(PRODUCT, 2), PRO).cycles
    for timeline in simulate_instances(plan(PRODUCT, 2), PRO, [100.0 * k for k in range(8)]):
        assert timeline.cycles == pytest.approx(alone)


def test_instances_out_of_step_load_while_others_compute() -> None:
    """A load and a product of about equal length: one instance loads while the other one computes."""
    size = 512
    both = LOAD + PRODUCT.replace("1024", str(size))
    at_once = simulate_instances(plan(both, 2), PRO, (0.0, 0.0))
    one = simulate(plan(LOAD, 2), PRO).cycles
    in_turn = simulate_instances(plan(both, 2), PRO, (0.0, one))
    assert sum(t.cycles for t in in_turn) <= sum(t.cycles for t in at_once)


def test_every_instance_is_measured_with_the_others_at_work() -> None:
    """The first inference of the first instance has DDR for itself until the second one begins."""
    alone = simulate(plan(LOAD, 2), PRO)
    first, second = simulate_instances(plan(LOAD, 2), PRO, (0.0, alone.cycles / 2))
    assert first.begin > 0
    assert min(first.cycles, second.cycles) > 1.5 * alone.cycles
    assert (first.links, first.busy("dma")) == (alone.links, alone.busy("dma"))


def test_an_inference_that_takes_no_time_ends() -> None:
    for text in ("", '%t = tile.tensor {role = "scratch"} : memref<1xi8, "ddr">\n'):
        assert [timeline.cycles for timeline in simulate_instances(plan(text, 1), PRO, (0.0,) * 3)] == [0.0] * 3
    free = replace(PRO, dma_issue_cycles=0.0, dma_copy_bytes_per_cycle=float("inf"), noc_latency_cycles=0.0)
    own = "[1] : 0 to 8"
    copy = alloc("a", own, "8xf16") + alloc("b", own, "8xf16")
    copy += instruction("tile.exchange %a, %b", f"box = #tile.box<{own}>, own = #tile.box<{own}>", "copy", 0)
    assert [timeline.cycles for timeline in simulate_instances(plan(copy, 1), free, (0.0,) * 3)] == [0.0] * 3


def test_throughput_of_instances() -> None:
    """Bound by HMX, four instances do four times as much; bound by DDR, no more than one; by PCIe likewise."""
    product = measure(plan(PRODUCT, 2), IDEAL_CLOCK)
    assert measure(plan(PRODUCT, 2), IDEAL_CLOCK, 4).inferences_per_second == pytest.approx(
        4 * product.inferences_per_second
    )
    load = measure(plan(LOAD, 2), PRO)
    assert measure(plan(LOAD, 2), PRO, 4).period_seconds == pytest.approx(load.period_seconds, rel=0.05)
    many = plan(tensor("image", SIZE, "input") + PRODUCT, 2)
    slow = replace(IDEAL_CLOCK, pcie_bytes_per_second=2e9)
    assert (measure(many, slow).pace, measure(many, slow, 2).pace) == ("PCIe in", "PCIe in")
    assert measure(many, slow, 2).period_seconds == measure(many, slow).period_seconds


def test_the_clock_falls_with_the_load_of_all_instances() -> None:
    one, four = (measure(plan(PRODUCT, 2), PRO, instances).timeline.hardware for instances in (1, 4))

    def growth(clock: float) -> float:
        return PRO.core_clock_hertz / clock - 1

    assert growth(four.core_clock_hertz) == pytest.approx(4 * growth(one.core_clock_hertz))


def test_report_and_trace_show_all_instances() -> None:
    performance = measure(plan(blur(4), 4), PRO, 3)
    report = make_report(performance, 0.0)
    assert (report.instances, report.cores) == (3, 4)
    assert report.inferences_per_second == performance.inferences_per_second
    assert report.device_us == pytest.approx(sum(t.seconds for t in performance.timelines) / 3 * 1e6)
    alone = make_report(measure(plan(blur(4), 4), PRO), 0.0)
    assert [row.bytes for row in report.memories] == [row.bytes for row in alone.memories]
    assert report.memories[0].utilisation > 2 * alone.memories[0].utilisation
    events = json.loads(json.dumps(trace(performance)))["traceEvents"]
    names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert names == {0: "HOST_PROC", **{1 + nsp: f"NSP {nsp}" for nsp in range(12)}, 13: "DDR"}
    slices = [e for e in events if e["ph"] == "X"]
    assert {e["pid"] for e in slices} == set(range(13))
    assert min(e["ts"] for e in events if "ts" in e) == 0


def test_more_instances_than_the_card_has_cores_for() -> None:
    with pytest.raises(AicError, match="3 instances on 6 cores each, pro has 16"):
        simulate_instances(plan("", 6), PRO, (0.0,) * 3)
