"""Random networks through every pass and level, to the loaded QPC, on one core and on several."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aic.emit import emit_qpc
from aic.phases import phases_between, run_phases
from aic.validation import PassValidator
from dialects.aic import TargetAttr
from dialects.module import set_target
from tests.tile.more_operations import MORE_OPS, expand
from tests.tile.random_graphs import (
    MOVES,
    OPS,
    WINDOWS,
    Network,
    binary,
    concat,
    matmul,
    networks,
    reduce,
    reshape,
    softmax,
    transpose,
    unary,
)

MOVING = networks(
    (*MOVES, transpose, transpose, reshape, expand, concat, binary, unary, reduce, softmax, matmul), most=12
)
RICH = networks((*OPS, *MOVES, *WINDOWS, *MORE_OPS), most=10)
CORES = st.sampled_from([1, 3, 16])


def check(network: Network, cores: int, fp16: bool) -> None:
    """No pass drifts, and the QPC computes what the scheduled module does."""
    module, validator = network.module, PassValidator()
    set_target(module, TargetAttr.of("pro"), cores)
    run_phases(module, phases_between("graph", "schedule"), fp16=fp16, observer=validator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "programqpc.bin"
        emit_qpc(module, path)
        validator.qpc_written(path)
    assert [verdict.phase for verdict in validator.verdicts][-2:] == ["schedule", "emit"]


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(RICH, CORES, st.booleans())
def test_no_pass_drifts(network: Network, cores: int, fp16: bool) -> None:
    check(network, cores, fp16)


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(MOVING)
def test_graphs_that_move_values_much(network: Network) -> None:
    """The graph phase alone: its patterns meet in many ways."""
    run_phases(network.module, phases_between("graph", "graph"), observer=PassValidator())


@pytest.mark.sweep
@settings(max_examples=5000, suppress_health_check=list(HealthCheck))
@given(RICH, CORES, st.booleans())
def test_no_pass_drifts_on_many(network: Network, cores: int, fp16: bool) -> None:
    check(network, cores, fp16)
