"""What an op needs of its operands for a result of a given sharding: its indexing table, applied to blocks."""

from collections.abc import Sequence

from dialects.indexing import Access, Along, Anywhere, Whole
from dialects.tile.boxes import Box, Interval
from dialects.tile.sharding import DDR, Sharding, Split


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
    return Split(split.axis, split.block * access.numerator // access.denominator, access.before, access.after)


def required_box(accesses: Sequence[Access], operand: Sequence[int], result: Box) -> Box:
    """Box of an operand that a box of the result needs; it may reach outside the operand: padding."""
    dims = tuple(_required_interval(access, size, result) for access, size in zip(accesses, operand, strict=True))
    return Box(result.mesh, dims)


def _required_interval(access: Access, size: int, result: Box) -> Interval:
    if isinstance(access, Whole | Anywhere):
        return Interval.of(0, size)
    step, block = access.numerator, access.denominator
    return result.dims[access.dim].mapped(
        lambda low: low.times(step, block) + -access.before,
        lambda high: high.blocks(block).times(step) + access.after,
    )
