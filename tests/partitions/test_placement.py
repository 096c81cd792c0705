"""Where the parts of a network run: devices of the simulated host by their numbers, and what that changes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import aic
from aic.nsp.parts_report import PartsReport
from aic.nsp.timing.engine import simulate_parts
from aic.nsp.timing.pipeline import measure_parts
from aic.nsp.timing.station import Seat
from aic.partitions.multi_device import write
from dialects.errors import AicError
from dialects.hardware import load_hardware
from tests.models.digits import DIGITS_BN, digits_test
from tests.nsp.programs import alloc, instruction, plan, tensor
from tests.nsp.test_timing_parts import BYTES, receiver, seconds, sender
from tests.partitions.networks import forget, scheduled
from tools.aic_exec import main as compile_and_run
from tools.aic_runner import main

ULTRA = load_hardware("ultra")
SIDE = 1024


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QPC of three parts: two slices, and what follows them."""
    path = tmp_path_factory.mktemp("mixed") / "programqpc.bin"
    module = scheduled("mixed")
    write(module, path)
    forget(module)
    return path


def devices_of(session: aic.Session) -> list[int]:
    report = session.timing()
    assert isinstance(report, PartsReport)
    return [part.device for part in report.parts]


def test_parts_go_where_the_list_says(mixed: Path) -> None:
    x = {"x": digits_test()[0][:1].astype("f")}
    by_default = aic.Session(mixed)
    assert devices_of(by_default) == [0, 1, 2]
    for wanted, devices in (([3, 1, 2], (3, 1, 2)), ("3:1:2", (3, 1, 2)), ("5,0,7,1", (5, 0, 7))):
        session = aic.Session(mixed, dev_id=wanted)
        assert session.devices == tuple(devices_of(session)) == devices
        np.testing.assert_array_equal(session.run(x)["logits"], by_default.run(x)["logits"])


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([3, 1, 3], "devices 3:1:3: device 3 twice; each part needs one of its own"),
        ([3, 1, 16], r"no device 16; the simulated host has 16, 0 to 15 \(16 cards of the SKU 'pro'\)"),
        ([17, 1, -1], "no devices 17, -1; "),
        ([3, 1], "devices 3:1: 2 devices for 3 parts, first_slice00, first_slice01, last"),
        (3, "devices 3: 1 device for 3 parts"),
        ([0, 1, 2, 3], "4 devices for 3 parts"),
        ("0,1", "2 devices for 3 parts"),
        ("0,0,99", "device 0 twice; each part needs one of its own; no device 99"),
        ("0:one:2", "expected numbers, as 3:1:2"),
        ("0:1,2", "expected numbers"),
    ],
)
def test_what_is_wrong_with_devices(mixed: Path, devices: int | str | Sequence[int], message: str) -> None:
    with pytest.raises(AicError, match=message):
        aic.Session(mixed, dev_id=devices)


def test_the_runner_places_parts_and_says_where(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-t", str(mixed), "-n", "1", "-D", "3:1:2", "--report", str(tmp_path / "report.json")]) == 0
    assert "cards 3, 1, 2: simulated Cloud AI 100 Pro, 8 NSPs" in capsys.readouterr().out
    assert [part["device"] for part in json.loads((tmp_path / "report.json").read_text())["parts"]] == [3, 1, 2]
    assert main(["-t", str(mixed), "-n", "1", "-D", "3:1:3"]) == 1
    assert "device 3 twice" in capsys.readouterr().err


def test_the_compiler_runs_on_the_device_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["-use-random-input-data", "-aic-sku=ultra", "-device-id=63", "-vvv"]
    assert compile_and_run([f"-m={DIGITS_BN}", *asked]) == 0
    out = capsys.readouterr().out
    assert "card 63: simulated Cloud AI 100 Ultra, 1 NSPs" in out
    assert "MHz, on device 63" in out


def crossing(devices: Sequence[int]) -> list[Seat]:
    """Two pairs, each of which sends a tensor from the first to the second of its devices."""
    seats: list[Seat] = []
    for channel, pair in enumerate((devices[:2], devices[2:])):
        texts = sender("p2p", channel=channel), receiver("p2p", channel=channel)
        seats += [Seat(plan(text, 1), soc=device) for text, device in zip(texts, pair, strict=True)]
    return seats


@pytest.mark.parametrize("uplink", [ULTRA.uplink_bytes_per_second, 1.2e10])
def test_socs_of_a_card_share_its_uplink(uplink: float) -> None:
    """On one card two pairs have their ports for themselves; from card to card both pass one link."""
    hardware = replace(ULTRA, uplink_bytes_per_second=uplink)
    port = BYTES / hardware.p2p_bytes_per_second
    ends = {
        devices: max(each[0].begin + each[0].cycles for each in simulate_parts(crossing(devices), hardware, 1))
        for devices in ((0, 1, 2, 3), (0, 4, 1, 5), (0, 4, 8, 12))
    }
    within, between, apart = (seconds(end) for end in ends.values())
    assert within == pytest.approx(port + hardware.p2p_latency_seconds, rel=0.02)
    assert apart == pytest.approx(within)
    shared = max(port, 2 * BYTES / uplink)
    assert between == pytest.approx(shared + hardware.p2p_latency_seconds, rel=0.02)


def test_inputs_of_a_card_pass_one_uplink() -> None:
    box = f"[1] : 0 to {SIDE}, 0 to {SIDE}"
    shape = f"{SIDE}x{SIDE}xf16"
    load = instruction("tile.load %x, %a", f"box = #tile.box<{box}>", "x", 0)
    text = tensor("x", shape, "input") + alloc("a", box, shape) + load
    apart, together = (
        measure_parts([Seat(plan(text, 1), soc=device) for device in devices], ULTRA)
        for devices in ((0, 4, 8, 12), (0, 1, 2, 3))
    )
    size = 2 * SIDE * SIDE
    assert (apart.pace, together.pace) == ("PCIe in", "uplink in")
    assert together.period_seconds == pytest.approx(4 * size / ULTRA.uplink_bytes_per_second)
    more = size * (4 / ULTRA.uplink_bytes_per_second - 1 / ULTRA.pcie_bytes_per_second)
    assert together.latency_seconds - apart.latency_seconds == pytest.approx(more)
