"""Runs sharded modules shard by shard: the check that shardings, halos and reshards are right.

Every core has arrays of its own, each as large as the window that the sharding gives it. An op on a core reads from
these arrays alone, and what it needs outside of its window is an error that names op and core: no core ever sees the
whole tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from aic.interpreter.graph import Observer, input_ports, output_ports
from aic.interpreter.parts import Mail, Running, run_parts
from dialects.element_types import held_dtype, nearest_value
from dialects.errors import AicError
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.kernels import Array
from dialects.module import cores_of, main_of
from dialects.rounding import round_to
from dialects.tile.boxes import Integers
from dialects.tile.reshard import ReshardOp, sharding_of
from dialects.tile.sharding import Sharding
from dialects.weights import WeightStore, store_of
from passes.sharding.requirements import required_box


@dataclass(frozen=True)
class Shard:
    """What one core holds of a tensor: an array whose first position is `corner` of the tensor."""

    array: Array
    corner: Integers


@dataclass(frozen=True)
class Sharded:
    """A tensor held by cores: its shape, its sharding, a shard per core."""

    shape: tuple[int, ...]
    sharding: Sharding
    shards: tuple[Shard, ...]


Value: TypeAlias = Array | Sharded
"""A tensor in DDR (an array), or one in VTCM."""


def run_sharded(module: ModuleOp, inputs: Mapping[str, Array], observe: Observer | None = None) -> dict[str, Array]:
    """Outputs by name for inputs by name. Raises AicError when a core needs what it does not hold.

    `observe` sees every op and reshard with its result, put together from what the cores own.
    """
    mail = Mail()
    return run_parts({"": start_sharded(module, inputs, mail, observe)}, mail)


def start_sharded(
    module: ModuleOp, inputs: Mapping[str, Array], mail: Mail, observe: Observer | None = None
) -> Running:
    """The same as a part of a network, which waits for what others send."""
    main = main_of(module)
    run = _Run(cores_of(module), store_of(module))
    for argument, port in zip(main.body.block.args, input_ports(main), strict=True):
        run.values[argument] = inputs[port.name].astype(held_dtype(port.type.element_type), copy=False)
    outputs: dict[str, Array] = {}
    with np.errstate(all="ignore"):
        for op in main.body.block.ops:
            match op:
                case ConstantOp():
                    run.values[op.output] = run.store.held(op.value)
                case ReshardOp():
                    run.values[op.output] = run.reshard(op)
                case GraphOp():
                    run.values[op.output] = run.compute(op)
                case ReceiveOp():
                    run.values[op.output] = yield from mail.awaited(op.channel)
                case SendOp():
                    mail.put(op.channel, run.in_ddr(op.input))
                case ReturnOp():
                    for value, port in zip(op.operands, output_ports(main), strict=True):
                        outputs[port.name] = run.in_ddr(value).astype(port.dtype)
                case _:
                    raise AicError(f"{op.name} at {op.location} cannot be run at the sharded level")
            if observe is not None and isinstance(op, GraphOp | ReshardOp) and not isinstance(op, ConstantOp):
                observe(op, whole(run.values[op.output]))
    return outputs


def whole(value: Value) -> Array:
    """The tensor, put together from what each core owns."""
    if not isinstance(value, Sharded):
        return value
    result = np.zeros(value.shape, value.shards[0].array.dtype)
    low, high = value.sharding.owned(value.shape).bounds(len(value.shards))
    for shard, begin, end in zip(value.shards, low, np.minimum(high, value.shape), strict=True):
        if (end > begin).all():
            result[_range(begin, end)] = shard.array[_range(begin - shard.corner, end - shard.corner)]
    return result


class _Run:
    def __init__(self, cores: int, store: WeightStore):
        self.cores = cores
        self.store = store
        self.values: dict[SSAValue, Value] = {}

    def in_ddr(self, value: SSAValue) -> Array:
        """A value that must lie in DDR."""
        held = self.values[value]
        if isinstance(held, Sharded):
            raise AicError(f"a value of type {value.type} is used as if it lay in DDR")
        return held

    def reshard(self, op: ReshardOp) -> Value:
        """The value, held as the result type says."""
        source, target = self.values[op.input], sharding_of(op.output)
        tensor = tensor_type(op.output)
        shape, dtype = tensor.get_shape(), held_dtype(tensor.element_type)
        if target is None or target.home == "ddr":
            whole = Shard(np.zeros(shape, dtype), np.zeros(len(shape), np.int64))
            _gather(op, source, whole, whole.corner, np.array(shape, np.int64))
            return whole.array
        low, high = target.window(shape).bounds(self.cores)
        shards: list[Shard] = []
        for core in range(self.cores):
            outside = _poison(dtype) if op.fill is None else nearest_value(op.fill.value.data, tensor.element_type)
            array = np.full(np.maximum(high[core] - low[core], 0), outside, dtype)
            shard = Shard(array, low[core])
            _gather(op, source, shard, np.maximum(low[core], 0), np.minimum(high[core], shape), core)
            shards.append(shard)
        return Sharded(shape, target, tuple(shards))

    def compute(self, op: GraphOp) -> Sharded:
        """Result of an op, made core by core."""
        sharding, shape = sharding_of(op.output), op.result_type.get_shape()
        if sharding is None or sharding.home == "ddr":
            raise AicError(f"{op.name} at {op.location}: result of type {op.output.type} is not sharded over cores")
        indexing, arguments = op.indexing(), op.local_arguments()
        owned = sharding.owned(shape)
        needs = [
            required_box(accesses, t.get_shape(), owned).bounds(self.cores)
            for accesses, t in zip(indexing.operands, op.operand_types, strict=True)
        ]
        low, high = owned.bounds(self.cores)
        element, shards = op.result_type.element_type, list[Shard]()
        for core in range(self.cores):
            extents = tuple(int(e) for e in np.maximum(high[core] - low[core], 0))
            if 0 in extents:
                shards.append(Shard(np.zeros(extents, held_dtype(element)), low[core]))
                continue
            operands = [self._part(op, index, core, need[0][core], need[1][core]) for index, need in enumerate(needs)]
            shaped = {"shape": extents} if op.NEEDS_SHAPE else {}
            result = np.asarray(op.kernel()(*operands, **arguments, **shaped))
            shards.append(Shard(result if op.EXACT else round_to(result, element), low[core]))
        return Sharded(shape, sharding, tuple(shards))

    def _part(self, op: GraphOp, index: int, core: int, low: Integers, high: Integers) -> Array:
        """What a core needs of an operand, out of what it holds."""
        value = self.values[op.operands[index]]
        if not isinstance(value, Sharded):
            return value[_range(low, high)]
        shard = value.shards[core]
        begin, end = low - shard.corner, high - shard.corner
        if (begin < 0).any() or (end > shard.array.shape).any():
            held = [f"{a} to {a + n}" for a, n in zip(shard.corner, shard.array.shape, strict=True)]
            need = [f"{a} to {b}" for a, b in zip(low, high, strict=True)]
            raise AicError(
                f"{op.name} at {op.location}: core {core} needs [{', '.join(need)}] of operand {index} "
                f"and holds [{', '.join(held)}]"
            )
        return shard.array[tuple(slice(int(a), int(b)) for a, b in zip(begin, end, strict=True))]


def _gather(op: ReshardOp, source: Value, target: Shard, low: Integers, high: Integers, core: int = 0) -> None:
    """Fills positions [low, high) of a shard from DDR or from the cores that own them; all of them must be owned."""
    if (high <= low).any():
        return
    if not isinstance(source, Sharded):
        target.array[_range(low - target.corner, high - target.corner)] = source[_range(low, high)]
        return
    missing = np.ones(tuple(high - low), np.bool_)
    own_low, own_high = source.sharding.owned(source.shape).bounds(len(source.shards))
    for owner in (core, *range(len(source.shards))):
        begin, end = np.maximum(low, own_low[owner]), np.minimum(high, own_high[owner])
        if (end <= begin).any() or not missing[_range(begin - low, end - low)].any():
            continue
        shard = source.shards[owner]
        part = shard.array[_range(begin - shard.corner, end - shard.corner)]
        target.array[_range(begin - target.corner, end - target.corner)] = part
        missing[_range(begin - low, end - low)] = False
    if missing.any():
        raise AicError(f"{op.name} at {op.location}: no core owns some of what core {core} needs")


def _poison(dtype: np.dtype[np.generic]) -> float | int:
    """What stands where nothing may be read: NaN, or the largest integer."""
    if dtype.kind == "f":
        return np.nan
    return True if dtype.kind == "b" else int(np.iinfo(dtype.name).max)


def _range(low: Integers, high: Integers) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
