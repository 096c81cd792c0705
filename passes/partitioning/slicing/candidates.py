"""Along which dimensions, and where, the result of each op may be sliced: from its indexing table and from where its
operands and its users want cuts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dialects.indexing import Access, Along, Indexing
from passes.partitioning.slicing.states import Interval, Slices, even_slices

_MOST = 3
"""Slices of one dimension that are tried: as even as can be, and others that neighbours want."""


@dataclass(frozen=True)
class Sliceable:
    """An op as far as slices go."""

    producers: tuple[int | None, ...]
    """Of its operands, by their numbers; None for arguments and constants."""
    operands: tuple[tuple[int, ...], ...]
    """Shapes."""
    shape: tuple[int, ...]
    indexing: Indexing
    windows: bool = False
    """Whether it takes padding at each side of its windows by itself, so that a device may have a slice with a halo."""
    within: int = 0
    """Blocks of the last dimension may be cut within, at multiples of this; 0: not at all."""
    shared: frozenset[int] = frozenset()
    """Operands that all parts of such a block need as if they were the block."""
    summed: Mapping[int, int] | None = None
    """The dimension that is summed over, of each operand that has it: summands may be sums over slices of it."""

    def need(self, operand: int, slices: Slices) -> Slices | None:
        """Which slices of an operand slices of the result need; None where that is all of it."""
        for dim, access in enumerate(self.indexing.operands[operand]):
            if isinstance(access, Along) and access.dim == slices.dim:
                size, grain = self.operands[operand][dim], self.indexing.granularity[slices.dim]
                parts = [_blocks(part, grain) for part in slices.parts] if operand in self.shared else slices.parts
                return Slices(dim, tuple(_clipped(access.interval(*part), size) for part in parts))
        return None

    def allows(self, slices: Slices) -> bool:
        """Whether every device can make its slice of the result."""
        grain, size = self.indexing.granularity[slices.dim], self.shape[slices.dim]
        within = self.within if slices.dim == len(self.shape) - 1 else 0
        if not grain or not all(_cut(part, size, grain, within) for part in slices.parts):
            return False
        accesses = [access for accesses in self.indexing.operands for access in accesses]
        if not self.windows and any(_overlaps(access, slices.dim) for access in accesses):
            return False
        needs = [need for operand in range(len(self.operands)) if (need := self.need(operand, slices)) is not None]
        return all(high > low for need in needs for low, high in need.parts)

    def natural(self, devices: int) -> list[Slices]:
        """Even slices of every dimension that can be sliced."""
        found: list[Slices] = []
        for dim, (size, grain) in enumerate(zip(self.shape, self.indexing.granularity, strict=True)):
            grains = (grain, self.within) if self.within and dim == len(self.shape) - 1 else (grain,)
            even = [slices for each in grains if (slices := even_slices(dim, size, each, devices)) is not None]
            found += [slices for slices in even if self.allows(slices)][:1]
        return found

    def of_operand(self, operand: int, slices: Slices) -> Slices | None:
        """The slices of the result that come from slices of an operand; None where there are none."""
        access = self.indexing.operands[operand][slices.dim]
        if not isinstance(access, Along) or _overlaps(access, access.dim):
            return None
        size = self.shape[access.dim]
        parts: list[Interval] = []
        for part in slices.parts:
            if any(cut % access.numerator for cut in part):
                return None
            low, high = (cut // access.numerator * access.denominator for cut in part)
            parts.append((low, min(high, size)))
        return Slices(access.dim, tuple(parts))


def candidates_of(ops: Sequence[Sliceable], devices: int) -> list[list[Slices]]:
    """Slices of the result of every op, of which each is legal: even ones, then what users want, then what comes from
    operands.
    """
    wanted: list[list[Slices]] = [[] for _ in ops]
    found: list[list[Slices]] = [[] for _ in ops]
    for number in reversed(range(len(ops))):
        op = ops[number]
        found[number] = _taken(op, [*op.natural(devices), *wanted[number]])
        for operand, producer in enumerate(op.producers):
            if producer is None:
                continue
            needs = (op.need(operand, slices) for slices in found[number])
            wanted[producer] += [_covering(need, op.operands[operand]) for need in needs if need is not None]
            wanted[producer] += _even_sums(op, operand, devices)
    for number, op in enumerate(ops):
        coming = [
            made
            for operand, producer in enumerate(op.producers)
            if producer is not None
            for slices in found[producer]
            if (made := op.of_operand(operand, slices)) is not None
        ]
        found[number] = _taken(op, [*found[number], *coming])
    return found


def sums_of(op: Sliceable, found: Sequence[Sequence[Slices]], devices: int) -> list[tuple[Slices | None, ...]]:
    """Slices of the operands of an op over which it may be summed in part: even ones, and those of its operands."""
    if op.summed is None:
        return []
    sums: list[tuple[Interval, ...]] = []
    for operand, dim in op.summed.items():
        producer = op.producers[operand]
        sums += [slices.parts for slices in _even_sums(op, operand, devices)]
        sums += [slices.parts for slices in (found[producer] if producer is not None else ()) if slices.dim == dim]
    whole = [parts for parts in dict.fromkeys(sums) if all(a[1] == b[0] for a, b in pairwise(parts))]
    return [
        tuple(Slices(op.summed[n], parts) if n in op.summed else None for n in range(len(op.operands)))
        for parts in whole[:_MOST]
    ]


def _even_sums(op: Sliceable, operand: int, devices: int) -> list[Slices]:
    if op.summed is None or operand not in op.summed:
        return []
    dim = op.summed[operand]
    even = even_slices(dim, op.operands[operand][dim], 1, devices)
    return [] if even is None else [even]


def _taken(op: Sliceable, slices: Iterable[Slices]) -> list[Slices]:
    """The first few of each dimension, of those that are allowed."""
    counts = [0] * len(op.shape)
    taken: list[Slices] = []
    for each in dict.fromkeys(slices):
        if counts[each.dim] < _MOST and op.allows(each):
            counts[each.dim] += 1
            taken.append(each)
    return taken


def _covering(slices: Slices, shape: Sequence[int]) -> Slices:
    """The slices, made longer where positions between them are in none."""
    starts = [0, *(low for low, _ in slices.parts[1:])]
    ends = [*starts[1:], shape[slices.dim]]
    return Slices(
        slices.dim,
        tuple((min(a, low), max(b, high)) for a, b, (low, high) in zip(starts, ends, slices.parts, strict=True)),
    )


def _clipped(interval: Interval, size: int) -> Interval:
    return max(0, interval[0]), min(size, interval[1])


def _blocks(part: Interval, grain: int) -> Interval:
    """The blocks that an interval touches."""
    return part[0] // grain * grain, -(-part[1] // grain) * grain


def _cut(part: Interval, size: int, grain: int, within: int) -> bool:
    """Whether an interval is made of blocks of `grain` positions, or lies within one, cut at multiples of `within`."""
    low, high = part
    if not 0 <= low < high <= size:
        return False
    if low % grain == 0 and (high % grain == 0 or high == size):
        return True
    return bool(within) and low // grain == (high - 1) // grain and low % within == high % within == 0


def _overlaps(access: Access, dim: int) -> bool:
    """Whether blocks of a dimension need other positions of an operand than one after the other."""
    return isinstance(access, Along) and access.dim == dim and (access.before, access.extent) != (0, access.numerator)
