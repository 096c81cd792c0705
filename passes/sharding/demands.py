"""What a network asks of each core's VTCM: buffers that hold values, and what each op streams from and to DDR."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dialects.indexing import Access, Along, Indexing
from dialects.tile.sharding import Sharding
from passes.sharding.costs import block_shape, window_shape
from passes.sharding.residents import Resident, Residents
from passes.sharding.search import Node, Operand


@dataclass(frozen=True)
class Buffer:
    """A buffer that is there while value `value` lives in VTCM: its own, or that of a copy in another sharding.

    Values and times are numbers of ops; it is live from op `first` to op `last`.
    """

    value: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Stream:
    """An operand or the result of an op: what goes through VTCM where value `value` (None: a constant or an input)
    lives in DDR.
    """

    value: int | None
    whole: int
    """Bytes per core, if the op is not cut into parts."""
    least: int
    """Bytes per core, if its parts are as small as can be."""


@dataclass(frozen=True)
class Demands:
    """All buffers, and the streams of every op."""

    buffers: tuple[Buffer, ...]
    streams: tuple[tuple[Stream, ...], ...]


Fills = Sequence[Sequence[float | None]]
"""Value of the padding that cores read around each operand of each op; None where they read none."""


def demands_of(nodes: Sequence[Node], shardings: Sequence[Sharding], fills: Fills) -> Demands:
    """What the network asks for where all values live in VTCM, and in addition where some do not."""
    residents: Residents[tuple[int, Sharding | None, float | None]] = Residents()
    streams: list[tuple[Stream, ...]] = []
    for time, (node, sharding, padding) in enumerate(zip(nodes, shardings, fills, strict=True)):
        for index, (operand, fill) in enumerate(zip(node.operands, padding, strict=True)):
            if operand.producer is not None:
                source = shardings[operand.producer]
                _read(residents, operand, source, node.requires(index, sharding), fill, time)
        held = Resident(sharding, None, time, time, node.shape, node.element_bytes)
        residents.open((time, None, None), held)
        streams.append(tuple(_streams(node, sharding, time)))
    buffers = tuple(Buffer(key[0], b.size, b.first, b.last) for key, b in residents.buffers.items())
    return Demands(buffers, tuple(streams))


def _read(
    residents: Residents[tuple[int, Sharding | None, float | None]],
    operand: Operand,
    source: Sharding,
    need: Sharding,
    fill: float | None,
    time: int,
) -> None:
    """An op reads a value: as it is held, or out of a buffer that is opened for what it needs."""
    assert operand.producer is not None
    own = (operand.producer, None, None)
    residents.touch(own, time)
    if need.home == "ddr" or (need == source and fill is None):
        return
    key = (operand.producer, need, fill)
    if key in residents:
        residents.touch(key, time)
    elif not residents.join(key, own, source, need, fill):
        residents.open(key, Resident(need, fill, time, time, operand.shape, operand.element_bytes))


def _streams(node: Node, sharding: Sharding, time: int) -> list[Stream]:
    """Streams of one op."""
    block = block_shape(node.shape, sharding)
    part = _least_part(block, node.indexing)
    found: list[Stream] = []
    for index, operand in enumerate(node.operands):
        need = node.requires(index, sharding)
        if need.home == "ddr":
            continue
        whole = prod(window_shape(operand.shape, need))
        shape = _needed(node.indexing.operands[index], operand.shape, part)
        found.append(_stream(operand.producer, whole, prod(shape), operand.element_bytes))
    return [*found, _stream(time, prod(block), prod(part), node.element_bytes)]


def _stream(value: int | None, whole: int, part: int, element_bytes: int) -> Stream:
    """What is streamed in parts has two buffers in turn."""
    return Stream(value, whole * element_bytes, min(whole, 2 * part) * element_bytes)


def _least_part(block: Sequence[int], indexing: Indexing) -> tuple[int, ...]:
    """Extents of the smallest part of a core's block that may be made by itself."""
    grains = indexing.in_order
    return tuple(min(grain, size) if grain else size for grain, size in zip(grains, block, strict=True))


def _needed(accesses: Sequence[Access], operand: Sequence[int], extents: Sequence[int]) -> tuple[int, ...]:
    """Shape of what a part of the result with these extents needs of an operand."""
    return tuple(
        access.needed(extents[access.dim]) if isinstance(access, Along) else size
        for access, size in zip(accesses, operand, strict=True)
    )
