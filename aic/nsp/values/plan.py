"""From the instructions of a program to a flat list of steps, each a NumPy call on views that are made once.

No IR is touched when the steps run. Loops are unrolled into steps: their number is that of kernel calls and copies,
never of elements.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from aic.interpreter.parts import Mail
from aic.nsp.values.constant_weights import TABLE, WEIGHT, ConstantWeights
from aic.nsp.values.kernel_call import Step, kernel_step
from aic.nsp.values.kernel_calls import kernel_calls
from aic.nsp.values.memory import Constants, Held, hold_memory
from dialects.channels import ChannelAttr
from dialects.element_types import nearest_value
from dialects.graph.kernels import Array
from dialects.module import cores_of, main_of
from dialects.tile.boxes import Box, Integers
from dialects.tile.buffers import AllocOp, TensorOp, type_of
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.instructions import ComputeOp, FillOp, InstructionOp
from dialects.tile.program_order import program_order
from dialects.tile.senders import exchange_parts
from dialects.tile.transfers import ExchangeOp, TransferOp


@dataclass
class Plan:
    """A loaded program: what to run, and where its inputs and outputs lie. Ports are (label, array, tensor op) in
    order.
    """

    steps: list[Step]
    inputs: list[TensorOp]
    outputs: list[TensorOp]
    memory: Mapping[SSAValue, Held]
    arrivals: list["Arrival"] = field(default_factory=list["Arrival"])
    """What other parts of the network send, in the order of the steps."""

    def boxes(self, value: SSAValue, box: Box, iteration: tuple[int, ...], cores: int) -> list[tuple[Integers, Array]]:
        """What every core has of a box of a tensor or buffer: its low corner and a view; empty boxes are left out."""
        held = self.memory[value]
        low, high = box.bounds(cores, iteration)
        corners = held.corners(low, cores, iteration)
        busy = [core for core in range(cores) if (high[core] > low[core]).all()]
        return [(low[core], _part(held.array, corners[core], high[core] - low[core])) for core in busy]


@dataclass(frozen=True)
class Arrival:
    """A tensor that must have come before step number `step`, and where it goes."""

    step: int
    channel: ChannelAttr
    array: Array


BlockKey: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...], np.dtype[np.generic]]
Blocks: TypeAlias = dict[BlockKey, tuple[Array, Array]]
"""Parts of constants by address, shape and strides of the view, and their dtype: the view, which holds the address as
its own, and the part widened and contiguous.
"""
Observer: TypeAlias = Callable[[InstructionOp, tuple[int, ...]], None]
"""Called when an instruction has run, with the loop variables that it ran for."""


def make_plan(
    module: ModuleOp,
    constants: Constants,
    mail: Mail,
    observe: Observer | None = None,
    blocks: Blocks | None = None,
) -> Plan:
    """Plan of a tile program, scheduled or not; what it sends goes into the mail. Programs whose constants are the same
    arrays may share `blocks`.
    """
    cores, body = cores_of(module), main_of(module).body.block
    declared = [op for op in body.walk() if isinstance(op, TensorOp | AllocOp)]
    instances = list(program_order(body))
    distinct = list(dict.fromkeys(instruction for instruction, _ in instances))
    memory = hold_memory(declared, distinct, cores, constants)
    planner = _Planner(cores, memory, mail, {} if blocks is None else blocks)
    for instruction, iteration in instances:
        planner.add(instruction, iteration)
        if observe is not None:
            planner.steps.append(partial(observe, instruction, iteration))
    tensors = [op for op in declared if isinstance(op, TensorOp)]
    return Plan(
        planner.steps,
        [op for op in tensors if op.role.data == "input"],
        [op for op in tensors if op.role.data == "output"],
        memory,
        planner.arrivals,
    )


@dataclass
class _Planner:
    cores: int
    memory: Mapping[SSAValue, Held]
    mail: Mail
    blocks: Blocks
    steps: list[Step] = field(default_factory=list[Step])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    weights: ConstantWeights = field(default_factory=ConstantWeights)

    def add(self, instruction: InstructionOp, iteration: tuple[int, ...]) -> None:
        """Appends the steps of one run of an instruction."""
        match instruction:
            case ComputeOp():
                self._compute(instruction, iteration)
            case ExchangeOp():
                self._copies(self._exchange(instruction, iteration))
            case TransferOp():
                self._copies(self._transfer(instruction, iteration))
            case FillOp():
                self._fill(instruction, iteration)
            case SendOp():
                channel, sent = instruction.channel, self.memory[instruction.tensor].array
                self.steps.append(partial(self.mail.put, channel, sent))
            case ReceiveOp():
                array = self.memory[instruction.tensor].array
                self.arrivals.append(Arrival(len(self.steps), instruction.channel, array))
            case _:
                raise TypeError(f"{instruction.name} has no values")

    def _copies(self, pairs: Sequence[tuple[Array, Array]]) -> None:
        if not pairs:
            return

        def copy() -> None:
            for target, source in pairs:
                np.copyto(target, source)

        self.steps.append(copy)

    def _transfer(self, op: TransferOp, iteration: tuple[int, ...]) -> list[tuple[Array, Array]]:
        source, target = self.memory[op.source], self.memory[op.destination]
        if source.constant and target is source:
            return []
        low, high = op.box.data.bounds(self.cores, iteration)
        to = target.corners(low + np.array(op.shift, np.int64), self.cores, iteration)
        start = source.corners(low, self.cores, iteration)
        extents = high - low
        busy = dict.fromkeys(target.holders(c for c in range(self.cores) if extents[c].min(initial=1) > 0).values())
        return [(_part(target.array, to[c], extents[c]), _part(source.array, start[c], extents[c])) for c in busy]

    def _exchange(self, op: ExchangeOp, iteration: tuple[int, ...]) -> list[tuple[Array, Array]]:
        source, target = self.memory[op.source], self.memory[op.destination]
        low, high = op.box.data.bounds(self.cores, iteration)
        own = op.own.data.bounds(self.cores, iteration)
        parts = exchange_parts(own, (low, high), in_place=op.source is op.destination)
        holders = set(target.holders(c for c in range(self.cores) if (high[c] > low[c]).all()).values())
        origin = np.zeros_like(low)
        from_origin = source.corners(origin, self.cores, iteration)
        to_origin = target.corners(origin + np.array(op.shift, np.int64), self.cores, iteration)
        pairs: list[tuple[Array, Array]] = []
        for _, receiver, sender, begin, end in zip(*parts, strict=True):
            if receiver in holders:
                to, start = _moved(to_origin[receiver], begin), _moved(from_origin[sender], begin)
                pairs.append((_part(target.array, to, end - begin), _part(source.array, start, end - begin)))
        return pairs

    def _fill(self, op: FillOp, iteration: tuple[int, ...]) -> None:
        """Padding is set now, once, when the buffer's window stays where it is: nothing else ever writes there."""
        held = self.memory[op.destination]
        if held.window is None:
            return
        views = _outside(held, op.extents, self.cores, iteration)
        value = nearest_value(op.value.value.data, type_of(op.destination).element_type)
        if held.window.loop_depth == 0:
            for view in views:
                view[...] = value
            return

        def fill() -> None:
            for view in views:
                view[...] = value

        self.steps.append(fill)

    def _compute(self, op: ComputeOp, iteration: tuple[int, ...]) -> None:
        fixed = ConstantWeights.has(op) and all(self._is_packed(op.operands[n]) for n in (WEIGHT, TABLE))
        for call in kernel_calls(op, iteration, self.cores, self.memory):
            views = [self._packed(value, view) for value, view in zip(op.operands, call.views, strict=True)]
            weights = self.weights if fixed else None
            self.steps.append(kernel_step(op, views, call.ranks, len(call.grid.shape), call.shape, weights))

    def _is_packed(self, value: SSAValue) -> bool:
        """Whether what is read from a value is a copy of a constant's part."""
        return self.memory[value].constant and not isinstance(value.owner, TensorOp)

    def _packed(self, value: SSAValue, view: Array) -> Array:
        """The view of an operand; of a constant brought to VTCM, a copy in the dtype and order that kernels like."""
        if not self._is_packed(value):
            return view
        dtype = np.dtype(np.float32) if view.dtype == np.float16 else view.dtype
        key = (view.__array_interface__["data"][0], view.shape, view.strides, dtype)
        if key not in self.blocks:
            self.blocks[key] = (view, np.ascontiguousarray(view, dtype))
        return self.blocks[key][1]


