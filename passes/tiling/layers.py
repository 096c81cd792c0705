"""An op of a sharded function with what its lowering needs to know, and the parts that it is cut into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from dialects.costs import cost, data_element
from dialects.element_types import element_bytes
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.costs import Cost
from dialects.hardware import Hardware
from dialects.indexing import Access, Along, Carried, Indexing, Whole
from dialects.tile.boxes import Box, Form, Interval
from dialects.tile.reshard import ReshardOp, sharding_of
from dialects.tile.sharding import Sharding, Split
from passes.sharding.costs import block_shape
from passes.tiling.chunks import Cut, Stream, Work, chunk_extents
from passes.tiling.lifetimes import store_of
from passes.tiling.quickest import Pace


@dataclass(frozen=True)
class Part:
    """One chunk of a result: its box, the box without clamping that windows follow, and its extents."""

    chunk: Box
    nominal: Box
    extents: tuple[int, ...]
    slots: int
    """Buffers that parts are to have: 1, or as many as suits the schedule."""


@dataclass(frozen=True)
class Layer:
    """An op with what its lowering needs to know."""

    op: GraphOp
    indexing: Indexing
    sharding: Sharding
    shape: tuple[int, ...]
    streams: tuple[Stream, ...]
    work: Work
    store: ReshardOp | None
    fetched: tuple[Sharding, ...]
    """Of the operands that `work` streams."""

    @staticmethod
    def of(op: GraphOp, pending: Mapping[SSAValue, ReshardOp], columns: int) -> "Layer":
        """An op whose operands in `pending` come from DDR. `columns`: of a tile of HMX."""
        indexing, sharding, shape, store = op.indexing(), placed(op.output), op.result_type.get_shape(), store_of(op)
        streams = tuple(
            Stream(_kept(index, accesses, indexing.carried), t.get_shape(), element_bytes(t.element_type))
            for index, (accesses, t) in enumerate(zip(indexing.operands, op.operand_types, strict=True))
        )
        fetched = {value: stream for value, stream in zip(op.operands, streams, strict=True) if value in pending}
        resident = {
            value: stream
            for value, stream in zip(op.operands, streams, strict=True)
            if value not in pending and placed(value).home == "vtcm"
        }
        carried = indexing.carried
        states = {op.operands[index]: streams[index] for index in (carried.operands if carried else ())}
        work = Work(
            block_shape(shape, sharding),
            indexing.in_order,
            tuple(fetched.values()),
            element_bytes(op.result_type.element_type),
            store is not None,
            tuple(resident.values()),
            columns,
            carried.dim if carried else None,
            carried.across if carried else None,
            tuple(stream for value, stream in states.items() if value in resident),
        )
        return Layer(op, indexing, sharding, shape, streams, work, store, tuple(map(placed, fetched)))

    def accesses(self, index: int) -> tuple[Access, ...]:
        """How operand `index` is read."""
        return self.indexing.operands[index]

    def carried(self, cuts: Sequence[Cut]) -> Carried | None:
        """What is handed on from part to part, if a loop goes through a dimension that is carried."""
        carried = self.indexing.carried
        return carried if carried is not None and any(cut.dim == carried.dim for cut in cuts) else None

    def part(self, cuts: Sequence[Cut], slots: int) -> Part:
        """A chunk of the result, in the loops of `cuts`."""
        chunk = part_of(self.sharding.owned(self.shape), cuts)
        nominal = part_of(self.sharding.window(self.shape), cuts, nominal=True)
        return Part(chunk, nominal, chunk_extents(self.work, cuts), slots)

    def price(self, extents: Sequence[int], hardware: Hardware) -> Cost:
        """What the kernel costs for a chunk of the result of these extents."""
        op, local = self.op, [stream.part(extents) for stream in self.streams]
        read = [operand.element_type for operand in op.operand_types]
        element = data_element(op.kernel_name(), read, op.result_type.element_type)
        return cost(op.kernel_name(), op.local_arguments(), local, tuple(extents), element, hardware)

    def pace(self, hardware: Hardware) -> Pace:
        """How long kernels and transfers take. Cores that need the same operand get it by one read of DDR."""
        port = 1 / hardware.noc_port_bytes_per_cycle
        alone = hardware.core_clock_hertz / hardware.ddr_bytes_per_second

        def cycles(sharding: Sharding) -> float:
            return max(port, alone * prod(sharding.mesh[axis] for axis in sharding.used_axes))

        return Pace(
            lambda extents: self.price(extents, hardware).cycles,
            tuple(map(cycles, self.fetched)),
            cycles(self.sharding),
        )

    def level(self, index: int, cuts: Sequence[Cut]) -> int:
        """Number of loops around the fetch of an operand: up to the last one that changes what is needed."""
        return max((k + 1 for k, cut in enumerate(cuts) if self.streams[index].depends_on(cut.dim)), default=0)


def _kept(index: int, accesses: tuple[Access, ...], carried: Carried | None) -> tuple[Access, ...]:
    """What is held of an operand: of one that is handed on, all that a part of one position needs."""
    if carried is None or index not in carried.operands:
        return accesses
    return tuple(
        Whole() if isinstance(access, Along) and access.dim == carried.across else access for access in accesses
    )


def part_of(box: Box, cuts: Sequence[Cut], *, nominal: bool = False) -> Box:
    """The chunk of a box in the current iteration of the loops; nominal: all chunks equally long, whatever the box has
    left.
    """
    dims = list(box.dims)
    for k, cut in enumerate(cuts):
        interval = dims[cut.dim]
        low = interval.low[0] + Form(0, (), (*(0,) * k, cut.chunk))
        dims[cut.dim] = Interval((low,), (low + cut.chunk,) if nominal else (*interval.high, low + cut.chunk))
    return Box(box.mesh, tuple(dims))


def first_replica(sharding: Sharding, shape: Sequence[int]) -> Sharding:
    """The sharding with replicas left out: unused mesh axes get a whole dimension each, which only coordinate 0 then
    owns.
    """
    splits = list(sharding.splits)
    unused = [axis for axis in range(len(sharding.mesh)) if axis not in sharding.used_axes]
    for d, split in enumerate(splits):
        if split.axis is None and unused:
            splits[d] = Split(unused.pop(0), shape[d])
    return Sharding(sharding.home, sharding.mesh, tuple(splits))


def placed(value: SSAValue) -> Sharding:
    """The sharding of a value. Raises AicError when it has none."""
    sharding = sharding_of(value)
    if sharding is None:
        raise AicError(f"tile-operations: a value of type {value.type} has no sharding; run shard-tensors first")
    return sharding
