"""What the commands print of a run, and instances of a network."""

from dataclasses import replace

import pytest

import aic
from tests.models.digits import DIGITS_BN
from tools.execution import print_report, summary


def test_a_piped_report_has_every_name_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    report = aic.Session(aic.compile(DIGITS_BN, aic_num_cores=2).path).timing()
    print_report(report)
    text = capsys.readouterr().out
    assert "…" not in text
    rows = [line for line in text.splitlines() if line.startswith("│ ")]
    for operation in report.operations:
        assert any(f"│ {operation.node} " in row and f"{operation.cycles:,.0f} │" in row for row in rows)


@pytest.fixture(scope="module")
def qpc() -> aic.Qpc:
    return aic.compile(DIGITS_BN, aic_num_cores=2)


def seconds(session: aic.Session, count: int, set_size: int) -> float:
    """What the summary's rate says that so many inferences take."""
    return count / float(summary(session.performance, count, 1, set_size).rpartition(" ")[2])


def test_inferences_are_dealt_out_to_instances(qpc: aic.Qpc) -> None:
    one, four = aic.Session(qpc.path), aic.Session(qpc.path, aic_num_of_instances=4)
    latency, period = four.performance.latency_seconds, four.performance.period_seconds
    assert seconds(four, 4, 10) == pytest.approx(latency, rel=1e-3)
    assert seconds(four, 10, 10) == pytest.approx(latency + 6 * period, rel=1e-3)
    assert seconds(four, 10, 1) == pytest.approx(3 * latency, rel=1e-3)
    assert seconds(one, 10, 1) == pytest.approx(10 * one.performance.latency_seconds, rel=1e-3)
    assert period < one.performance.period_seconds / 2
    assert four.timing().inferences_per_second == pytest.approx(1 / period)


@pytest.mark.parametrize(
    ("instances", "message"),
    [(0, "must be at least one"), (9, "9 instances on 2 NSPs each take 18, the SKU 'pro' has 16: 8 instances fit")],
)
def test_instances_that_do_not_fit(qpc: aic.Qpc, instances: int, message: str) -> None:
    with pytest.raises(aic.AicError, match=message):
        aic.Session(qpc.path, aic_num_of_instances=instances)


def test_instances_share_constants_but_not_the_rest_of_ddr(qpc: aic.Qpc, monkeypatch: pytest.MonkeyPatch) -> None:
    use = aic.Session(qpc.path).memory
    enough = use.ddr_constants + 3 * use.ddr_shared
    monkeypatch.setattr("aic.session.memory_use", lambda module: replace(use, ddr_available=enough))
    assert aic.Session(qpc.path, aic_num_of_instances=3).instances == 3
    with pytest.raises(aic.AicError, match=f"4 instances take {enough + use.ddr_shared} bytes of DDR"):
        aic.Session(qpc.path, aic_num_of_instances=4)