def _moved(corner: Integers, by: Integers) -> Integers:
    """A corner further along its last dimensions, those of the tensor."""
    corner = corner.copy()
    corner[len(corner) - len(by) :] += by
    return corner


def _part(array: Array, corner: Integers, extents: Integers) -> Array:
    """View of one core's box: points in front, ranges behind."""
    places, sizes = corner.tolist(), extents.tolist()
    points = len(places) - len(sizes)
    ranges = (slice(place, place + size) for place, size in zip(places[points:], sizes, strict=True))
    return array[(*places[:points], *ranges, ...)]  # the dots keep a view of what has no dimensions


def _outside(held: Held, shape: Sequence[int], cores: int, iteration: Sequence[int]) -> list[Array]:
    """Views of the positions of a buffer that lie outside the tensor."""
    corner = held.corners(np.zeros((cores, len(shape)), np.int64), cores, iteration)
    views: list[Array] = []
    for core in dict.fromkeys(held.holders(range(cores)).values()):
        block = held.array[int(corner[core, 0]), int(corner[core, 1])]
        for d, size in enumerate(shape):
            begin = min(max(int(corner[core, 2 + d]), 0), block.shape[d])
            end = min(max(int(corner[core, 2 + d]) + size, 0), block.shape[d])
            views += [
                part
                for part in (
                    block[(slice(None),) * d + (slice(0, begin),)],
                    block[(slice(None),) * d + (slice(end, None),)],
                )
                if part.size
            ]
    return views
