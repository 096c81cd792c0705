"""Latency, throughput, the share of assumed numbers; each rate slows down what is bound by it and nothing else."""

from dataclasses import replace

import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.nsp.timing import make_plan, measure
from aic.nsp.timing.clock import under_load
from dialects.hardware import Hardware, load_hardware
from dialects.module import set_combined, target_of
from tests.nsp.programs import PRO, alloc, blur, instruction, matmul, module, plan, run, tensor

BIG = "1024x1024xf16"
WHOLE = "[4] : 0 to 1024, 0 to 1024"
ROWS = "[4] : 256 m0 to 256 m0 + 256, 0 to 1024"


def bound_by_ddr() -> str:
    load = instruction("tile.load %x, %a", f"box = #tile.box<{ROWS}>", "x", 0)
    return tensor("x", BIG) + alloc("a", ROWS, "256x1024xf16") + load


def bound_by_noc() -> str:
    box = f"box = #tile.box<{WHOLE}>, own = #tile.box<{ROWS}>"
    return alloc("a", WHOLE, BIG) + instruction("tile.exchange %a, %a", box, "gather", 0)


def bound_by_hmx() -> str:
    text = alloc("a", WHOLE, BIG) + alloc("b", WHOLE, BIG) + alloc("c", WHOLE, BIG)
    return text + matmul("a", "b", "c", (WHOLE,) * 3, "product", 0)


def bound_by_hvx() -> str:
    text = alloc("a", WHOLE, BIG) + alloc("b", WHOLE, BIG)
    properties = f'kernel = "erf", engine = "hvx", boxes = [#tile.box<{WHOLE}>, #tile.box<{WHOLE}>], arguments = {{}}'
    return text + instruction("tile.compute %a, %b", properties, "erf", 0)


HALVES = {
    "ddr": replace(PRO, ddr_bytes_per_second=PRO.ddr_bytes_per_second / 2),
    "noc": replace(PRO, noc_port_bytes_per_cycle=PRO.noc_port_bytes_per_cycle / 2),
    "hmx": replace(PRO, hmx_f16_macs_per_cycle=PRO.hmx_f16_macs_per_cycle / 2),
}
PROGRAMS = {"ddr": bound_by_ddr(), "noc": bound_by_noc(), "hmx": bound_by_hmx(), "hvx": bound_by_hvx()}


@pytest.mark.parametrize("halved", HALVES)
@pytest.mark.parametrize("bound", PROGRAMS)
def test_a_rate_slows_down_what_is_bound_by_it_and_nothing_else(bound: str, halved: str) -> None:
    before, after = run(PROGRAMS[bound], 4).cycles, run(PROGRAMS[bound], 4, HALVES[halved]).cycles
    assert after / before == (pytest.approx(2, rel=0.05) if bound == halved else 1)


def test_overrides_of_the_target_reach_the_engine() -> None:
    slow = '#aic.target<"pro", {ddr_bytes_per_second = 5.55e10 : f64}>'
    hardware = target_of(module(bound_by_ddr(), 4, slow)).hardware
    assert run(bound_by_ddr(), 4, hardware).cycles == run(bound_by_ddr(), 4, HALVES["ddr"]).cycles


def test_latency_adds_both_directions_of_pcie() -> None:
    performance = measure(plan(blur(), 4), PRO)
    image = 56 * 56 * 64 * 2
    transfer = PRO.pcie_latency_seconds + image / PRO.pcie_bytes_per_second
    assert performance.input_seconds == performance.output_seconds == pytest.approx(transfer)
    assert performance.latency_seconds == pytest.approx(performance.timeline.seconds + 2 * transfer)


def test_each_further_transfer_costs_a_request() -> None:
    """Two inputs of 20 bytes: apart, the second one waits for its request; combined, the gap between them is moved."""
    text = tensor("x", "5xf32", "input") + tensor("z", "5xf32", "input") + bound_by_noc()
    apart = plan(text, 4)
    together = make_plan(_combined(text))
    assert (apart.from_host, together.from_host) == ((20, 20), (148,))
    rate, request = PRO.pcie_bytes_per_second, PRO.pcie_request_seconds
    first, second = measure(apart, PRO).inputs
    assert first.seconds == PRO.pcie_latency_seconds + 20 / rate
    assert second.seconds == request + 20 / rate
    (only,) = measure(together, PRO).inputs
    assert only.seconds == PRO.pcie_latency_seconds + 148 / rate
    slow = replace(PRO, pcie_request_seconds=1.0)
    assert (measure(apart, slow).pace, measure(together, slow).pace) == ("PCIe in", "program")


def _combined(text: str) -> ModuleOp:
    combined = module(text, 4)
    set_combined(combined, "inputs")
    return combined


def test_throughput_is_paced_by_the_slowest_part() -> None:
    def paced(hardware: Hardware) -> tuple[str, float]:
        performance = measure(plan(blur(), 4), hardware)
        return performance.pace, performance.period_seconds

    image = 56 * 56 * 64 * 2
    assert paced(PRO) == ("program", measure(plan(blur(), 4), PRO).timeline.seconds)
    assert paced(replace(PRO, pcie_bytes_per_second=1e9)) == ("PCIe in", pytest.approx(image / 1e9))
    performance = measure(plan(tensor("y", BIG, "output") + bound_by_ddr(), 4), PRO)
    assert (performance.pace, performance.period_seconds) == ("PCIe out", 2**21 / PRO.pcie_bytes_per_second)
    assert performance.input_seconds == 0


def test_assumed_share_is_what_goes_away_with_ideal_numbers() -> None:
    """A product: its start is assumed, its rate is measured. A load: issue and latency are assumed."""
    product = run(bound_by_hmx(), 4).cycles
    assert measure(plan(bound_by_hmx(), 4), PRO).assumed_share == pytest.approx(PRO.hmx_start_cycles / product)
    load = run(bound_by_ddr(), 4).cycles
    latency = PRO.dma_issue_cycles + PRO.ddr_latency_seconds * PRO.core_clock_hertz
    assert measure(plan(bound_by_ddr(), 4), PRO).assumed_share == pytest.approx(latency / load)


def test_copies_without_limit_take_no_time() -> None:
    """Local copies rest on an assumed rate alone."""
    own = "[4] : 256 m0 to 256 m0 + 256, 0 to 1024"
    box = f"box = #tile.box<{own}>, own = #tile.box<{own}>"
    text = alloc("a", own, "256x1024xf16") + alloc("b", own, "256x1024xf16")
    text += instruction("tile.exchange %a, %b", box, "copy", 0)
    assert measure(plan(text, 4), PRO).assumed_share == 1


def test_the_clock_falls_with_the_load_of_hmx() -> None:
    """Published BERT-base profile: 1233 to 1244 MHz with 38 % of the peak's fp16 MACs on all 14 cores."""
    standard = load_hardware("standard")
    moving = measure(plan(bound_by_ddr(), 4), standard).timeline.hardware
    assert moving.core_clock_hertz == standard.core_clock_hertz
    timeline = run(bound_by_hmx(), 4, standard)
    bert = replace(timeline, cycles=timeline.macs / (standard.cores * 0.38 * standard.hmx_f16_macs_per_cycle))
    assert under_load(standard, [bert]).core_clock_hertz == pytest.approx(1.2385e9, rel=0.03)


@pytest.mark.parametrize("sku", ["standard", "pro", "ultra"])
def test_every_sku_runs(sku: str) -> None:
    performance = measure(plan(blur(14), 14), load_hardware(sku))
    assert performance.inferences_per_second > 0
    assert 0 < performance.assumed_share < 1
