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
    """The operand's dimension follows result dimension `dim`, scaled and windowed.

    Result positions [lo, hi) need operand positions [scale * lo - before, scale * (hi - 1) - before + extent), where
    scale = numerator / denominator is a whole number of positions on every box boundary that the op's granularity
    allows. Positions outside the operand are padding.
    """

    dim: int
    numerator: int = 1
    denominator: int = 1
    before: int = 0
    extent: int = 1

    def interval(self, lo: int, hi: int) -> tuple[int, int]:
        """Operand positions (may lie outside the operand: padding) for result positions [lo, hi)."""
        if self.is_window:
            return self.numerator * lo - self.before, self.numerator * (hi - 1) - self.before + self.extent
        return lo * self.numerator // self.denominator, -(-hi * self.numerator // self.denominator)

    @property
    def is_window(self) -> bool:
        """True for strided windows (convolution, pooling), false for plain or scaled correspondence."""
        return self.before != 0 or self.extent != 1 or (self.numerator != 1 and self.denominator == 1)


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


@dataclass(frozen=True)
class Indexing:
    """The table of one op.

    `granularity[d]`: result dimension d may be cut at multiples of this many positions; 0 means it must not be cut.
    `operands[i][d]`: what the op reads of dimension d of operand i.
    """

    granularity: tuple[int, ...]
    operands: tuple[tuple[Access, ...], ...]


def scaled(dim: int, numerator: int, denominator: int) -> Along:
    """Access of blocks: every `denominator` positions of the result belong to `numerator` positions of the operand."""
    shared = gcd(numerator, denominator)
    numerator, denominator = numerator // shared, denominator // shared
    if denominator == 1:
        return Along(dim, numerator=numerator, extent=numerator)
    return Along(dim, numerator=numerator, denominator=denominator)
