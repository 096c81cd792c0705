"""Stages over several cards: no other cuts make the slowest one faster."""

from itertools import combinations, pairwise
from pathlib import Path

import pytest

from aic.importer import import_model
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.graph.base import GraphOp
from dialects.module import main_of, set_target, target_of
from dialects.tuning import Tuning
from dialects.weights import drop_store, store_of
from passes.partitioning.balance import cuts_over_cards
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

    chosen = cuts_over_cards(ops, count, CORES, hardware, Tuning())
    best = min(map(slowest, combinations(range(1, len(ops)), count - 1)))
    assert slowest(tuple(chosen)) == pytest.approx(best)
    drop_store(store_of(module).folder)
