"""Scratch tensors in DDR: they share addresses, and the program computes what it computes when each has its own."""

from collections.abc import Sequence

import numpy as np
import pytest

from aic.importer import import_proto
from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.static_checks import check_program
from dialects.aic import TargetAttr
from dialects.module import main_of, set_target
from dialects.tile.ops import TensorOp, bytes_of
from dialects.tile.scratch import ALIGNMENT, is_scratch, scratch_end
from passes.scheduling.buffers import scratch_lives_of
from passes.scheduling.placement import Life, lower_bound
from tests.models.convolutional import unet
from tests.tile.networks import same_bits

VTCM = {"vtcm_bytes": 1 << 15, "vtcm_reserved_bytes": 0, "vtcm_alignment_bytes": 64}
"""So little that most activations do not stay in it."""


@pytest.mark.parametrize("cores", [1, 3])
def test_scratch_of_a_network(cores: int) -> None:
    module = import_proto(unet(32, base=8, depth=3))
    set_target(module, TargetAttr.of("pro", VTCM), cores)
    program = run_phases(module, phases_between("graph", "schedule"))
    scratch = [op for op in program.walk() if isinstance(op, TensorOp) and is_scratch(op)]
    whole, end = sum(bytes_of(tensor.result) for tensor in scratch), scratch_end(scratch)
    assert len(scratch) >= 10
    assert end <= 0.4 * whole
    assert end <= 1.05 * lower_bound(
        in_whole_units(list(scratch_lives_of(list(main_of(program).body.block.ops)).values()))
    )
    check_program(program)
    inputs = {"x": np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)}
    expected = load_program(program).run(inputs)
    assert same_bits(run_checked(program, inputs), expected)
    assert same_bits(run_checked(program, inputs, seed=0), expected)


def in_whole_units(lives: Sequence[Life]) -> list[Life]:
    return [Life(-(-life.size // ALIGNMENT) * ALIGNMENT, life.first, life.last) for life in lives]
