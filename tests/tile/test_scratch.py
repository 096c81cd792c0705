"""Scratch tensors in DDR: they share addresses, and the program computes what it computes when each has its own."""

import numpy as np
import pytest

from aic.importer import import_proto
from aic.memory_use import memory_use
from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.static_checks import check_program
from dialects.aic import TargetAttr
from dialects.module import set_target
from dialects.tile.buffers import TensorOp, bytes_of
from dialects.tile.scratch import is_scratch
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
    assert len(scratch) >= 10
    room = memory_use(program).ddr_scratch
    assert room.taken <= 0.4 * sum(bytes_of(tensor.result) for tensor in scratch)
    assert 0 <= room.gap <= 0.05
    check_program(program)
    inputs = {"x": np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)}
    expected = load_program(program).run(inputs)
    assert same_bits(run_checked(program, inputs), expected)
    assert same_bits(run_checked(program, inputs, seed=0), expected)
