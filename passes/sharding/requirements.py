"""What an op needs of its operands for a result of a given sharding: its indexing table, applied to blocks."""

from collections.abc import Sequence

from dialects.graph.base import GraphOp
from dialects.graph.properties import Arguments
from dialects.indexing import Access, Along, Anywhere, Whole
from dialects.tile.boxes import Box, Interval
from dialects.tile.sharding import DDR, Sharding, Split


def local_arguments(op: GraphOp) -> Arguments:
    """Keyword arguments of the op's kernel on one core, whose windows already hold the padding."""
    arguments = op.arguments()
    accesses = (access for table in op.indexing().operands for access in table)
    if "pads" in arguments and any(isinstance(access, Along) and access.is_window for access in accesses):
        arguments["pads"] = (0, 0, 0, 0)
    return arguments


def required_sharding(
    accesses: Sequence[Access], operand: Sequence[int], result: Sequence[int], sharding: Sharding
) -> Sharding:
    """Sharding that an operand of shape `operand` must have for a result of shape `result` split as `sharding`.

    An operand that data picks positions of stays in DDR.
    """
    if any(isinstance(access, Anywhere) for access in accesses):
        return DDR
    splits = tuple(
        _required_split(access, size, result, sharding.splits) for access, size in zip(accesses, operand, strict=True)
    )
    return Sharding(sharding.home, sharding.mesh, splits)


def _required_split(access: Access, size: int, result: Sequence[int], splits: Sequence[Split]) -> Split:
    if not isinstance(access, Along):
        return Split()
    split = splits[access.dim]
    if split.axis is None:
        low, high = access.interval(0, result[access.dim])
        return Split(None, 0, max(0, -low), max(0, high - size))
    if not access.is_window:
        return Split(split.axis, split.block * access.numerator // access.denominator)
    return Split(
        split.axis,
        split.block * access.numerator,
        access.before,
        access.extent - access.numerator - access.before,
    )


def required_box(accesses: Sequence[Access], operand: Sequence[int], result: Box) -> Box:
    """Box of an operand that a box of the result needs; it may reach outside the operand: padding."""
    dims = tuple(_required_interval(access, size, result) for access, size in zip(accesses, operand, strict=True))
    return Box(result.mesh, dims)


def _required_interval(access: Access, size: int, result: Box) -> Interval:
    if isinstance(access, Whole | Anywhere):
        return Interval.of(0, size)
    interval = result.dims[access.dim]
    if not access.is_window:
        scale = (access.numerator, access.denominator)
        return interval.mapped(lambda f: f.times(*scale), lambda f: f.times(*scale))
    step, tail = access.numerator, access.extent - access.numerator - access.before
    return interval.mapped(lambda f: f.times(step) + -access.before, lambda f: f.times(step) + tail)
