"""Drawn networks with one thing changed: what the static checks refuse, checked mode shows, and what they accept runs.

Changes of waits are tried in several orders of the queues, changes of memory in the order of the text.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, i64

from aic.interpreter.graph import GraphRunner
from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.static_checks import check_program
from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.module import set_target
from dialects.text import print_module
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box, Interval
from dialects.tile.buffers import AllocOp
from dialects.tile.instructions import FillOp, ForOp, InstructionOp
from dialects.tile.transfers import ExchangeOp, TransferOp
from passes.check_bounds import check_bounds
from passes.check_buffers import check_buffers
from passes.check_initialized import check_initialized
from passes.checking.history import history_of
from passes.checking.program import unroll
from tests.interleavings.programs import FAULTS
from tests.tile.networks import same_bits
from tests.tile.random_graphs import Network, networks

Inputs: TypeAlias = Mapping[str, npt.NDArray[Any]]
Fault: TypeAlias = Callable[[Random, ModuleOp], None]

SMALL = {"vtcm_reserved_bytes": 0, "vtcm_alignment_bytes": 64}
CORES, VTCM = st.sampled_from([1, 3, 4]), st.sampled_from([1024, 2048, 1 << 16])
SEEDS = range(3)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def scheduled(network: Network, cores: int, vtcm: int) -> tuple[ModuleOp, Inputs] | None:
    """The program of a network with inputs for it; None when it does not fit into so much VTCM."""
    module = network.module
    (port,) = GraphRunner(module).inputs
    inputs = {port.name: np.random.default_rng(0).standard_normal(port.type.get_shape()).astype(port.dtype)}
    set_target(module, TargetAttr.of("pro", {**SMALL, "vtcm_bytes": vtcm}), cores)
    try:
        return run_phases(module, phases_between("shard", "schedule")), inputs
    except AicError as error:
        if "bytes of VTCM" not in str(error):
            raise
        return None


def refusal(check: Callable[..., object], *arguments: object, **keywords: object) -> str:
    """The message of an AicError; empty when there is none."""
    try:
        check(*arguments, **keywords)
    except AicError as error:
        return str(error)
    return ""


@FEW
@given(networks(), CORES, VTCM, st.randoms(use_true_random=False))
def test_waits(network: Network, cores: int, vtcm: int, random: Random) -> None:
    program = scheduled(network, cores, vtcm)
    if program is None:
        return
    module, inputs = program
    expected = load_program(module).run(inputs)
    assert all(same_bits(run_checked(module, inputs, seed=seed), expected) for seed in SEEDS)
    for _ in range(4):
        changed = module.clone()
        random.choice(FAULTS)(random, changed)
        static = refusal(check_program, changed)
        runs = [refusal(expect, expected, changed, inputs, seed) for seed in SEEDS]
        assert agrees(static, runs), f"{static}\n{runs}\n{print_module(changed)}"


def expect(expected: Inputs, module: ModuleOp, inputs: Inputs, seed: int) -> None:
    assert same_bits(run_checked(module, inputs, seed=seed), expected)


def agrees(static: str, runs: Sequence[str]) -> bool:
    """Whether verdicts of checked mode are what a static verdict promises."""
    if not static:
        return not any(runs)
    if "deadlocks" in static:
        # Where there is a race, too, that may be found first.
        return all("deadlocks" in run or "without waiting" in run for run in runs)
    if "has races" in static:
        return all("without waiting" in run for run in runs)
    if "does not quiesce" in static:
        # Transfers that nobody awaits are seen by the static check only.
        return "raises no signal" in static or all(runs)
    return True


@FEW
@given(networks(), CORES, VTCM, st.randoms(use_true_random=False))
def test_memory(network: Network, cores: int, vtcm: int, random: Random) -> None:
    program = scheduled(network, cores, vtcm)
    if program is None:
        return
    module, inputs = program
    for _ in range(8):
        changed = module.clone()
        random.choice(MEMORY_FAULTS)(random, changed)
        static = refusal(check_memory, changed)
        run = refusal(run_checked, changed, inputs)
        if "stores to the same place" not in run:  # a race
            assert bool(static) == bool(run), f"{static}\n{run}\n{print_module(changed)}"


def check_memory(module: ModuleOp) -> None:
    program = unroll(module)
    check_bounds(program)
    history = history_of(program)
    check_buffers(history)
    check_initialized(history)


def of(kind: type, module: ModuleOp) -> list[Any]:
    return [op for op in module.walk() if isinstance(op, kind)]


def nudged(random: Random, box: Box) -> Box:
    """A box with one form of one bound moved by one."""
    if not box.dims:
        return box
    dims = list(box.dims)
    at, by = random.randrange(len(dims)), random.choice((-1, 1))
    low, high = list(dims[at].low), list(dims[at].high)
    side = random.choice((low, high))
    which = random.randrange(len(side))
    side[which] = side[which] + by
    dims[at] = Interval(tuple(low), tuple(high))
    return Box(box.mesh, tuple(dims))


def change_box(random: Random, module: ModuleOp) -> None:
    op = random.choice(of(TransferOp, module))
    op.properties["box"] = BoxAttr(nudged(random, op.box.data))


def change_own(random: Random, module: ModuleOp) -> None:
    for op in of(ExchangeOp, module)[:1]:
        op.properties["own"] = BoxAttr(nudged(random, op.own.data))


def change_padding(random: Random, module: ModuleOp) -> None:
    for op in of(FillOp, module)[:1]:
        shape = list(op.extents)
        shape[random.randrange(len(shape))] += random.choice((-1, 1))
        op.properties["shape"] = DenseArrayBase.from_list(i64, shape)


def change_address(random: Random, module: ModuleOp) -> None:
    alloc = random.choice(of(AllocOp, module))
    moved = alloc.address.value.data + 64 * random.choice((-2, -1, 1, 2))
    alloc.properties["address"] = IntegerAttr(max(0, moved), i64)


def share_address(random: Random, module: ModuleOp) -> None:
    allocs = of(AllocOp, module)
    random.choice(allocs).properties["address"] = random.choice(allocs).address


def change_depth(random: Random, module: ModuleOp) -> None:
    for alloc in of(AllocOp, module):
        if alloc.window.data.loop_depth:
            alloc.properties["depth"] = IntegerAttr(max(1, alloc.slots + random.choice((-1, 1))), i64)
            return


def drop(random: Random, module: ModuleOp) -> None:
    op = random.choice(of(InstructionOp, module))
    op.detach()
    op.erase()


def swap(random: Random, module: ModuleOp) -> None:
    pairs = [(op, op.next_op) for op in of(InstructionOp, module) if isinstance(op.next_op, InstructionOp)]
    if pairs:
        first, second = random.choice(pairs)
        second.detach()
        first.parent.insert_op_before(second, first)


def change_trips(random: Random, module: ModuleOp) -> None:
    for loop in of(ForOp, module)[:1]:
        loop.properties["trips"] = IntegerAttr(max(1, loop.count + random.choice((-1, 1))), i64)


def change_ahead(random: Random, module: ModuleOp) -> None:
    for op in of(InstructionOp, module):
        if op.ahead is not None:
            op.properties["ahead"] = IntegerAttr(random.choice((0, 2)), i64)
            return


MEMORY_FAULTS: tuple[Fault, ...] = (
    change_box, change_box, change_own, change_padding, change_address, share_address, change_depth, drop, swap,
    change_trips, change_ahead,
)  # fmt: skip
