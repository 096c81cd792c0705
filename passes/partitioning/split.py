"""Divides a program into parts, each a module of its own, by which part every op is in.

A value that another part uses is sent right behind the op that makes it and received right before its first use there.
Constants are handles: each part that uses one has it. Arguments go to the parts that use them; results come from the
parts that make them, and the module around remembers the order of both. State stays with the part that makes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue

from dialects.channels import ChannelAttr, Link
from dialects.graph.base import tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.ports import input_ports, output_ports
from dialects.module import main_of, set_held, set_port_names
from dialects.retained import set_retained
from passes.partitioning.retained import ProgramState, homes_of


@dataclass(frozen=True)
class Part:
    """A part of a network: its name, and the attributes of its module."""

    name: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])


Links: TypeAlias = Callable[[int, int], Link]
"""What tensors pass from one part to another, parts by their numbers."""


def split_program(module: ModuleOp, parts: Sequence[Part], of: Mapping[Operation, int], links: Links) -> None:
    """Puts the program of a module into modules inside it, one per part.

    `of`: the part of every op but constants and the return. The program's signature is remembered by the module.
    """
    main = main_of(module)
    state = ProgramState.of(module)
    split = _Split(main, parts, of, links, state, homes_of(module, of))
    for op in list(main.body.block.ops):
        split.add(op)
    inner = [split.finished(number) for number in range(len(parts))]
    hold_parts(module, main, inner)


def hold_parts(module: ModuleOp, main: FuncOp, parts: Sequence[ModuleOp]) -> None:
    """Puts modules in place of the program `main` of a module, which remembers its signature."""
    inputs, outputs = input_ports(main), output_ports(main)
    main.detach()
    main.erase(safe_erase=False)
    module.body.block.add_ops(parts)
    set_held(module, "partitions")
    set_port_names(module, "input", [port.name for port in inputs])
    set_port_names(module, "output", [port.name for port in outputs])


class _Split:
    """The parts while they grow, op by op in the order of the text."""

    def __init__(
        self,
        main: FuncOp,
        parts: Sequence[Part],
        of: Mapping[Operation, int],
        links: Links,
        state: ProgramState,
        homes: Mapping[BlockArgument, int],
    ) -> None:
        self._main, self._parts, self._of, self._links = main, parts, of, links
        self._state, self._homes = state, homes
        self._blocks = [Block() for _ in parts]
        self._values: list[dict[SSAValue, SSAValue]] = [{} for _ in parts]
        """Of each part, what stands in it for values of the whole."""
        self._arguments: list[list[int]] = [[] for _ in parts]
        self._results: list[tuple[list[int], list[SSAValue]]] = [([], []) for _ in parts]
        self._channels: dict[tuple[SSAValue, int], ChannelAttr] = {}
        """What each part receives: the channel as the receiver sees it."""
        self._sent = 0
        for argument in main.body.block.args:
            for number in sorted(self._readers(argument) or {0}):
                copy = self._blocks[number].insert_arg(argument.type, len(self._blocks[number].args))
                copy.name_hint, copy.location = argument.name_hint, argument.location
                self._arguments[number].append(argument.index)
                self._values[number][argument] = copy

    def add(self, op: Operation) -> None:
        """Puts an op where it belongs, and sends its result where it is used."""
        if isinstance(op, ReturnOp):
            self._return(op)
        elif not isinstance(op, ConstantOp):
            here = self._of[op]
            self._copy(op, here)
            for result in op.results:
                for there in sorted(self._users(result) - {here}):
                    self._send(result, here, there)

    def finished(self, number: int) -> ModuleOp:
        """The module of a part."""
        block, part = self._blocks[number], self._parts[number]
        indices, results = self._results[number]
        block.add_op(_at(ReturnOp(*results), cast(Operation, self._main.body.block.last_op)))
        main = FuncOp(
            "main",
            FunctionType.from_lists([a.type for a in block.args], [value.type for value in results]),
            Region(block),
            arg_attrs=_picked(self._main.arg_attrs, self._arguments[number]),
            res_attrs=_picked(self._main.res_attrs, indices),
        )
        main.location = self._main.location
        module = ModuleOp([main], dict(part.attributes), StringAttr(part.name))
        if self._homes:
            set_retained(module, [self._state.names[arg] for arg, home in self._homes.items() if home == number])
        return module

    def _users(self, value: SSAValue) -> set[int]:
        """The parts in which ops use a value."""
        return {self._of[use.operation] for use in value.uses if use.operation in self._of}

    def _readers(self, argument: BlockArgument) -> set[int]:
        """The parts that have an argument: where it is used, where it stays, and where it becomes state."""
        becomes = {self._home(use.index) for use in argument.uses if isinstance(use.operation, ReturnOp)}
        return (self._users(argument) | becomes | {self._homes.get(argument)}) - {None}  # pyright: ignore

    def _home(self, position: int) -> int | None:
        """The part that keeps a result; None for one that does not stay."""
        argument = self._state.becomes.get(position)
        return None if argument is None else self._homes[argument]

    def _copy(self, op: Operation, number: int) -> None:
        for operand in op.operands:
            self._provide(operand, number)
        copy = op.clone(self._values[number])
        self._blocks[number].add_op(copy)
        for before, after in zip(op.results, copy.results, strict=True):
            self._values[number][before] = after

    def _provide(self, value: SSAValue, number: int) -> None:
        """Sees to it that a part has a value."""
        values = self._values[number]
        if value in values:
            return
        owner = value.owner
        assert isinstance(owner, Operation)
        if isinstance(owner, ConstantOp):
            self._copy(owner, number)
            return
        receive = ReceiveOp.on(self._channels[value, number], tensor_type(value))
        receive.output.name_hint = value.name_hint
        self._blocks[number].add_op(_at(receive, owner))
        values[value] = receive.output

    def _send(self, value: SSAValue, here: int, there: int) -> None:
        link = self._links(here, there)
        channel = ChannelAttr.of(self._sent, link, self._parts[there].name)
        self._channels[value, there] = ChannelAttr.of(self._sent, link, self._parts[here].name)
        self._sent += 1
        send = SendOp.on(channel, self._values[here][value])
        self._blocks[here].add_op(_at(send, cast(Operation, value.owner)))

    def _return(self, op: ReturnOp) -> None:
        for index, value in enumerate(op.operands):
            home = self._home(index)
            number = self._maker(value) if home is None else home
            self._provide(value, number)
            indices, results = self._results[number]
            indices.append(index)
            results.append(self._values[number][value])

    def _maker(self, value: SSAValue) -> int:
        """The part that gives a result: the one that makes it, else the first that has it."""
        if not isinstance(value, BlockArgument) and value.owner in self._of:
            return self._of[cast(Operation, value.owner)]
        return next((number for number, values in enumerate(self._values) if value in values), 0)


def _at(op: Operation, like: Operation) -> Operation:
    op.location = like.location
    return op


def _picked(attributes: ArrayAttr[DictionaryAttr] | None, indices: Sequence[int]) -> ArrayAttr[DictionaryAttr] | None:
    return ArrayAttr([attributes.data[index] for index in indices]) if attributes and indices else None
