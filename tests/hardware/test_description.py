"""The hardware description: what it holds, what it refuses, and what stays true of every SKU."""

from math import inf

import pytest

from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.hardware import load_hardware, skus


@pytest.mark.parametrize(("sku", "cores", "socs"), [("standard", 14, 1), ("pro", 16, 1), ("ultra", 16, 4)])
def test_skus_have_their_cores(sku: str, cores: int, socs: int) -> None:
    hardware = load_hardware(sku)
    assert (hardware.cores, hardware.socs) == (cores, socs)
    assert sku in skus()


@pytest.mark.parametrize("sku", skus())
def test_every_number_has_a_grade(sku: str) -> None:
    hardware = load_hardware(sku)
    assert set(hardware.grades.values()) <= {"measured", "derived", "assumed"}
    assert "hvx_cycles_per_vector.softmax" in hardware.grades
    assert hardware.grades["ddr_bytes_per_second"] == "measured"


def test_peak_rates_agree_with_the_published_ones() -> None:
    """16 cores x 8192 int8 MACs x 2 at 1.45 GHz is 380 TOPS, and 400 are advertised for the SoC."""
    hardware = load_hardware("pro")
    tops = hardware.cores * hardware.hmx_i8_macs_per_cycle * 2 * hardware.core_clock_hertz
    assert tops == pytest.approx(375e12, rel=0.05)


def test_overrides_replace_and_count_as_assumed() -> None:
    base, changed = load_hardware("pro"), load_hardware("pro", {"ddr_bytes_per_second": 5e10})
    assert changed.ddr_bytes_per_second == 5e10
    assert changed.grades["ddr_bytes_per_second"] == "assumed"
    assert base != changed
    assert base.ddr_bytes_per_second != 5e10
    assert load_hardware("pro", {"hvx_cycles_per_vector.erf": 1}).hvx_cycles_per_vector.erf == 1


def test_target_attribute_reaches_the_description() -> None:
    target = TargetAttr.of("ultra", {"hmx_efficiency": 0.5})
    assert target.hardware.hmx_efficiency == 0.5
    assert target.hardware.socs == 4


@pytest.mark.parametrize(
    ("sku", "overrides", "message"),
    [
        ("prro", {}, "unknown SKU 'prro'; there are pro, standard, ultra"),
        ("_soc", {}, "unknown SKU"),
        ("pro", {"ddr_byte_per_second": 1}, "did you mean ddr_bytes_per_second"),
        ("pro", {"hvx_cycles_per_vector.soft": 1}, "unknown keys hvx_cycles_per_vector.soft"),
        ("pro", {"ddr_bytes_per_second": 0}, "must be positive"),
        ("pro", {"ddr_bytes_per_second": inf}, "not a finite number"),
        ("pro", {"signal_latency_cycles": -1}, "signal_latency_cycles is -1"),
        ("pro", {"cores": 1.5}, "not a whole number"),
    ],
)
def test_mistakes_are_named(sku: str, overrides: dict[str, float], message: str) -> None:
    with pytest.raises(AicError, match=message):
        load_hardware(sku, overrides)


def test_without_assumed_leaves_only_what_is_published() -> None:
    hardware = load_hardware("pro")
    ideal = hardware.without_assumed()
    assert ideal.ddr_latency_seconds == 0
    assert ideal.dma_copy_bytes_per_cycle == inf
    assert ideal.hvx_cycles_per_vector.transcendental == 0
    assert ideal.hvx_cycles_per_vector.erf == hardware.hvx_cycles_per_vector.erf
    assert ideal.ddr_bytes_per_second == hardware.ddr_bytes_per_second


def test_sizes_stay_where_they_are_assumed() -> None:
    ideal = load_hardware("pro", {"hmx_columns": 64, "hmx_efficiency": 0.5, "dma_issue_cycles": 1}).without_assumed()
    assert (ideal.hmx_columns, ideal.hmx_efficiency, ideal.dma_issue_cycles) == (64, 0.5, 0)
