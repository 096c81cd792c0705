"""Writes one program per device, by the rule of every op.

All devices go through the ops in the same order, and through the same exchanges: in each a device first sends all that
others get from it, then receives. So every part can be run from the first line to the last, with whatever pace.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue

from dialects.channels import ChannelAttr, Link
from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import AddOp
from dialects.graph.movement import ConcatOp, SliceOp
from dialects.graph.properties import to_attribute
from dialects.weights import WeightStore
from passes.partitioning.slicing.exchanges import Exchanges, Piece, origin_of, pieces_of
from passes.partitioning.slicing.local import local_op
from passes.partitioning.slicing.rules import Made
from passes.partitioning.slicing.search import Rule
from passes.partitioning.slicing.states import Box, Held, Slices, State, box_of, extents
from passes.rewriting.constants import constant_like, constant_of, part_of

Everywhere = list[SSAValue | None]
"""What stands for a value on every device; None where there is nothing of it."""


@dataclass(frozen=True)
class Connection:
    """How devices are connected: their names, by what, and the number of their first channel."""

    names: Sequence[str]
    link: Link
    first_channel: int


def slice_program(
    main: FuncOp,
    rules: Mapping[Made, Rule],
    exchanges: Exchanges,
    connection: Connection,
    store: WeightStore,
    becomes: Mapping[int, BlockArgument] | None = None,
) -> list[FuncOp]:
    """The program of each device. `rules`: of every op, every receive, and every argument that is state; `becomes`: the
    arguments that results are in the next inference, by the positions of results.
    """
    programs = _Programs(main, rules, exchanges, connection, store, becomes or {})
    for op in main.body.block.ops:
        programs.add(op)
    return [programs.finished(device) for device in range(exchanges.devices)]


class _Programs:
    """The programs while they grow, op by op in the order of the text."""

    def __init__(
        self,
        main: FuncOp,
        rules: Mapping[Made, Rule],
        exchanges: Exchanges,
        connection: Connection,
        store: WeightStore,
        becomes: Mapping[int, BlockArgument],
    ) -> None:
        self._main, self._rules, self._exchanges = main, rules, exchanges
        self._connection, self._store = connection, store
        self._devices = exchanges.devices
        self._stays = {position: self._own(argument) for position, argument in becomes.items()}
        """How results that stay on the devices are held there, by their positions."""
        self._blocks = [Block() for _ in range(self._devices)]
        self._arguments: list[list[BlockArgument]] = [[] for _ in range(self._devices)]
        """Of every device, those of the whole that it has."""
        self._held: dict[tuple[SSAValue, State], Everywhere] = {}
        self._sent = connection.first_channel
        for argument in main.body.block.args:
            state = self._own(argument)
            self._held[argument, state] = self._each(
                argument, state, lambda device, box, argument=argument: self._argument(device, argument, box)
            )

    def add(self, op: Operation) -> None:
        """Puts an op where it belongs."""
        match op:
            case ConstantOp():
                pass  # where it is needed, as it is needed
            case GraphOp():
                self._compute(op)
            case ReceiveOp():
                here = self._add(0, ReceiveOp.on(op.channel, tensor_type(op.output)), op).results[0]
                self._held[op.output, Held.FIRST] = [here, *[None] * (self._devices - 1)]
            case SendOp():
                self._add(0, SendOp.on(op.channel, self._on_first(op.input)), op)
            case _:
                assert isinstance(op, ReturnOp)
                self._return(op)

    def finished(self, device: int) -> FuncOp:
        """The program of a device. It has the arguments that it uses and the state that it keeps; the first one those
        that nobody uses, too, and all results that do not stay.
        """
        main, block = self._main, self._blocks[device]
        kept: list[DictionaryAttr] = []
        for argument, of in reversed(list(zip(block.args, self._arguments[device], strict=True))):
            if argument.uses or of in self._rules or not (device or of.uses):
                kept += [main.arg_attrs.data[of.index]] if main.arg_attrs else []
            else:
                block.erase_arg(argument)
        results = [value.type for value in cast(ReturnOp, block.last_op).operands]
        returned = [n for n in range(len(main.function_type.outputs)) if self._returns(device, n)]
        named = [main.res_attrs.data[n] for n in returned] if main.res_attrs else []
        program = FuncOp(
            "main",
            FunctionType.from_lists([argument.type for argument in block.args], results),
            Region(block),
            arg_attrs=ArrayAttr[DictionaryAttr](kept[::-1]) if kept else None,
            res_attrs=ArrayAttr[DictionaryAttr](named) if named else None,
        )
        program.location = main.location
        return program

    def _argument(self, device: int, argument: BlockArgument, box: Box) -> SSAValue:
        tensor = TensorType(tensor_type(argument).element_type, extents(box))
        copy = self._blocks[device].insert_arg(tensor, len(self._blocks[device].args))
        copy.name_hint, copy.location = argument.name_hint, argument.location
        self._arguments[device].append(argument)
        return copy

    def _return(self, op: ReturnOp) -> None:
        there = [
            self._provided(value, self._stays.get(position, Held.FIRST)) for position, value in enumerate(op.operands)
        ]
        for device in range(self._devices):
            values = [values[device] for position, values in enumerate(there) if self._returns(device, position)]
            self._add(device, ReturnOp(*(value for value in values if value is not None)), op)

    def _returns(self, device: int, position: int) -> bool:
        """Whether a device gives a result: the first one does, and those that keep some of it."""
        return not device or self._stays.get(position, Held.FIRST) is not Held.FIRST

    def _compute(self, op: GraphOp) -> None:
        rule = self._rules[op]
        operands = [self._provided(value, need) for value, need in zip(op.operands, rule.needs, strict=True)]
        made: Everywhere = [None] * self._devices
        for device in range(self._devices):
            if box_of(rule.state, op.result_type.get_shape(), device) is not None:
                here = [values[device] for values in operands]
                new = local_op(op, [value for value in here if value is not None], rule.state, device)
                made[device] = self._named(self._add(device, new, op), op.output)
        self._held[op.output, rule.state] = made

    def _on_first(self, value: SSAValue) -> SSAValue:
        there, *_ = self._provided(value, Held.FIRST)
        assert there is not None
        return there

    def _provided(self, value: SSAValue, need: State) -> Everywhere:
        """The value as it is needed: held so already, or brought there."""
        held = self._held.get((value, need))
        if held is None:
            held = self._constants(value, need) if isinstance(value.owner, ConstantOp) else self._brought(value, need)
            self._held[value, need] = held
        return held

    def _constants(self, value: SSAValue, need: State) -> Everywhere:
        return self._each(value, need, lambda device, box: self._constant(device, value, box))

    def _constant(self, device: int, value: SSAValue, box: Box) -> SSAValue:
        constant = constant_of(value)
        assert constant is not None
        for dim, interval in enumerate(box):
            constant = part_of(constant, dim, range(*interval), self._store)
        return self._add(device, constant_like(value, constant), cast(Operation, value.owner)).results[0]

    def _each(self, value: SSAValue, state: State, make: Callable[[int, Box], SSAValue]) -> Everywhere:
        """Something for every device that has some of a value."""
        shape = tensor_type(value).get_shape()
        boxes = [box_of(state, shape, device) for device in range(self._devices)]
        return [None if box is None else make(device, box) for device, box in enumerate(boxes)]

    def _brought(self, value: SSAValue, need: State) -> Everywhere:
        """By exchanges from the state that the value is made in, or from a state on the way that exists."""
        tensor = tensor_type(value)
        shape, size = tensor.get_shape(), element_bytes(tensor.element_type)
        own = self._own(value)
        origin = origin_of(own, need, self._needs(value), shape, self._devices)
        if origin is not own:
            self._provided(value, origin)
        way = self._exchanges.way(origin, need, shape, size)
        for source, target in pairwise(way):
            if (value, target) not in self._held:
                self._held[value, target] = self._exchanged(value, source, target)
        return self._held[value, need]

    def _own(self, value: SSAValue) -> State:
        if isinstance(value, BlockArgument):
            return self._rules[value].state if value in self._rules else Held.WHOLE
        return self._rules[cast(Made, value.owner)].state

    def _needs(self, value: SSAValue) -> set[State]:
        return {self._need(use.operation, use.index) for use in value.uses}

    def _need(self, user: Operation, index: int) -> State:
        if isinstance(user, GraphOp):
            return self._rules[user].needs[index]
        return self._stays.get(index, Held.FIRST) if isinstance(user, ReturnOp) else Held.FIRST

    def _exchanged(self, value: SSAValue, source: State, target: State) -> Everywhere:
        """One exchange: all sends, then all receives, then what every device makes of its pieces."""
        held, shape = self._held[value, source], tensor_type(value).get_shape()
        pieces = pieces_of(source, target, shape, self._devices)
        boxes = [box_of(source, shape, device) for device in range(self._devices)]
        cut: dict[tuple[int, Box], SSAValue] = {}

        def piece_at(sender: int, box: Box) -> SSAValue:
            whole, around = held[sender], boxes[sender]
            assert whole is not None
            assert around is not None
            if (sender, box) not in cut:
                cut[sender, box] = self._sliced(sender, value, whole, around, box)
            return cut[sender, box]

        channels: dict[Piece, int] = {}
        for piece in sorted(pieces, key=self._turn):
            if piece.sender != piece.receiver:
                channel = ChannelAttr.of(self._sent, self._connection.link, self._connection.names[piece.receiver])
                self._add(piece.sender, SendOp.on(channel, piece_at(piece.sender, piece.box)), _maker(value))
                channels[piece] = self._sent
                self._sent += 1
        there: dict[Piece, SSAValue] = {
            piece: piece_at(piece.sender, piece.box) for piece in pieces if piece.sender == piece.receiver
        }
        for piece, number in channels.items():
            channel = ChannelAttr.of(number, self._connection.link, self._connection.names[piece.sender])
            tensor = TensorType(tensor_type(value).element_type, extents(piece.box))
            receive = self._add(piece.receiver, ReceiveOp.on(channel, tensor), _maker(value))
            there[piece] = self._named(receive, value)
        return self._each(
            value,
            target,
            lambda device, _: self._joined(device, value, source, [there[p] for p in pieces if p.receiver == device]),
        )

    def _turn(self, piece: Piece) -> tuple[int, int]:
        """In which order pieces are sent: to the next device first, so that not all send to the same."""
        return (piece.receiver - piece.sender) % self._devices, piece.sender

    def _sliced(self, device: int, value: SSAValue, whole: SSAValue, around: Box, box: Box) -> SSAValue:
        """A box of a value, of which a device has the box `around`."""
        if box == around:
            return whole
        places = {
            "starts": [low - first for (low, _), (first, _) in zip(box, around, strict=True)],
            "stops": [high - first for (_, high), (first, _) in zip(box, around, strict=True)],
            "steps": [1] * len(box),
        }
        tensor = TensorType(tensor_type(value).element_type, extents(box))
        properties = {name: to_attribute(numbers) for name, numbers in places.items()}
        part = SliceOp.create(operands=[whole], result_types=[tensor], properties=properties)
        return self._named(self._add(device, part, _maker(value)), value)

    def _joined(self, device: int, value: SSAValue, source: State, pieces: Sequence[SSAValue]) -> SSAValue:
        """Pieces next to each other, or summands added in the order of devices, which is the same on all."""
        first, *others = pieces
        if source is not Held.PARTIAL:
            if not others:
                return first
            assert isinstance(source, Slices)
            joined = ConcatOp.of(pieces, {"axis": source.dim})
            return self._named(self._add(device, joined, _maker(value)), value)
        for other in others:
            first = self._named(self._add(device, AddOp.of([first, other]), _maker(value)), value)
        return first

    def _add(self, device: int, op: Operation, like: Operation) -> Operation:
        op.location = like.location
        self._blocks[device].add_op(op)
        return op

    def _named(self, op: Operation, value: SSAValue) -> SSAValue:
        (result,) = op.results
        result.name_hint = value.name_hint
        return result


def _maker(value: SSAValue) -> Operation:
    """The op that ops which hand a value on belong to."""
    owner = value.owner
    return owner if isinstance(owner, Operation) else cast(Operation, owner.parent_op())
