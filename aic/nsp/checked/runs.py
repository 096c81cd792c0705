"""Runs of instructions, carried out core by core: first what a core reads, later what it writes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from aic.interpreter.parts import Mail
from aic.nsp.checked.access import Memory
from aic.nsp.checked.faults import Site, Touch
from dialects.channels import ChannelAttr
from dialects.element_types import nearest_value
from dialects.graph.kernels import Array
from dialects.tile.boxes import Integers
from dialects.tile.buffers import type_of
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.instructions import FillOp, InstructionOp
from dialects.tile.senders import Bounds, exchange_parts, multicast_senders, storing
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp, TransferOp


class Run(ABC):
    """One run of an instruction on all cores."""

    def __init__(self, memory: Memory, op: InstructionOp, iteration: tuple[int, ...], turn: int) -> None:
        self._memory, self._op, self._iteration, self._turn = memory, op, iteration, turn

    @abstractmethod
    def read(self, core: int) -> None:
        """The core reads what it works on, once. Raises AicError at a fault."""

    @abstractmethod
    def write(self, core: int) -> None:
        """The core, which has read, writes its results. Raises AicError at a fault."""

    def _touch(
        self, value: SSAValue, core: int, low: Integers, high: Integers, *, owner: int = -1, starter: int = -1
    ) -> Touch:
        """A touch by a core, of its own memory and after its own start unless said otherwise."""
        site = Site(self._op, self._iteration, self._turn, core, core if starter < 0 else starter)
        return Touch(site, value, core if owner < 0 else owner, low, high)

    def _bounds(self, op: TransferOp) -> Bounds:
        return op.box.data.bounds(self._memory.cores, self._iteration)


class TransferRun(Run):
    """`tile.load` and `tile.store`: every core moves its box."""

    def __init__(self, memory: Memory, op: LoadOp | StoreOp, iteration: tuple[int, ...], turn: int) -> None:
        super().__init__(memory, op, iteration, turn)
        self._transfer = op
        self._low, self._high = bounds = self._bounds(op)
        moving = storing(bounds) if isinstance(op, StoreOp) else np.all(bounds[1] > bounds[0], axis=1)
        self._moving = set(np.flatnonzero(moving).tolist())
        self._moved: dict[int, Array] = {}
        if isinstance(op, StoreOp):
            self._refuse_common_places(op)

    def _refuse_common_places(self, op: StoreOp) -> None:
        """Raises AicError when two cores store to the same place."""
        cores = sorted(self._moving)
        for number, core in enumerate(cores):
            others = cores[:number]
            low, high = np.maximum(self._low[core], self._low[others]), np.minimum(self._high[core], self._high[others])
            both = (low < high).all(axis=1)
            if both.any():
                touch = self._touch(op.destination, core, self._low[core] + op.shift, self._high[core] + op.shift)
                raise touch.fault(f"core {others[int(np.argmax(both))]} stores to the same place")

    def read(self, core: int) -> None:
        if core in self._moving:
            touch = self._touch(self._transfer.source, core, self._low[core], self._high[core])
            self._moved[core] = self._memory.read(touch)

    def write(self, core: int) -> None:
        if core in self._moving:
            shift = np.array(self._transfer.shift, np.int64)
            low, high = self._low[core] + shift, self._high[core] + shift
            self._memory.write(self._touch(self._transfer.destination, core, low, high), self._moved.pop(core))


class MulticastRun(Run):
    """`tile.multicast`: the first core of those with the same box reads for all of them."""

    def __init__(self, memory: Memory, op: MulticastOp, iteration: tuple[int, ...], turn: int) -> None:
        super().__init__(memory, op, iteration, turn)
        self._transfer = op
        self._low, self._high = bounds = self._bounds(op)
        self._sender: list[int] = multicast_senders(bounds).tolist()
        self._full = np.all(self._high > self._low, axis=1)
        self._sent: dict[int, Array] = {}

    def sender(self, core: int) -> int:
        """The core that must have started before this one gets anything."""
        return self._sender[core]

    def read(self, core: int) -> None:
        if self._full[core] and self._sender[core] == core and core not in self._sent:
            touch = self._touch(self._transfer.source, core, self._low[core], self._high[core])
            self._sent[core] = self._memory.read(touch)

    def write(self, core: int) -> None:
        if self._full[core]:
            sender, shift = self._sender[core], np.array(self._transfer.shift, np.int64)
            self.read(sender)
            low, high = self._low[core] + shift, self._high[core] + shift
            touch = self._touch(self._transfer.destination, core, low, high, starter=sender)
            self._memory.write(touch, self._sent[sender])


class ExchangeRun(Run):
    """`tile.exchange`: every core fetches what it needs from the cores that own it."""

    def __init__(self, memory: Memory, op: ExchangeOp, iteration: tuple[int, ...], turn: int) -> None:
        super().__init__(memory, op, iteration, turn)
        self._transfer = op
        own = op.own.data.bounds(memory.cores, iteration)
        self._parts = exchange_parts(own, self._bounds(op), in_place=op.source is op.destination)
        self._moved: dict[int, list[Array]] = {}

    def read(self, core: int) -> None:
        _, receivers, senders, low, high = self._parts
        self._moved[core] = [
            self._memory.read(self._touch(self._transfer.source, core, low[part], high[part], owner=int(senders[part])))
            for part in np.flatnonzero(receivers == core)
        ]

    def write(self, core: int) -> None:
        _, receivers, _, low, high = self._parts
        shift = np.array(self._transfer.shift, np.int64)
        parts = np.flatnonzero(receivers == core)
        for part, values in zip(parts, self._moved.pop(core), strict=True):
            touch = self._touch(self._transfer.destination, core, low[part] + shift, high[part] + shift)
            self._memory.write(touch, values)


class FillRun(Run):
    """`tile.fill`: sets what of a window lies outside the tensor, as far as the buffer reaches."""

    def __init__(self, memory: Memory, op: FillOp, iteration: tuple[int, ...], turn: int) -> None:
        super().__init__(memory, op, iteration, turn)
        self._fill = op
        self._low, self._high = op.accesses()[0][1].bounds(memory.cores, iteration)

    def read(self, core: int) -> None:
        """Nothing."""

    def write(self, core: int) -> None:
        buffer = type_of(self._fill.destination)
        value, low = nearest_value(self._fill.value.value.data, buffer.element_type), self._low[core]
        high = np.minimum(self._high[core], low + np.array(buffer.get_shape(), np.int64))
        for begin, end in _outside(low, high, self._fill.extents):
            values = np.full(end - begin, value)
            self._memory.write(self._touch(self._fill.destination, core, begin, end), values)


class ChannelRun(Run):
    """`tile.send` and `tile.receive`: the first core sends or gets a tensor, for all."""

    def __init__(
        self, memory: Memory, op: SendOp | ReceiveOp, iteration: tuple[int, ...], turn: int, mail: Mail
    ) -> None:
        super().__init__(memory, op, iteration, turn)
        self._end, self._mail = op, mail
        self._low, self._high = bounds = op.box.data.bounds(memory.cores, iteration)
        self._moving = set(np.flatnonzero(storing(bounds)).tolist())
        self._moved: dict[int, Array] = {}

    def awaits(self, core: int) -> ChannelAttr | None:
        """The channel of a tensor that must come before the core can go on; None when nothing is missing."""
        channel = self._end.channel
        missing = isinstance(self._end, ReceiveOp) and core in self._moving and not self._mail.holds(channel)
        return channel if missing else None

    def read(self, core: int) -> None:
        if core in self._moving and isinstance(self._end, SendOp):
            self._moved[core] = self._memory.read(self._tensor(core))

    def write(self, core: int) -> None:
        if core not in self._moving:
            return
        if isinstance(self._end, SendOp):
            self._mail.put(self._end.channel, self._moved.pop(core))
        else:
            self._memory.write(self._tensor(core), self._mail.take(self._end.channel))

    def _tensor(self, core: int) -> Touch:
        return self._touch(self._end.tensor, core, self._low[core], self._high[core])


def _outside(low: Integers, high: Integers, shape: Sequence[int]) -> list[Bounds]:
    """Boxes that cover what of [low, high) lies outside a tensor of that shape."""
    boxes: list[Bounds] = []
    for d, size in enumerate(shape):
        before, after = high.copy(), low.copy()
        before[d], after[d] = min(0, high[d]), max(size, low[d])
        boxes += [(low, before), (after, high)]
    return [box for box in boxes if (box[1] > box[0]).all()]
