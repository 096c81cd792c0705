"""The buffers that the values of a sharded function take, read off its block."""

from itertools import accumulate

from xdsl.ir import Block, SSAValue

from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp, tensor_type
from dialects.tile.reshard import ReshardOp, sharding_of
from dialects.tile.sharding import DDR, Sharding
from passes.sharding.residents import Resident, Residents


class Lifetimes:
    """The buffers that a block's values in VTCM will take; an op's number is its position in the block."""

    def __init__(self, block: Block):
        self._residents: Residents[SSAValue] = Residents()
        time = 0
        for time, op in enumerate(block.ops):
            for operand in op.operands:
                self._residents.touch(operand, time)
            if isinstance(op, ReshardOp) and self._joins(op):
                continue
            if isinstance(op, ReshardOp | GraphOp) and _resident(op):
                self._open(op.results[0], op.fill.value.data if isinstance(op, ReshardOp) and op.fill else None, time)
        self._live = _occupied(self._residents, time + 1)

    def _open(self, value: SSAValue, fill: float | None, time: int) -> None:
        tensor, sharding = tensor_type(value), sharding_of(value)
        if sharding is not None:
            size = element_bytes(tensor.element_type)
            self._residents.open(value, Resident(sharding, fill, time, time, tensor.get_shape(), size))

    def _joins(self, op: ReshardOp) -> bool:
        """Lets a reshard share the buffer of its input when nothing but halo and padding differs."""
        source, target = sharding_of(op.input), sharding_of(op.output)
        if source is None or target is None:
            return False
        return self._residents.join(op.output, op.input, source, target, op.fill.value.data if op.fill else None)

    def shared(self, op: ReshardOp) -> bool:
        """True when the result of a reshard lies in the buffer of its input."""
        return self._residents.is_shared(op.output)

    def held(self, value: SSAValue) -> tuple[Sharding, float | None]:
        """The sharding whose window the value's buffer holds, and what its padding is filled with."""
        buffer = self._residents.buffers[value]
        return buffer.sharding, buffer.fill

    def live_bytes(self, time: int) -> int:
        """Bytes per core of the buffers that are live while op number `time` runs, its own result included."""
        return self._live[time]


def _occupied(residents: Residents[SSAValue], times: int) -> list[int]:
    """Bytes per core of all buffers at each time."""
    changes = [0] * (times + 1)
    for buffer in residents.buffers.values():
        changes[buffer.first] += buffer.size
        changes[buffer.last + 1] -= buffer.size
    return list(accumulate(changes))


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
