"""What the commands print of a run."""

import pytest

import aic
from tests.models.digits import DIGITS_BN
from tools.execution import print_report


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
