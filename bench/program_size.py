"""Operations of the scheduled program: their number hardly follows cores and batch, and each does something."""

from collections.abc import Iterator

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.compiler import lower
from aic.options import options_from_keywords
from bench.measurement import Measurement
from bench.networks import Network
from dialects.module import cores_of, main_of
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.instructions import FillOp, ForOp, InstructionOp
from dialects.tile.program_order import program_order
from dialects.tile.senders import exchange_parts
from dialects.tile.transfers import ExchangeOp


def measure_program_size(network: Network, batched: Network | None = None) -> Iterator[Measurement]:
    """Ratios of operation counts over cores, and over batch sizes where there is a second network for that."""
    programs = {cores: _scheduled(network, cores) for cores in (1, 2, 16)}
    count = {cores: _operations(program) for cores, program in programs.items()}
    what = f"operations of {network.name}, 16 cores"
    yield Measurement(what, count[16], "ops", "2 cores", count[2], 1.2)
    yield Measurement(what, count[16], "ops", "1 core", count[1], 1.6)
    if batched is not None:
        more = _operations(_scheduled(batched, 16))
        yield Measurement(f"operations of {batched.name}, 16 cores", more, "ops", network.name, count[16], 1.2)
    idle = sum(map(_idle_operations, programs.values()))
    yield Measurement(f"operations of {network.name} that do nothing", idle, "ops", "one", 1, 0.0)


def _scheduled(network: Network, cores: int) -> ModuleOp:
    options = options_from_keywords(model=network.path, aic_num_cores=cores, convert_to_fp16=True)
    return lower(options, "schedule")


def _operations(module: ModuleOp) -> int:
    return sum(1 for _ in module.walk())


def _idle_operations(module: ModuleOp) -> int:
    """Instructions that change nothing on any core in any iteration, memory that nobody touches, loops of nothing."""
    body, cores = main_of(module).body.block, cores_of(module)
    runs = program_order(body)
    working = {op for op, iteration in runs if works(op, iteration, cores)}
    touched = {value.owner for op in working for value in op.operands}
    return sum(
        (isinstance(op, InstructionOp) and op not in working)
        or (isinstance(op, TensorOp | AllocOp) and op not in touched)
        or (isinstance(op, ForOp) and op.body.block.first_op is None)
        for op in module.walk()
    )


def works(op: InstructionOp, iteration: tuple[int, ...], cores: int) -> bool:
    """True when an instruction changes something on some core."""
    match op:
        case ExchangeOp():
            own, need = (box.data.bounds(cores, iteration) for box in (op.own, op.box))
            return len(exchange_parts(own, need, in_place=op.source is op.destination).at) > 0
        case FillOp():
            low, high = op.accesses()[0][1].bounds(cores, iteration)
            return bool(((low < 0) | (high > np.array(op.extents))).any())
        case _:
            return bool((op.accesses()[-1][1].volume(cores, iteration) > 0).any())
