"""The timing engine on compiled networks: what moves, what overlaps, and what they are bound by."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from aic.importer import import_model
from aic.nsp.report import make_report
from aic.nsp.timing import Plan, make_plan, measure, simulate
from aic.nsp.timing.records import Moves
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.hardware import Hardware
from dialects.module import set_target
from tests.models.light import light_path
from tests.nsp.programs import PRO


@cache
def resnet(cores: int) -> Plan:
    """ResNet-50 in fp16, scheduled for a number of cores."""
    module = import_model(light_path("resnet50"))
    set_target(module, TargetAttr.of("pro"), cores)
    run_phases(module, phases_between("graph", "schedule"), fp16=True)
    return make_plan(module)


def slowdown(plan: Plan, change: Callable[[Hardware], Hardware]) -> float:
    """Device time with changed hardware against that without."""
    return simulate(plan, change(PRO)).cycles / simulate(plan, PRO).cycles


def half_ddr(hardware: Hardware) -> Hardware:
    return replace(hardware, ddr_bytes_per_second=hardware.ddr_bytes_per_second / 2)


def half_noc(hardware: Hardware) -> Hardware:
    return replace(hardware, noc_port_bytes_per_cycle=hardware.noc_port_bytes_per_cycle / 2)


def half_hmx(hardware: Hardware) -> Hardware:
    return replace(hardware, hmx_f16_macs_per_cycle=hardware.hmx_f16_macs_per_cycle / 2)


def test_on_one_core_resnet_is_bound_by_hmx() -> None:
    assert slowdown(resnet(1), half_hmx) > 1.6
    assert slowdown(resnet(1), half_ddr) < 1.3
    assert slowdown(resnet(1), half_noc) == 1


def test_on_sixteen_cores_resnet_is_bound_by_its_weights_in_ddr() -> None:
    assert slowdown(resnet(16), half_ddr) > 1.6
    assert slowdown(resnet(16), half_hmx) < 1.3
    assert slowdown(resnet(16), half_noc) < 1.3


@pytest.mark.parametrize("cores", [1, 16])
def test_ddr_sees_every_weight_once_and_activations_at_the_ends(cores: int) -> None:
    """ResNet-50 has 25.53 M weights and biases, batch normalizations folded, of 2 bytes each."""
    plan = resnet(cores)
    timeline = simulate(plan, PRO)
    assert timeline.ddr_read_bytes == pytest.approx(2 * 25.53e6 + sum(plan.from_host), rel=0.01)
    assert timeline.ddr_write_bytes == sum(plan.to_host)


def test_transfers_overlap_kernels() -> None:
    plan = resnet(16)
    timeline = simulate(plan, PRO)
    kernels = [i for i in timeline.intervals if i.unit == "hmx" and i.core == 0]
    transfers = [i for i in timeline.intervals if isinstance(plan.steps[i.step].work, Moves) and i.core == 0]
    beside = [k for k in kernels if any(t.start < k.start and k.end < t.end for t in transfers)]
    assert len(beside) > len(kernels) / 2


def test_macs_are_the_networks() -> None:
    """ResNet-50 has 4.09 G multiply-accumulates for an image, whatever the number of cores; halos add none."""
    assert simulate(resnet(1), PRO).macs == pytest.approx(4.09e9, rel=0.01)
    assert simulate(resnet(16), PRO).macs == simulate(resnet(1), PRO).macs


def test_latency_is_of_the_published_order() -> None:
    """Published for fp16: 780 us on 11 cores, 828 us on 7. The model knows neither host software nor jitter."""
    for cores, published in ((7, 828), (11, 780)):
        assert 0.5 * published < measure(resnet(cores), PRO).latency_seconds * 1e6 < 1.1 * published


def test_more_cores_are_faster() -> None:
    one, four, sixteen = (simulate(resnet(cores), PRO).cycles for cores in (1, 4, 16))
    assert one > 1.5 * four > 1.5 * sixteen


def test_the_report_has_a_row_per_convolution() -> None:
    report = make_report(measure(resnet(4), PRO), 0.0)
    rows = [row for row in report.operations if row.operation == "conv"]
    assert len({row.node for row in rows}) == len(rows) == 53
    assert all(row.engine == "hmx" and row.count <= 4 * 4 for row in rows)  # 4 cores, up to 4 parts
