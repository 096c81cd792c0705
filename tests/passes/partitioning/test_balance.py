"""Several cards: no other cuts between nodes make the slowest stage faster; how they are best arranged."""

from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from aic.importer import import_model
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.graph.base import GraphOp
from dialects.graph.locations import node_name
from dialects.module import main_of, set_target, target_of
from dialects.tuning import Tuning
from dialects.weights import drop_store, store_of
from passes.partitioning.arrangements import Arrangement, arrangements, best_of
from passes.partitioning.costs import costs_on, crossing_bytes
from tests.models.digits import DIGITS_BN

CORES = 2
CARDS = {"a card": {}, "a slow link": {"p2p_bytes_per_second": 1e7}, "slow memory": {"ddr_bytes_per_second": 1e8}}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_slowest_stage_is_as_fast_as_can_be(count: int, card: str, tmp_path: Path) -> None:
    module = import_model(DIGITS_BN, weights_dir=str(tmp_path))
    set_target(module, TargetAttr.of("pro", CARDS[card]), CORES)
    run_phases(module, phases_between("graph", "graph"), fp16=True)
    ops, hardware = [op for op in main_of(module).body.block.ops if isinstance(op, GraphOp)], target_of(module).hardware
    costs = costs_on(ops, CORES, hardware, Tuning()).ops
    seconds = [max(cost.seconds, cost.ddr_bytes / hardware.ddr_bytes_per_second) for cost in costs]
    crossing = [
        size / hardware.p2p_bytes_per_second + hardware.p2p_latency_seconds if size else 0.0
        for size in crossing_bytes(ops)
    ]

    def slowest(cuts: tuple[int, ...]) -> float:
        stages = pairwise([0, *cuts, len(ops)])
        return max(sum(seconds[begin:end]) + crossing[begin] + crossing[end] for begin, end in stages)

    pipeline = next(arrangements(ops, count, CORES, hardware, Tuning()))
    names = [node_name(op) for op in ops]
    between_nodes = [n for n in range(1, len(ops)) if not set(names[:n]) & set(names[n:])]
    best = min(map(slowest, combinations(between_nodes, count - 1)))
    assert pipeline.cards == 1
    assert slowest(pipeline.cuts) == pytest.approx(best)
    assert pipeline.period_seconds == pytest.approx(best)
    drop_store(store_of(module).folder)


PIPELINE = Arrangement((4, 9, 12), 1, 1.0, 3.9)
MIXED = Arrangement((8,), 2, 1.5, 2.4)
SLICED = Arrangement((), 4, 2.0, 2.0)


def test_the_objective_decides() -> None:
    ways = [PIPELINE, MIXED, SLICED]
    assert best_of(ways, "throughput") is PIPELINE
    assert best_of(ways, "latency") is SLICED


def test_where_ways_are_as_good_the_other_measure_decides() -> None:
    slower = replace(SLICED, period_seconds=2.39, latency_seconds=2.39)
    assert best_of([PIPELINE, MIXED, slower], "latency") is MIXED
    assert best_of([PIPELINE, replace(MIXED, period_seconds=1.01)], "throughput").cards == 2


def test_stages_and_their_cards() -> None:
    assert [MIXED.stage_of(op) for op in (0, 7, 8, 20)] == [0, 0, 1, 1]
    assert [list(MIXED.devices_of(stage)) for stage in (0, 1)] == [[0, 1], [2, 3]]
    assert [each.told for each in (PIPELINE, MIXED, SLICED)] == [
        "a pipeline of 4 cards",
        "a pipeline of 2 stages, each in slices on 2 cards",
        "slices on 4 cards",
    ]
