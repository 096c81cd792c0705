"""Which part of its operands an op reads to make a part of its result.

One table per op (`Indexing`) is all that sharding, halos, tiling, bounds and traffic are derived from. A *box* is a
half-open interval per dimension; the table maps the box of the result that is wanted to the box of each operand that is
needed, one dimension at a time.
"""

from dataclasses import dataclass
from math import gcd
from typing import TypeAlias


@dataclass(frozen=True)
class Whole:
    """The operand's dimension is read whole, whatever part of the result is made."""


@dataclass(frozen=True)
class Along:
    """The operand's dimension follows result dimension `dim`, block by block.

    Every `denominator` positions of the result are a block; block b needs the `extent` operand positions from
    numerator * b - before on. Blocks of one position are a sliding window, or plain correspondence. Positions outside
    the operand are padding. Results are cut between blocks; the last block may be a partial one.
    """

    dim: int
    numerator: int = 1
    denominator: int = 1
    before: int = 0
    extent: int = 1

    @property
    def after(self) -> int:
        """Positions that a block needs beyond the first of the next block: what windows overlap."""
        return self.extent - self.numerator - self.before

    def interval(self, lo: int, hi: int) -> tuple[int, int]:
        """Operand positions (may lie outside the operand: padding) for result positions [lo, hi)."""
        blocks = -(-hi // self.denominator)
        return self.numerator * (lo // self.denominator) - self.before, self.numerator * blocks + self.after

    def needed(self, extent: int) -> int:
        """Number of operand positions that so many positions of the result, from a cut on, need."""
        low, high = self.interval(0, extent)
        return high - low


@dataclass(frozen=True)
class Anywhere:
    """Data decides which positions are read (the table of a gather); such an operand stays where every core can read
    it.
    """


Access: TypeAlias = Whole | Along | Anywhere


def window(dim: int, stride: int, before: int, extent: int) -> Along:
    """Access of a sliding window: `extent` = (kernel - 1) * dilation + 1 positions, `before` padded positions at the
    low side.
    """
    return Along(dim, numerator=stride, before=before, extent=extent)


def transposed_window(dim: int, stride: int, reach: int, cut: int) -> Along:
    """Access of a transposed window: operand position i is part of result positions stride * i - cut up to `reach`
    further on.
    """
    before = (reach - cut) // stride
    return Along(dim, denominator=stride, before=before, extent=before + 1 + (stride - 1 + cut) // stride)


@dataclass(frozen=True)
class Carried:
    """The result may be made part by part along dimension `dim`, in order: for every part but the first, each of
    `operands` is the last position along `dim` of the part before; of its dimensions that are read whole and have fewer
    positions there, the first ones.

    `across`: parts of one position may be cut along this dimension, too.
    """

    dim: int
    operands: tuple[int, ...]
    across: int | None = None


@dataclass(frozen=True)
class Indexing:
    """The table of one op.

    `granularity[d]`: result dimension d may be cut at multiples of this many positions; 0 means it must not be cut.
    `operands[i][d]`: what the op reads of dimension d of operand i.
    `carried`: a dimension that is not cut, but may be gone through in order; what may be cut within.
    """

    granularity: tuple[int, ...]
    operands: tuple[tuple[Access, ...], ...]
    carried: Carried | None = None

    @property
    def in_order(self) -> tuple[int, ...]:
        """The granularity where parts are made in order."""
        free = (self.carried.dim, self.carried.across) if self.carried is not None else ()
        return tuple(1 if dim in free else grain for dim, grain in enumerate(self.granularity))


def scaled(dim: int, numerator: int, denominator: int) -> Along:
    """Access of blocks: every `denominator` positions of the result belong to `numerator` positions of the operand."""
    shared = gcd(numerator, denominator)
    return Along(dim, numerator // shared, denominator // shared, extent=numerator // shared)
