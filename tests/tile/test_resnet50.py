"""What the issue of the levels below the graph promises, asserted on ResNet-50 (light, drawn weights) in fp16."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.sharded import run_sharded
from bench.program_size import works
from dialects.errors import AicError
from dialects.module import main_of
from dialects.tile.boxes import core_coordinates
from dialects.tile.buffers import AllocOp, TensorOp, type_of
from dialects.tile.instructions import ComputeOp, InstructionOp
from dialects.tile.program_order import program_order
from dialects.tile.reshard import ReshardOp, sharding_of
from dialects.tile.sharding import Sharding, Split
from dialects.tile.transfers import LoadOp, MulticastOp, StoreOp
from tests.models.light import batched_resnet50, drawn_path, image
from tests.tile.networks import lowered

INPUT = "gpu_0/data_0"


@cache
def scheduled(cores: int, batch: int = 1) -> ModuleOp:
    """The scheduled program; tests only look at it."""
    return lowered(drawn_path("resnet50") if batch == 1 else batched_resnet50(batch), cores)


def operations(module: ModuleOp) -> int:
    return sum(1 for _ in module.walk())


def declared(module: ModuleOp) -> list[TensorOp | AllocOp]:
    return [op for op in module.walk() if isinstance(op, TensorOp | AllocOp)]


def role(value: object) -> str:
    owner = getattr(value, "owner", None)
    return owner.role.data if isinstance(owner, TensorOp) else "vtcm"


def test_ddr_sees_activations_only_at_inputs_and_outputs() -> None:
    module = scheduled(16)
    assert [op.role.data for op in declared(module) if isinstance(op, TensorOp)].count("scratch") == 0
    moved = [op for op, _ in program_order(main_of(module).body.block)]
    read = [role(op.source) for op in moved if isinstance(op, LoadOp | MulticastOp)]
    assert set(read) == {"input", "constant"}
    assert read.count("input") == 1
    assert [role(op.destination) for op in moved if isinstance(op, StoreOp)] == ["output", "output"]
    computed = [op for op in moved if isinstance(op, ComputeOp)]
    assert {role(value) for op in computed for value in op.operands} == {"vtcm"}


def test_each_weight_leaves_ddr_once() -> None:
    """The boxes that DDR sends of each constant cover it without overlap; what is multicast is sent once."""
    module, cores = scheduled(16), 16
    sent = {
        op: np.zeros(type_of(op.result).get_shape(), np.int32)
        for op in declared(module)
        if isinstance(op, TensorOp) and op.role.data == "constant"
    }
    for op, iteration in program_order(main_of(module).body.block):
        if isinstance(op, LoadOp | MulticastOp) and op.source.owner in sent:
            low, high = op.box.data.bounds(cores, iteration)
            for core in readers(op, cores):
                if (high[core] > low[core]).all():
                    part = tuple(slice(int(a), int(b)) for a, b in zip(low[core], high[core], strict=True))
                    sent[op.source.owner][part] += 1
    assert len(sent) > 100
    assert all((count == 1).all() for count in sent.values())


def readers(op: LoadOp | MulticastOp, cores: int) -> list[int]:
    """Cores that read DDR: all, or of a multicast one per group of receivers."""
    if isinstance(op, LoadOp):
        return list(range(cores))
    coordinates = core_coordinates(cores, op.box.data.mesh)
    apart = [axis for axis in range(coordinates.shape[1]) if axis not in op.axes.get_values()]
    groups = {tuple(coordinates[core, apart]): core for core in reversed(range(cores))}
    return sorted(groups.values())


@pytest.mark.parametrize("cores", [14, 16])
def test_large_layers_keep_at_least_14_cores_busy(cores: int) -> None:
    busy: dict[ComputeOp, set[bytes]] = {}
    for op, iteration in program_order(main_of(scheduled(cores)).body.block):
        if isinstance(op, ComputeOp):
            low, high = op.accesses()[-1][1].bounds(cores, iteration)
            rows = np.concatenate([low, high], axis=1)
            busy.setdefault(op, set()).update(
                row.tobytes() for row, work in zip(rows, (high > low).all(axis=1), strict=True) if work
            )
    large = {op: boxes for op, boxes in busy.items() if min(made(op, cores)[1:3], default=0) >= 14}
    assert len(large) > 60
    assert min(len(boxes) for boxes in large.values()) >= 14


def made(op: ComputeOp, cores: int) -> tuple[int, ...]:
    """Extents of what all cores together make of an image [batch, rows, columns, channels]; empty for other ranks."""
    low, high = op.accesses()[-1][1].bounds(cores)
    return tuple((high.max(axis=0) - low.min(axis=0)).tolist()) if low.shape[1] == 4 else ()


@pytest.mark.parametrize("cores", [1, 4, 16])
def test_no_op_does_nothing(cores: int) -> None:
    module = scheduled(cores)
    used = {value.owner for op in module.walk() if isinstance(op, InstructionOp) for value in op.operands}
    assert [op for op in declared(module) if op not in used] == []
    working = {op for op, iteration in program_order(main_of(module).body.block) if works(op, iteration, cores)}
    assert [op for op in module.walk() if isinstance(op, InstructionOp) and op not in working] == []


def test_the_size_of_the_program_hardly_follows_cores_and_batch() -> None:
    most = operations(scheduled(16))
    assert most <= 1.2 * operations(scheduled(2))
    assert most <= 1.6 * operations(scheduled(1))
    assert operations(scheduled(16, batch=64)) <= 1.2 * most


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("cores", [4, 16])
def test_a_halo_of_one_row_too_few_is_caught(cores: int, side: str) -> None:
    module = lowered(drawn_path("resnet50"), cores, "shard")
    op, dim = next(halos(module, side))
    narrow_halo(op, dim, side)
    with pytest.raises(AicError, match=r"graph\.\w+ at .*: core \d+ needs \[.*\] of operand 0 and holds \["):
        run_sharded(module, {INPUT: image(0)})


def halos(module: ModuleOp, side: str) -> Iterator[tuple[ReshardOp, int]]:
    """Reshards that bring rows of other cores, and the dimension in question."""
    for op in main_of(module).body.block.ops:
        sharding = sharding_of(op.output) if isinstance(op, ReshardOp) else None
        if isinstance(op, ReshardOp) and sharding is not None:
            for dim, split in enumerate(sharding.splits):
                if split.axis is not None and getattr(split, side) > 0:
                    yield op, dim


def narrow_halo(op: ReshardOp, dim: int, side: str) -> None:
    """Takes one position off a halo."""
    sharding = sharding_of(op.output)
    assert sharding is not None
    splits = list(sharding.splits)
    old = splits[dim]
    splits[dim] = Split(old.axis, old.block, old.before - (side == "before"), old.after - (side == "after"))
    fill = None if op.fill is None else op.fill.value.data
    narrower = ReshardOp.of(op.input, Sharding("vtcm", sharding.mesh, tuple(splits)), fill)
    narrower.location = op.location
    block = op.parent_block()
    assert block is not None
    block.insert_op_before(narrower, op)
    op.output.replace_all_uses_with(narrower.output)
    op.detach()
    op.erase()
