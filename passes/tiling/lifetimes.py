"""Which values share a buffer, how wide it is and when it is live, read off a sharded function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import FloatAttr
from xdsl.ir import Block, SSAValue

from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp, tensor_type
from dialects.tile.reshard import ReshardOp, sharding_of
from dialects.tile.sharding import DDR, Sharding, Split, shares_buffer
from passes.sharding.costs import window_shape


@dataclass
class _Buffer:
    sharding: Sharding
    fill: FloatAttr | None
    first: int
    last: int
    element_bytes: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return prod(window_shape(self.shape, self.sharding)) * self.element_bytes


class Lifetimes:
    """The buffers that a block's values in VTCM will take; an op's number is its position in the block."""

    def __init__(self, block: Block):
        self._buffers: dict[SSAValue, _Buffer] = {}
        self._root: dict[SSAValue, SSAValue] = {}
        for time, op in enumerate(block.ops):
            for operand in op.operands:
                root = self._root.get(operand)
                if root is not None:
                    self._buffers[root].last = time
            if isinstance(op, ReshardOp) and self._joins(op):
                self._root[op.output] = self._root[op.input]
            elif isinstance(op, ReshardOp | GraphOp) and _resident(op):
                self._open(op.results[0], op.fill if isinstance(op, ReshardOp) else None, time)

    def _open(self, value: SSAValue, fill: FloatAttr | None, time: int) -> None:
        tensor, sharding = tensor_type(value), sharding_of(value)
        if sharding is None:
            return
        size = element_bytes(tensor.element_type)
        self._buffers[value] = _Buffer(sharding, fill, time, time, size, tensor.get_shape())
        self._root[value] = value

    def _joins(self, op: ReshardOp) -> bool:
        """Lets a reshard share the buffer of its input, widened, when nothing but halo and padding differs."""
        root = self._root.get(op.input)
        source, target = sharding_of(op.input), sharding_of(op.output)
        if root is None or source is None or target is None or not shares_buffer(source, target):
            return False
        buffer = self._buffers[root]
        if op.fill is not None and buffer.fill is not None and op.fill != buffer.fill:
            return False
        buffer.fill = buffer.fill or op.fill
        buffer.sharding = _widened(buffer.sharding, target, buffer.shape, padded=op.fill is not None)
        return True

    def shared(self, op: ReshardOp) -> bool:
        """True when the result of a reshard lies in the buffer of its input."""
        return self._root.get(op.output, op.output) is not op.output

    def held(self, value: SSAValue) -> tuple[Sharding, FloatAttr | None]:
        """The sharding whose window the value's buffer holds, and what its padding is filled with."""
        buffer = self._buffers[value]
        return buffer.sharding, buffer.fill

    def live_bytes(self, time: int) -> int:
        """Bytes per core of the buffers that are live while op number `time` runs, its own result included."""
        return sum(buffer.size for buffer in self._live(time))

    def _live(self, time: int) -> Iterator[_Buffer]:
        return (buffer for buffer in self._buffers.values() if buffer.first <= time <= buffer.last)


def store_of(op: GraphOp) -> ReshardOp | None:
    """The reshard to DDR that is the only use of an op's result: the result is then stored part by part and held
    nowhere.
    """
    uses = list(op.output.uses)
    user = uses[0].operation if len(uses) == 1 else None
    return user if isinstance(user, ReshardOp) and sharding_of(user.output) == DDR else None


def _resident(op: ReshardOp | GraphOp) -> bool:
    """True when the result gets a buffer that outlives the op: it lies in VTCM, is not fetched by its user, not stored
    at once.
    """
    if isinstance(op, GraphOp):
        return store_of(op) is None
    source, target = sharding_of(op.input), sharding_of(op.output)
    return source is not None and source.home == "vtcm" and target is not None and target.home == "vtcm"


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
