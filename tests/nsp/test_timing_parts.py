"""Parts of a network on one card or several: what they send takes the time of its link, and they work as a pipeline."""

from dataclasses import replace

import pytest

from aic.nsp.timing.engine import simulate_parts
from aic.nsp.timing.pipeline import measure_parts
from aic.nsp.timing.station import Seat
from dialects.channels import PLACES, Link
from dialects.errors import AicError
from tests.nsp.programs import PRO, alloc, instruction, matmul, plan, tensor
from tests.nsp.test_timing_instances import IDEAL_CLOCK, PRODUCT

BYTES = 2 << 20
SHAPE, WHOLE = "1024x1024xf16", "[1] : 0 to 1024, 0 to 1024"


def sender(link: Link, work: int = 0, channel: int = 0, other: str = "b", waits: str = "") -> str:
    """Some products one after the other, and a tensor that is sent when the last is done."""
    channel_end = f'channel = #aic.channel<{channel}, "{link}", "{other}">'
    box = f"{channel_end}, box = #tile.box<{WHOLE}>"
    awaited = waits or (f"1 at {work}" if work else "")
    return products(work) + tensor("t", SHAPE, "send") + instruction("tile.send %t", box, "t", 9, awaited)


def receiver(link: Link, work: int = 0, channel: int = 0) -> str:
    """A tensor that is received, and then products."""
    box = f'channel = #aic.channel<{channel}, "{link}", "a">, box = #tile.box<{WHOLE}>'
    text = tensor("r", SHAPE, "receive") + instruction("tile.receive %r", box, "t", 8)
    return text + products(work, "8 at 1")


def products(count: int, first: str = "") -> str:
    """Products on HMX; the first of them waits."""
    text = "".join(alloc(name, WHOLE, SHAPE) for name in "xyz") if count else ""
    for number in range(count):
        text += matmul("x", "y", "z", (WHOLE,) * 3, f"product{number}", 1, "" if number else first)
    return text


def pair(link: Link, first: int, second: int, *, soc: int = 1) -> list[Seat]:
    """Two parts on two cards, or on two cores of one."""
    plans = plan(sender(link, first), 1), plan(receiver(link, second), 1)
    return [Seat(plans[0]), Seat(plans[1], first=0 if soc else 1, soc=soc)]


def seconds(cycles: float) -> float:
    return cycles / PRO.core_clock_hertz


def end(seats: list[Seat], number: int = -1) -> float:
    """When the last part has made one inference, or a later one."""
    made = simulate_parts(seats, PRO, 1)[number][0]
    return seconds(made.begin + made.cycles)


def test_a_tensor_takes_the_time_of_its_link() -> None:
    issue = 2 * PRO.dma_issue_cycles / PRO.core_clock_hertz + PRO.ddr_latency_seconds
    peers = BYTES / PRO.p2p_bytes_per_second
    assert end(pair("p2p", 0, 0)) == pytest.approx(peers + PRO.p2p_latency_seconds, abs=issue)
    relayed = 2 * peers + PRO.relay_latency_seconds
    assert end(pair("host", 0, 0)) == pytest.approx(relayed, abs=issue)
    copied = 2 * BYTES / PRO.ddr_bytes_per_second
    assert end(pair("ddr", 0, 0, soc=0)) == pytest.approx(copied, abs=issue, rel=0.01)


def test_two_receivers_share_the_port_of_the_sender() -> None:
    both = sender("p2p") + sender("p2p", channel=1, other="c").replace("%t", "%u")
    seats = [
        Seat(plan(both, 1)),
        Seat(plan(receiver("p2p"), 1), soc=1),
        Seat(plan(receiver("p2p", channel=1), 1), soc=2),
    ]
    assert end(seats) == pytest.approx(2 * BYTES / PRO.p2p_bytes_per_second, rel=0.02)


def test_the_slowest_part_sets_the_pace() -> None:
    """Three products and one: an inference takes all four and the transfer, a full pipeline three per inference."""
    one = seconds(simulate_parts([Seat(plan(PRODUCT, 1))], PRO, 1)[0][0].cycles)
    found = measure_parts(pair("p2p", 3, 1), IDEAL_CLOCK)
    link = BYTES / PRO.p2p_bytes_per_second + PRO.p2p_latency_seconds
    assert found.program_seconds == pytest.approx(4 * one + link, rel=0.02)
    assert found.period_seconds == pytest.approx(3 * one, rel=0.02)
    assert found.pace == "program"
    assert [seconds(part.working) for part in found.parts] == pytest.approx([3 * one, one], rel=0.02)
    assert seconds(found.parts[1].waiting) == pytest.approx(2 * one, rel=0.02)


def test_a_slow_link_sets_the_pace() -> None:
    slow = replace(IDEAL_CLOCK, p2p_bytes_per_second=1e9)
    found = measure_parts(pair("p2p", 1, 1), slow)
    assert found.period_seconds == pytest.approx(BYTES / 1e9, rel=0.02)


def test_a_part_waits_until_the_receiver_has_room() -> None:
    """A sender with nothing to do is as many inferences ahead as both sides have places, and one that it makes."""
    made = simulate_parts(pair("p2p", 0, 3), PRO, 9)
    ends = [[timeline.begin + timeline.cycles for timeline in part] for part in made]
    ahead = 2 * PLACES
    for number in range(ahead, 9):
        assert ends[0][number] > ends[1][number - ahead]
    assert ends[0][ahead - 1] < ends[1][0]


def test_parts_on_one_card_share_its_ddr_and_those_on_two_do_not() -> None:
    load = (
        tensor("x", SHAPE)
        + alloc("a", WHOLE, SHAPE)
        + instruction("tile.load %x, %a", f"box = #tile.box<{WHOLE}>", "x", 0)
    )
    together, apart = (
        simulate_parts([Seat(plan(load, 1)), Seat(plan(load, 1), first, soc)], PRO, 1)[0][0].cycles
        for first, soc in ((1, 0), (0, 1))
    )
    assert together > 1.5 * apart


def test_what_is_sent_alone_or_never() -> None:
    with pytest.raises(AicError, match="channel 0 is sent 1 times and received 0 times"):
        simulate_parts([Seat(plan(sender("p2p"), 1))], PRO, 1)
    one = receiver("p2p", channel=1) + sender("p2p", waits="8 at 1")
    other = receiver("p2p") + sender("p2p", channel=1, other="a", waits="8 at 1")
    seats = [Seat(plan(one, 1)), Seat(plan(other, 1), soc=1)]
    with pytest.raises(AicError, match="deadlock"):
        simulate_parts(seats, PRO, 1)
