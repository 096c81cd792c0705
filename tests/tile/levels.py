"""One network at every level."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.interpreter.sharded import run_sharded
from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.static_checks import check_program
from dialects.aic import TargetAttr
from dialects.module import set_target
from tests.tile.networks import same_bits

Outputs = Mapping[str, npt.NDArray[Any]]


def assert_levels_agree(module: ModuleOp, cores: int, target: TargetAttr, seed: int) -> None:
    """The sharded, tiled and scheduled module computes what the graph does, within what the order of sums makes, and
    passes all checks; the values engine and the checked mode give the same bits.

    Raises AicError when the network does not fit into the target's VTCM.
    """
    runner = GraphRunner(module)
    (port,) = runner.inputs
    shape = port.type.get_shape()
    inputs = {port.name: np.random.default_rng(seed).standard_normal(shape).astype(port.dtype)}
    expected = runner.run(inputs)
    set_target(module, target, cores)
    run_phases(module, phases_between("shard", "shard"))
    assert_close(run_sharded(module, inputs), expected)
    run_phases(module, phases_between("tile", "tile"))
    tiled = load_program(module).run(inputs)
    assert_close(tiled, expected)
    run_phases(module, phases_between("schedule", "schedule"))
    check_program(module)
    assert same_bits(load_program(module).run(inputs), tiled)
    assert same_bits(run_checked(module, inputs), tiled)


def assert_close(actual: Outputs, expected: Outputs) -> None:
    """Equal up to a few roundings of the largest element."""
    assert actual.keys() == expected.keys()
    for name, wanted in expected.items():
        wide = wanted.astype(np.float64)
        bound = (4e-3 if wanted.dtype == np.float16 else 2e-6) * np.abs(wide).max(initial=1e-3)
        np.testing.assert_allclose(
            actual[name].astype(np.float64), wide, rtol=0, atol=bound * np.abs(wide).max(initial=1e-3)
        )
