"""Which values that are held in VTCM share a buffer, how wide it is, and when it is live.

A value and what differs from it by a halo or by padding lie in one buffer, wide enough for all of them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Generic, TypeVar

from dialects.tile.sharding import Sharding, Split, shares_buffer
from passes.sharding.costs import window_shape

K = TypeVar("K", bound=Hashable)


@dataclass
class Resident:
    """A buffer of every core: a window of a tensor of `shape`, live from time `first` to time `last`."""

    sharding: Sharding
    fill: float | None
    """What its padding is filled with; None: nobody reads it."""
    first: int
    last: int
    shape: tuple[int, ...]
    element_bytes: int

    @property
    def size(self) -> int:
        """Bytes per core."""
        return prod(window_shape(self.shape, self.sharding)) * self.element_bytes


@dataclass
class Residents(Generic[K]):
    """Buffers by the value that each was opened for; values are known by keys."""

    buffers: dict[K, Resident] = field(default_factory=dict[K, Resident])
    _root: dict[K, K] = field(default_factory=dict[K, K])

    def open(self, key: K, buffer: Resident) -> None:
        """A value gets a buffer of its own."""
        self.buffers[key] = buffer
        self._root[key] = key

    def touch(self, key: K, time: int) -> None:
        """The value is read; nothing happens where it has no buffer."""
        root = self._root.get(key)
        if root is not None:
            self.buffers[root].last = max(self.buffers[root].last, time)

    def join(self, key: K, other: K, source: Sharding, target: Sharding, fill: float | None) -> bool:
        """Lets a value with sharding `target` and padding share the buffer of `other`, which has sharding `source`;
        False where it cannot.
        """
        root = self._root.get(other)
        if root is None or not shares_buffer(source, target):
            return False
        buffer = self.buffers[root]
        if fill is not None and buffer.fill is not None and fill != buffer.fill:
            return False
        buffer.fill = fill if buffer.fill is None else buffer.fill
        buffer.sharding = _widened(buffer.sharding, target, buffer.shape, padded=fill is not None)
        self._root[key] = root
        return True

    def __contains__(self, key: K) -> bool:
        """Whether the value lies in a buffer."""
        return key in self._root

    def is_shared(self, key: K) -> bool:
        """True when the value lies in a buffer that was opened for another."""
        return self._root.get(key, key) != key


def _widened(held: Sharding, target: Sharding, shape: Sequence[int], *, padded: bool) -> Sharding:
    """The held window grown to take the target's halo and padding too."""
    splits = list[Split]()
    for h, t, size in zip(held.splits, target.splits, shape, strict=True):
        after = t.after
        if h.axis is None and t.axis is not None:
            # What the target's windows reach beyond the end of what is whole here.
            after = target.mesh[t.axis] * t.block + t.after - size if padded else 0
        splits.append(Split(h.axis, h.block, max(h.before, t.before), max(h.after, after)))
    return Sharding(held.home, held.mesh, tuple(splits))
