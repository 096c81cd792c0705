"""Cut transfers move what the whole did, in chains that are short enough, and programs keep their results."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.static_checks import check_program
from dialects import create_context
from dialects.aic import TargetAttr
from dialects.errors import DoesNotFit
from dialects.module import set_target
from dialects.tile.descriptors import Limits, Route
from dialects.tile.transfers import TransferOp
from passes.scheduling.chains import chains_of, longest, may_be_long
from passes.split_transfers import SplitTransfersPass
from tests.nsp.programs import PRO, module
from tests.tile.networks import same_bits
from tests.tile.random_graphs import Network, networks

TIGHT = {"dma_chain_descriptors": 4.0, "dma_stride_bytes": 12.0, "dma_rows": 3.0}
LIMITS = Limits.of(PRO)._replace(chain=4, stride_bytes=12, rows=3)
SMALL = {"vtcm_reserved_bytes": 0.0, "vtcm_alignment_bytes": 64.0, "vtcm_bytes": 65536.0}
CORES, TRIPS = 2, 2


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A body with a transfer of some of the rows and columns that each core holds, in a loop."""
    rows, columns, wide = draw(st.integers(1, 24)), draw(st.integers(1, 6)), draw(st.integers(0, 6))
    first = draw(st.integers(0, rows - 1))
    low = draw(st.sampled_from([f"{rows} m0 + i0", f"max({rows} m0 + i0, {first})"]))
    high = draw(st.sampled_from([f"{rows} m0 + {rows}", f"min({rows} m0 + {rows}, {rows + first})"]))
    kind = draw(st.sampled_from(["load", "store", "exchange"]))
    window = f"{rows} m0 to {rows} m0 + {rows}, 0 to {columns}"
    memory = f'memref<{2 * rows}x{columns + wide}xf16, "ddr">'
    box, own = f"box = #tile.box<[{CORES}] : {low} to {high}, 0 to {columns}>", ""
    source, target = {"load": ("%x", "%a"), "store": ("%a", "%x"), "exchange": ("%a", "%b")}[kind]
    if kind == "exchange":
        own = f", own = #tile.box<[{CORES}] : {window}>"
        box = f"box = #tile.box<[{CORES}] : {first} to {rows + first}, 0 to {columns}>"
    return f"""
      %x = tile.tensor {{role = "scratch"}} : {memory}
      %a = tile.alloc {{window = #tile.box<[{CORES}] : {window}>}} : memref<{rows}x{columns}xf16, "vtcm">
      %b = tile.alloc {{window = #tile.box<[{CORES}] : 0 to {2 * rows}, 0 to {columns}>}}
        : memref<{2 * rows}x{columns + wide}xf16, "vtcm">
      tile.for {TRIPS} {{ tile.{kind} {source}, {target} {{{box}{own}}} }}"""


def transfers(program: ModuleOp) -> list[TransferOp]:
    return [op for op in program.walk() if isinstance(op, TransferOp)]


def positions(op: TransferOp) -> Iterator[tuple[tuple[int, ...], int, tuple[int, ...]]]:
    """Iteration, core and position of everything that a transfer moves."""
    for iteration in np.ndindex(TRIPS):
        low, high = op.box.data.bounds(CORES, iteration)
        for core in range(CORES):
            for at in np.ndindex(*np.maximum(high[core] - low[core], 0)):
                yield iteration, core, tuple((low[core] + at).tolist())


@given(programs())
def test_parts_are_the_whole(body: str) -> None:
    program = module(body, CORES, str(TargetAttr.of("pro", TIGHT)))
    (whole,) = transfers(program)
    moved = sorted(positions(whole))
    most = longest(chains_of(whole, CORES, (TRIPS,)), Route.of(whole), LIMITS)
    assert may_be_long(whole, CORES, LIMITS) or most <= LIMITS.chain
    SplitTransfersPass().apply(create_context(), program)
    parts = transfers(program)
    assert (len(parts) > 1) == (most > LIMITS.chain)
    assert sorted(place for part in parts for place in positions(part)) == moved
    for part in parts:
        assert longest(chains_of(part, CORES, (TRIPS,)), Route.of(part), LIMITS) <= LIMITS.chain


def results(network: Network, cores: int, limits: Mapping[str, float]) -> dict[str, npt.NDArray[Any]] | None:
    """What a checked program of a network gives, fast and in checked mode; None when it does not fit into VTCM."""
    copy = network.module.clone()
    (port,) = GraphRunner(copy).inputs
    inputs = {port.name: np.random.default_rng(0).standard_normal(port.type.get_shape()).astype(port.dtype)}
    set_target(copy, TargetAttr.of("pro", {**SMALL, **limits}), cores)
    try:
        program = run_phases(copy, phases_between("shard", "schedule"))
    except DoesNotFit:
        return None
    check_program(program)
    fast = load_program(program).run(inputs)
    assert same_bits(run_checked(program, inputs, seed=0), fast)
    return fast


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.sampled_from([1, 3]))
def test_programs_keep_their_results(network: Network, cores: int) -> None:
    expected = results(network, cores, {})
    assume(expected is not None)
    found = results(network, cores, TIGHT)
    assert found is not None
    assert same_bits(found, expected)
