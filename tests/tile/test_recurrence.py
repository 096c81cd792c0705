"""Sequences that are too long for VTCM are gone through part by part, states handed on: as if done in one go."""

import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.importer import import_proto
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.module import set_target
from dialects.tile.instructions import ComputeOp, ForOp
from tests.models.recurrent import Cell, recurrent
from tests.tile.levels import assert_levels_agree

STEPS = 50


def network(cell: Cell, batch: int) -> ModuleOp:
    module = import_proto(recurrent(cell, STEPS, batch, 16, 32, layers=1, bidirectional=True))
    run_phases(module, phases_between("graph", "graph"))
    return module


@pytest.mark.parametrize("kilobytes", [104, 128])
@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_parts_of_a_sequence(cell: Cell, cores: int, kilobytes: int) -> None:
    target = TargetAttr.of("pro", {"vtcm_bytes": kilobytes << 10, "vtcm_reserved_bytes": 0})
    assert_levels_agree(network(cell, batch=3), cores, target, seed=0)


def test_the_loop_over_time_is_the_innermost() -> None:
    """Directions or batch are cut too, around it; what it hands on is copied in VTCM."""
    module = network("LSTM", batch=12)
    set_target(module, TargetAttr.of("pro", {"vtcm_bytes": 80 << 10, "vtcm_reserved_bytes": 0}), 1)
    run_phases(module, phases_between("shard", "tile"))
    recurrences = [op for op in module.walk() if isinstance(op, ComputeOp) and op.kernel.data == "lstm"]
    loop = recurrences[0].parent_op()
    assert isinstance(loop, ForOp)
    assert isinstance(loop.parent_op(), ForOp)
    kernels = [op.kernel.data for op in loop.body.block.ops if isinstance(op, ComputeOp)]
    assert kernels == ["lstm", "reshape", "reshape"]


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize(("cell", "steps"), [("LSTM", 5), ("LSTM", 1), ("GRU", 5)])
def test_weights_larger_than_vtcm(cell: Cell, steps: int, cores: int) -> None:
    """They go through VTCM once per step, in parts."""
    module = import_proto(recurrent(cell, steps, 2, 16, 130, layers=2))
    run_phases(module, phases_between("graph", "graph"))
    target = TargetAttr.of("pro", {"vtcm_bytes": 160 << 10, "vtcm_reserved_bytes": 0})
    assert_levels_agree(module, cores, target, seed=0)
