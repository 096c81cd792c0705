"""How cards may work on a network together: as a pipeline, sliced, or mixed; and which of these ways is best by cost.

All cards are peers, with a DDR of their own and as many cores each. They form groups of the same size. Groups are the
stages of a pipeline, which take the ops in their order; the cards of a group share each op of their stage, as
`slice-tensors` divides it. An op costs the larger of what its busiest core computes and of what it moves to and from
its card's DDR, and what the cards of a group exchange for it; a stage gets and sends what crosses its cuts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from dialects.graph.base import GraphOp
from dialects.graph.locations import node_name
from dialects.hardware import Hardware
from dialects.tuning import Tuning
from passes.partitioning.costs import OpCost, costs_on, crossing_bytes
from passes.partitioning.objectives import Objective
from passes.partitioning.slicing.exchanges import Exchanges
from passes.partitioning.slicing.rules import nodes_of
from passes.partitioning.slicing.search import choose_rules, seconds_of
from passes.partitioning.slicing.states import Held
from passes.partitioning.stages import choose_cuts

_SAME = 1.02
"""Ways that are this much worse by one measure are as good; then the other one counts."""
_WAITS = 1.15
"""How much longer an inference on slices takes than its costs say, which know of no card that waits for another before
an exchange. By the timing engine it is 1.10 to 1.20 for BERT and ResNet-50 on 2 and 4 cards.
"""
_FETCHED = 0.5
"""Share of VTCM that weights fill before an input comes: some lie on several cores, and room is left for the rest."""


@dataclass(frozen=True)
class Arrangement:
    """A way to work together. `cuts`: the first op of every stage but the first; `cards`: of each stage."""

    cuts: tuple[int, ...]
    cards: int
    period_seconds: float
    """From one inference to the next, many under way: what the slowest stage takes."""
    latency_seconds: float
    """Of an inference alone, without what passes between host and cards."""

    def stage_of(self, op: int) -> int:
        """The stage of an op, by its number."""
        return sum(cut <= op for cut in self.cuts)

    def devices_of(self, stage: int) -> range:
        """The numbers of a stage's cards."""
        return range(stage * self.cards, (stage + 1) * self.cards)

    @property
    def told(self) -> str:
        """What it is, for people."""
        stages = len(self.cuts) + 1
        if self.cards == 1:
            return f"a pipeline of {stages} cards"
        if stages == 1:
            return f"slices on {self.cards} cards"
        return f"a pipeline of {stages} stages, each in slices on {self.cards} cards"


def arrangements(
    ops: Sequence[GraphOp], cards: int, cores: int, hardware: Hardware, tuning: Tuning
) -> Iterator[Arrangement]:
    """The ways for so many cards, the pipeline first: of each number of stages the one whose slowest stage is fastest.
    None of more stages than can be cut, and none with slices where no op gains by them.
    """
    for group in (number for number in range(1, cards + 1) if cards % number == 0):
        stages = cards // group
        if stages > len(ops):
            continue
        way = _pipeline if group == 1 else _with_slices
        found = way(ops, stages, group, cores, hardware, tuning)
        if found is not None:
            yield found


def best_of(found: Sequence[Arrangement], objective: Objective) -> Arrangement:
    """The best way for an objective; among those that are as good, the best by the other one."""

    def measures(each: Arrangement) -> tuple[float, float]:
        period, latency = each.period_seconds, each.latency_seconds
        return (period, latency) if objective == "throughput" else (latency, period)

    least = min(measures(each)[0] for each in found)
    return min((each for each in found if measures(each)[0] <= _SAME * least), key=lambda each: measures(each)[1])


def seconds_on_card(ops: Sequence[GraphOp], cores: int, hardware: Hardware, tuning: Tuning) -> list[float]:
    """What each op takes on so many cores of a card that it has for itself."""
    return _seconds_alone(costs_on(ops, cores, hardware, tuning).ops, hardware.ddr_bytes_per_second)


def _seconds_alone(costs: Sequence[OpCost], rate: float) -> list[float]:
    return [max(cost.seconds, cost.ddr_bytes / rate) for cost in costs]


def _pipeline(
    ops: Sequence[GraphOp], stages: int, group: int, cores: int, hardware: Hardware, tuning: Tuning
) -> Arrangement | None:
    """Stages of one card each. While an inference alone is on its way to a stage, that fetches weights."""
    costs, rate = costs_on(ops, cores, hardware, tuning).ops, hardware.ddr_bytes_per_second
    passing = _passing(ops, group, hardware)
    cuts, period = _cut(_seconds_alone(costs, rate), stages, passing, ops)
    latency = 0.0
    for begin, end in pairwise([0, *cuts, len(ops)]):
        fetched = min(_FETCHED * cores * hardware.vtcm_usable_bytes, latency * rate)
        latency += passing[begin] + _seconds_after(costs[begin:end], fetched, rate)
    return Arrangement(cuts, group, period, latency) if period < inf else None


def _seconds_after(costs: Sequence[OpCost], fetched: float, rate: float) -> float:
    """What ops take one after the other, the first of their bytes fetched before."""
    total = 0.0
    for cost in costs:
        ahead = min(cost.ddr_bytes, fetched)
        fetched -= ahead
        total += max(cost.seconds, (cost.ddr_bytes - ahead) / rate)
    return total


def _with_slices(
    ops: Sequence[GraphOp], stages: int, group: int, cores: int, hardware: Hardware, tuning: Tuning
) -> Arrangement | None:
    """Stages of several cards each, or one; None where slices gain nothing."""
    nodes = nodes_of(ops, group, cores, hardware)
    exchanges = Exchanges(group, "p2p", cores, hardware)
    rules = choose_rules(nodes, group, exchanges.seconds).rules
    if all(rule.state is Held.FIRST for rule in rules):
        return None
    seconds = [_WAITS * each for each in seconds_of(nodes, rules, group, exchanges.seconds)]
    passing = _passing(ops, group, hardware)
    cuts, period = _cut(seconds, stages, passing, ops)
    latency = sum(seconds) + sum(passing[cut] for cut in cuts)
    return Arrangement(cuts, group, period, latency) if period < inf else None


def _cut(
    seconds: Sequence[float], stages: int, passing: Sequence[float], ops: Sequence[GraphOp]
) -> tuple[tuple[int, ...], float]:
    """Cuts between nodes of the model, and what the slowest stage takes; infinity where there are too few."""
    allowed = [each if may_cut else inf for each, may_cut in zip(passing, _boundaries(ops), strict=True)]
    cuts = choose_cuts([seconds] * stages, allowed)
    spans = pairwise([0, *cuts, len(ops)])
    return tuple(cuts), max(sum(seconds[begin:end]) + allowed[begin] + allowed[end] for begin, end in spans)


def _passing(ops: Sequence[GraphOp], cards: int, hardware: Hardware) -> list[float]:
    """Seconds in which what crosses each cut passes: to the first card of a group, and from that to the others."""
    hops = 1 if cards == 1 else 2
    rate, start = hardware.p2p_bytes_per_second, hardware.p2p_latency_seconds
    return [hops * (size / rate + start) if size else 0.0 for size in crossing_bytes(ops)]


def _boundaries(ops: Sequence[GraphOp]) -> list[bool]:
    """Before each op, and behind the last: whether no node of the model has ops on both sides."""
    last = {name: n for n, op in enumerate(ops) if (name := node_name(op))}
    found, until = [True], -1
    for n, op in enumerate(ops):
        until = max(until, last.get(node_name(op), -1))
        found.append(until <= n)
    return found
