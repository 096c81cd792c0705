"""Sharded tensors: which core holds which part of a tensor, as plain data.

A tensor is split over a mesh of cores. Each dimension either lies on one mesh axis, cut into blocks of equal size (the
last ones clamped, so that some may be short or empty), or is whole on every core. A mesh axis that no dimension lies on
holds replicas. A core *owns* its block; it *holds* a window that may reach beyond: the halo, and positions outside the
tensor, which are padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dialects.tile.boxes import Box, Form, Interval

Home: TypeAlias = Literal["vtcm", "ddr"]


@dataclass(frozen=True, slots=True)
class Split:
    """How one dimension is held: on mesh axis `axis` in blocks of `block`, or whole (axis None), with a halo.

    `before` and `after` are the positions held beyond the block at either side; negative ones hold less than the block.
    """

    axis: int | None = None
    block: int = 0
    before: int = 0
    after: int = 0

    @property
    def has_halo(self) -> bool:
        """True when more or less than the block is held."""
        return self.before != 0 or self.after != 0


WHOLE = Split()


@dataclass(frozen=True, slots=True)
class Sharding:
    """Where a tensor lives: whole in DDR (no mesh, no splits), or split over the VTCM of a mesh of cores."""

    home: Home
    mesh: tuple[int, ...] = ()
    splits: tuple[Split, ...] = ()

    def owned(self, shape: Sequence[int]) -> Box:
        """The part of a tensor of that shape that each core owns."""
        return Box(self.mesh, tuple(_owned(split, size) for split, size in zip(self.splits, shape, strict=True)))

    def window(self, shape: Sequence[int]) -> Box:
        """The window that each core holds; positions outside the tensor are padding."""
        return Box(
            self.mesh,
            tuple(_widened(_block(split, size), split) for split, size in zip(self.splits, shape, strict=True)),
        )

    def without_halo(self) -> "Sharding":
        """The same split, each core holding what it owns."""
        return Sharding(self.home, self.mesh, tuple(Split(split.axis, split.block) for split in self.splits))

    @property
    def used_axes(self) -> frozenset[int]:
        """Mesh axes that a dimension lies on; the others hold replicas."""
        return frozenset(split.axis for split in self.splits if split.axis is not None)


DDR = Sharding("ddr")


def _block(split: Split, size: int) -> Interval:
    if split.axis is None:
        return Interval.of(0, size)
    low = Form(0, (*(0,) * split.axis, split.block))
    return Interval((low,), (low + split.block,))


def _owned(split: Split, size: int) -> Interval:
    block = _block(split, size)
    return block if split.axis is None else Interval(block.low, (*block.high, Form(size)))


def _widened(block: Interval, split: Split) -> Interval:
    return block.mapped(lambda low: low + -split.before, lambda high: high + split.after)


def shares_buffer(source: Sharding, target: Sharding) -> bool:
    """True when `target` differs from `source` only in what a core holds around or out of what it has: same blocks, or
    whole here.

    Then one buffer, wide enough for the windows of both, serves both.
    """
    if source.home != "vtcm" or target.home != "vtcm" or len(source.splits) != len(target.splits):
        return False
    pairs = list(zip(source.splits, target.splits, strict=True))
    if all(s.axis is None for s, _ in pairs):
        return True
    return source.mesh == target.mesh and all(
        s.axis is None or (s.axis, s.block) == (t.axis, t.block) for s, t in pairs
    )
