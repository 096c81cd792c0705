"""Where to cut a network that several cards run as a pipeline."""

from collections.abc import Sequence

from dialects.graph.base import GraphOp
from dialects.hardware import Hardware
from dialects.tuning import Tuning
from passes.partitioning.costs import costs_on, crossing_bytes
from passes.partitioning.stages import choose_cuts


def cuts_over_cards(ops: Sequence[GraphOp], cards: int, cores: int, hardware: Hardware, tuning: Tuning) -> list[int]:
    """The first op of every stage but the first, such that the slowest card is as fast as possible, on so many cores
    each. Cards are peers; each has a DDR of its own.

    Raises ValueError for fewer ops than cards.
    """
    link, start = hardware.p2p_bytes_per_second, hardware.p2p_latency_seconds
    crossing = [size / link + start if size else 0.0 for size in crossing_bytes(ops)]
    return choose_cuts([seconds_on_card(ops, cores, hardware, tuning)] * cards, crossing)


def seconds_on_card(ops: Sequence[GraphOp], cores: int, hardware: Hardware, tuning: Tuning) -> list[float]:
    """What each op takes on so many cores of a card that it has for itself."""
    rate = hardware.ddr_bytes_per_second
    return [max(cost.seconds, cost.ddr_bytes / rate) for cost in costs_on(ops, cores, hardware, tuning).ops]
