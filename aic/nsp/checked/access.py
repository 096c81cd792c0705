"""How runs of instructions touch memory: by positions of tensors, each touch checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aic.nsp.checked.faults import Touch
from aic.nsp.checked.memory import Ddr, Slot, SlotMemory
from aic.nsp.checked.placement import Placement
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.tile.buffers import AllocOp, TensorOp


class Watcher(Protocol):
    """Told of every touch before it happens."""

    def touched(self, touch: Touch, slot: Slot | None, *, writes: bool) -> None:
        """A run touches a slot, or a tensor in DDR that has none. Raises AicError when it may not."""
        ...


@dataclass
class Memory:
    """DDR, the scratch in it, and every core's VTCM."""

    ddr: Ddr
    scratch: SlotMemory
    vtcm: Sequence[SlotMemory]
    placement: Placement
    watcher: Watcher | None = None
    doubt: AicError | None = None
    """The first read, if any, of what was not written yet, when there is a watcher: it is a race, which will be found
    when that is written, or nobody ever writes it.
    """

    @property
    def cores(self) -> int:
        """Number of cores."""
        return len(self.vtcm)

    def read(self, touch: Touch) -> Array:
        """What a run reads, in the dtype that memory has. Raises AicError when it may not."""
        slot = self.slot(touch)
        self._watch(touch, slot, writes=False)
        doubt = self.ddr.doubt(touch) if slot is None else self._behind(touch).doubt(touch, slot)
        if doubt is not None and self.watcher is None:
            raise doubt
        self.doubt = self.doubt or doubt
        return self.ddr.read(touch) if slot is None else self._behind(touch).read(touch, slot)

    def write(self, touch: Touch, values: Array) -> None:
        """What a run writes. Raises AicError when it may not."""
        slot = self.slot(touch)
        self._watch(touch, slot, writes=True)
        if slot is None:
            self.ddr.write(touch, values)
        else:
            self._behind(touch).write(touch, slot, values)

    def slot(self, touch: Touch) -> Slot | None:
        """The slot that is touched; None of a tensor in DDR that has none."""
        match touch.value.owner:
            case AllocOp() as alloc:
                return self.placement.slot(alloc, touch.owner, touch.site.iteration)
            case TensorOp() as tensor:
                return self.placement.scratch(tensor)
            case _:
                return None

    def _behind(self, touch: Touch) -> SlotMemory:
        """The memory of the slot that is touched."""
        return self.vtcm[touch.owner] if isinstance(touch.value.owner, AllocOp) else self.scratch

    def _watch(self, touch: Touch, slot: Slot | None, *, writes: bool) -> None:
        if self.watcher is not None and (slot is not None or self.ddr.is_written(touch.value)):
            self.watcher.touched(touch, slot, writes=writes)
